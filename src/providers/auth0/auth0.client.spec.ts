import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfiguration } from '../../platform/config/configuration.js';
import { CircuitBreaker } from '../../platform/upstream/circuit-breaker.js';
import { UpstreamCalls } from '../../platform/upstream/upstream-calls.js';
import { Auth0Client } from './auth0.client.js';

let server: Server;
let base: string;
let answer: { readonly status: number; readonly body: string };

beforeAll(async () => {
  server = createServer((_request, response) => {
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});

afterAll(() => server?.close());

/** Exchanges a code at a token endpoint that answers so. */
async function exchange(status: number, body: string): Promise<unknown> {
  answer = { status, body };
  const configuration = loadConfiguration({
    AUTH_PROVIDER: 'auth0',
    PUBLIC_URL: 'http://localhost:3000',
    SECRETS: randomBytes(32).toString('hex'),
    DATABASE_URL: 'file::memory:',
    AUTH0_DOMAIN: base,
    AUTH0_CLIENT_ID: 'vestibule',
    AUTH0_CLIENT_SECRET: 'secret',
  });
  if (configuration.AUTH_PROVIDER !== 'auth0') {
    throw new Error('the settings are those of Auth0');
  }
  const client = new Auth0Client(configuration, new CircuitBreaker('auth0'), UpstreamCalls.unobserved());
  const checks = { state: 'state', codeVerifier: 'verifier', nonce: 'nonce' };
  return client.exchange(new URL('http://localhost:3000/auth/callback?code=code&state=state'), checks);
}

it.each([
  [401, 'access_denied', 'provider_misconfigured', 'provider_invalid_client'],
  [401, 'invalid_client', 'provider_misconfigured', 'provider_invalid_client'],
  // What a rule of Auth0 denies is about the user.
  [403, 'access_denied', 'login_refused', 'provider_access_denied'],
  [403, 'invalid_grant', 'login_refused', 'provider_invalid_grant'],
  [503, 'temporarily_unavailable', 'provider_unavailable', 'provider_temporarily_unavailable'],
])('a token endpoint that answers %i %s is %s (%s)', async (status, error, code, reason) => {
  await expect(exchange(status, JSON.stringify({ error }))).rejects.toMatchObject({ code, reason });
});

it.each([
  [502, '<html>Bad gateway</html>', 'provider_unavailable', 'auth0_unreachable'],
  [403, JSON.stringify({ message: 'Forbidden' }), 'login_refused', 'auth0_answer_invalid'],
])('a token endpoint that answers %i %s is %s (%s)', async (status, body, code, reason) => {
  await expect(exchange(status, body)).rejects.toMatchObject({ code, reason });
});
