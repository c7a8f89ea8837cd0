import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { CompactSign, type CryptoKey, exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LogoutTokenVerifier } from './logout-token.js';
import { ProviderKeys } from '../../platform/upstream/provider-keys.js';

const issuer = 'https://provider.example.test';
const claims = {
  iss: issuer,
  aud: 'client',
  iat: 1_800_000_000,
  jti: 'token',
  events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  sid: 'session',
};

let server: Server;
let verifier: LogoutTokenVerifier;
let signing: CryptoKey;

beforeAll(async () => {
  const pair = await generateKeyPair('ES256');
  signing = pair.privateKey;
  const published = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'first', alg: 'ES256' }] };
  server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(published));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/jwks.json`;
  verifier = new LogoutTokenVerifier({ keys: new ProviderKeys(url), issuer, audiences: ['client', 'other'] });
});

afterAll(() => {
  server?.closeAllConnections();
  server?.close();
});

async function verify(changes: object, header: object = {}): Promise<unknown> {
  const text = new TextEncoder().encode(JSON.stringify({ ...claims, ...changes }));
  const token = await new CompactSign(text)
    .setProtectedHeader({ alg: 'ES256', kid: 'first', ...header })
    .sign(signing);
  return verifier
    .verify(token)
    .catch((error: unknown): unknown => Reflect.get(Object(error), 'reason') ?? error);
}

describe('a logout token', () => {
  it('says what it says, with times in milliseconds and null for what it leaves out', async () => {
    const said = { tokenIssuer: issuer, jti: 'token', issuedAt: 1_800_000_000_000 };
    expect(await verify({})).toEqual({ ...said, expiresAt: null, sid: 'session', subject: null });
    expect(await verify({ sid: undefined, sub: 'ada', exp: 1_800_000_060 })).toEqual({
      ...said,
      expiresAt: 1_800_000_060_000,
      sid: null,
      subject: 'ada',
    });
  });

  it.each([
    ['logout_token_issuer', { iss: `${issuer}/` }],
    ['logout_token_audience', { aud: ['another'] }],
    ['logout_token_of_nobody', { sid: undefined }],
    ['logout_token_claims', { jti: '' }],
    ['logout_token_claims', { jti: 'x'.repeat(256) }],
    ['logout_token_claims', { jti: 'a\u0007b' }],
    ['logout_token_claims', { aud: undefined }],
  ])('is refused with the reason %s: %j', async (reason, changes) => {
    expect(await verify(changes)).toBe(reason);
  });

  it.each([{ aud: ['another', 'other'] }, { jti: 'x'.repeat(255) }, { sub: 'ada' }])(
    'with %j is taken',
    async (changes) => {
      expect(await verify(changes)).toMatchObject({ sid: 'session' });
    },
  );

  it.each(['JWT', 'jwt', 'logout+jwt', 'application/logout+jwt', undefined])(
    'of the type %s is taken',
    async (typ) => {
      expect(await verify({}, { typ })).toMatchObject({ jti: 'token' });
    },
  );

  it.each(['', 'at+jwt', 'jwtx', 'x+logout+jwt', 'text/jwt', null, 1, ['jwt']])(
    'of the type %j is refused',
    async (typ) => {
      expect(await verify({}, { typ })).toBe('logout_token_type');
    },
  );
});
