import { expect, it } from 'vitest';
import { ClientError, Configuration, customFetch, fetchUserInfo, refreshTokenGrant } from 'openid-client';
import { deploymentRefusalOf, isRefusalOfToken, isRefusalOfUser, refusalOf } from './provider-refusal.js';

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
  // node-oidc-provider and others, Google, Hydra, Zitadel.
  [401, JSON.stringify({ error: 'invalid_token' }), true],
  [401, JSON.stringify({ error: 'invalid_request', error_description: 'Invalid Credentials' }), true],
  [401, JSON.stringify({ error: 'request_unauthorized' }), true],
  [401, JSON.stringify({ error: 'access_denied' }), true],
  [401, JSON.stringify({ error: { code: 'InvalidAuthenticationToken', message: 'expired' } }), true],
  [401, '', false],
  [401, 'Unauthorized', false],
  [401, JSON.stringify({ message: 'Unauthorized' }), false],
  [401, JSON.stringify({ error: 'Unauthorized', status: 401, path: '/userinfo' }), false],
  [403, JSON.stringify({ error: 'Forbidden', status: 403, path: '/userinfo' }), false],
  [403, JSON.stringify({ error: { code: 403, message: 'Forbidden' } }), false],
  [401, JSON.stringify({ error: 'invalid_client' }), false],
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
  // Auth0 and Okta, whose bodies tell nothing.
  ['Bearer realm="Users", error="invalid_token", error_description="The token has expired"', true],
  ['Bearer realm="provider", error="insufficient_scope"', true],
  ['Bearer error=invalid_token', true],
  ['DPoP error="invalid_token", algs="ES256"', true],
  // As a proxy in front of a provider asks for its own login, or answers one that hasn't seen the token (RFC 6750 section 3.1).
  ['Basic realm="proxy"', false],
  ['Bearer realm="provider"', false],
  ['Bearer realm="error=invalid_token"', false],
  ['Bearer realm="provider", error="invalid_client"', false],
])('the challenge %s of userinfo refuses the token: %s', async (challenge, isRefused) => {
  for (const status of [401, 403]) {
    expect(await isRefusalOfToken(await errorOf(challenge, status))).toBe(isRefused);
  }
});

it('a challenge without a scheme, as authentik has it, refuses the token', async () => {
  const error = await errorOf('error="invalid_token", error_description="The token has expired"', 401);
  expect(error).toBeInstanceOf(ClientError);
  expect(await isRefusalOfToken(error)).toBe(true);
});

it('a challenge that tells nothing leaves it to the body', async () => {
  const body = JSON.stringify({ error: 'invalid_token' });
  expect(await isRefusalOfToken(await errorOf('Bearer realm="provider"', 401, body))).toBe(true);
});

/** What openid-client throws for an answer of userinfo. */
async function errorOf(challenge: string, status: number, body = ''): Promise<unknown> {
  const server = { issuer: 'https://id.example.org', userinfo_endpoint: 'https://id.example.org/userinfo' };
  const client = new Configuration(server, 'vestibule');
  client[customFetch] = async () =>
    new Response(body, { status, headers: { 'www-authenticate': challenge } });
  return fetchUserInfo(client, 'token', 'ada').catch((error: unknown) => error);
}

it.each([
  'invalid_grant',
  'access_denied',
  'login_required',
  'mfa_required',
  'inactive_user',
  'unmet_authentication_requirements',
])('the token endpoint refuses the user by %s, and no deployment', async (error) => {
  const refused = await refreshError(400, error);
  expect([isRefusalOfUser(refused), deploymentRefusalOf(refused)]).toEqual([true, undefined]);
});

it.each([
  [401, 'access_denied'],
  [401, 'invalid_client'],
  [400, 'unauthorized_client'],
])('the token endpoint refuses the deployment by %i %s, and no user', async (status, error) => {
  const refused = await refreshError(status, error);
  expect(isRefusalOfUser(refused)).toBe(false);
  expect(deploymentRefusalOf(refused)).toMatchObject({ code: 'provider_misconfigured' });
});

/** What openid-client throws for an error of the token endpoint. */
async function refreshError(status: number, error: string): Promise<unknown> {
  const server = { issuer: 'https://id.example.org', token_endpoint: 'https://id.example.org/token' };
  const client = new Configuration(server, 'vestibule');
  client[customFetch] = async () => Response.json({ error }, { status });
  return refreshTokenGrant(client, 'token').catch((thrown: unknown) => thrown);
}
