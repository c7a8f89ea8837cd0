import { expect, it } from 'vitest';
import { exchangeGrantType } from './token-types.js';
import { type TokenGrant, TokenGrants } from './token-grants.js';

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

const grantOf = (type: string): TokenGrant => ({
  type,
  clientId: 'tv',
  purpose: 'televisions',
  authorizationPath: '/auth/tv',
  grant: () => Promise.reject(new Error('not asked for')),
});

it('without a feature that adds one, there is token exchange alone, and no authorization endpoint', () => {
  const grants = new TokenGrants();
  expect(grants.metadata('https://auth.example')).toEqual({ grant_types_supported: [exchangeGrantType] });
  expect(grants.described).toBe(exchangeGrantType);
});

it('an added one is found by its type, and in the metadata', () => {
  const grants = new TokenGrants();
  const added = grantOf(deviceGrant);
  grants.add(added);
  expect(grants.find(deviceGrant)).toBe(added);
  expect(grants.metadata('https://auth.example')).toEqual({
    authorization_endpoint: 'https://auth.example/auth/tv',
    grant_types_supported: [exchangeGrantType, deviceGrant],
  });
  expect(grants.described).toBe(`${exchangeGrantType}, or ${deviceGrant} for televisions`);
});

it.each([exchangeGrantType, deviceGrant])('a second one of the type %s stops the start', (type) => {
  const grants = new TokenGrants();
  grants.add(grantOf(deviceGrant));
  expect(() => grants.add(grantOf(type))).toThrow(`The token endpoint has two grants of the type ${type}.`);
});
