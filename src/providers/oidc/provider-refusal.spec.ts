import { expect, it } from 'vitest';
import { ClientError, WWWAuthenticateChallengeError } from 'openid-client';
import { isRefusalOfToken, refusalOf } from './provider-refusal.js';

it.each([
  ['server_error', 'provider_unavailable'],
  ['temporarily_unavailable', 'provider_unavailable'],
  ['invalid_client', 'provider_misconfigured'],
  ['invalid_scope', 'provider_misconfigured'],
  ['access_denied', 'login_refused'],
  ['login_required', 'login_refused'],
  ['<script>', 'login_refused'],
])('the error %s of a provider is %s', (error, code) => {
  expect(refusalOf(error)).toMatchObject({ code, reason: expect.stringMatching(/^provider_[a-z_]+$/) });
});

it.each([
  [401, '', true],
  [403, JSON.stringify({ error: 'insufficient_scope' }), true],
  // As gateways and firewalls in front of a provider answer.
  [403, JSON.stringify({ message: 'Forbidden' }), false],
  [403, '<html>Blocked</html>', false],
  [403, '', false],
  [503, JSON.stringify({ error: 'server_error' }), false],
])('an answer %i %s of userinfo refuses the token: %s', async (status, body, isRefused) => {
  const headers = { 'content-type': 'application/json' };
  const error = new ClientError('unexpected HTTP status code', {
    cause: new Response(body, { status, headers }),
  });
  expect(await isRefusalOfToken(error)).toBe(isRefused);
});

it.each([
  [{ realm: 'provider', error: 'insufficient_scope' }, true],
  // As a proxy in front of a provider asks for its own login.
  [{ realm: 'proxy' }, false],
])('a 403 with the challenge %j refuses the token: %s', async (parameters, isRefused) => {
  const error = new WWWAuthenticateChallengeError('challenged', {
    cause: [{ scheme: 'bearer', parameters }],
    response: new Response(null, { status: 403 }),
  });
  expect(await isRefusalOfToken(error)).toBe(isRefused);
});
