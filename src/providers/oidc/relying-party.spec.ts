import { expect, it } from 'vitest';
import { toExchangedTokens } from './relying-party.js';

const answer = { accessToken: 'token', expiresIn: 600, scope: 'openid' };

it.each([
  [undefined, []],
  [
    ['pwd', 'mfa'],
    ['pwd', 'mfa'],
  ],
  [['api_key'], []],
  [['client_credentials', 'pwd', 'api_key'], ['pwd']],
])('of what a provider states as amr, %j, only its own methods are taken over', (amr, expected) => {
  expect(toExchangedTokens(answer, { sub: 'ada', amr })).toMatchObject({ amr: expected });
});

it('a method of ours that a provider states is no second factor', () => {
  expect(toExchangedTokens(answer, { sub: 'ada', amr: ['client_credentials'] }).acr).toBe('aal1');
});
