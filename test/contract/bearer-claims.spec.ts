import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/platform/core/identifier.js';
import { SessionService } from '../../src/session/session.service.js';
import { SigningKeyRing } from '../../src/session/tokens/signing-key-ring.js';
import { type Gateway, type HeldSession, startGateway } from '../support/gateway.js';
import { signRaw } from '../support/token.forge.js';

let gateway: Gateway;
let session: HeldSession;

beforeAll(async () => {
  gateway = await startGateway();
  session = await gateway.session();
});

afterAll(async () => {
  await gateway?.stop();
});

/** A payload that our own key signed, sent both ways. @returns the two statuses. */
async function present(payload: unknown): Promise<readonly number[]> {
  const { key, kid } = gateway.app.get(SigningKeyRing, { strict: false }).signing();
  const token = await signRaw(key, { alg: 'ES256', typ: 'at+jwt', kid }, payload);
  const cookie = `${gateway.cookieName}=${gateway.seal(token)}`;
  const answers = [
    await gateway.request('/api/v1/me', { headers: { authorization: `Bearer ${token}` } }),
    await gateway.request('/api/v1/me', { headers: { cookie } }),
  ];
  return answers.map(({ status }) => status);
}

/** The session's claims with some changed; undefined takes one away. */
function claims(changes: Readonly<Record<string, unknown>> = {}): unknown {
  return JSON.parse(JSON.stringify({ ...session.claims, ...changes }));
}

const now = () => Math.floor(Date.now() / 1000);

describe('claims of the augmented token', () => {
  it('the claims as they were minted are taken', async () => {
    expect(await present(claims())).toEqual([200, 200]);
  });

  it.each(['exp', 'iss', 'aud', 'sub', 'sid', 'jti', 'iat', 'nbf', 'auth_time', 'amr', 'idp', 'scope'])(
    'a token without %s is refused [T10]',
    async (claim) => {
      expect(await present(claims({ [claim]: undefined }))).toEqual([401, 401]);
    },
  );

  it.each(['exp', 'iss', 'aud', 'sub', 'sid', 'jti', 'iat', 'nbf'])(
    'a token whose %s is null, {}, [], true or an empty text is refused [T12]',
    async (claim) => {
      for (const value of [null, {}, [], true, '']) {
        expect(await present(claims({ [claim]: value }))).toEqual([401, 401]);
      }
    },
  );

  it('a token that expired is refused as bearer; clocks may differ by 60 seconds [T10]', async () => {
    const [inTolerance] = await present(claims({ exp: now() - 50 }));
    const [expired] = await present(claims({ exp: now() - 61 }));
    expect([inTolerance, expired]).toEqual([200, 401]);
  });

  it('a token that starts in the future is refused as bearer, and our cookie’s renewed; clocks may differ by 60 seconds [T10]', async () => {
    expect(await present(claims({ nbf: now() + 50 }))).toEqual([200, 200]);
    expect(await present(claims({ nbf: now() + 61 }))).toEqual([401, 200]);
    await gateway.app.get(SessionService, { strict: false }).end({ id: session.claims.sid }, 'logout');
    expect(await present(claims({ nbf: now() + 61 }))).toEqual([401, 401]);
    session = await gateway.session();
  });

  it('times that are text, fractions, negative or beyond all integers are refused', async () => {
    for (const exp of [String(now() + 600), now() + 600.5, -1, Number.MAX_VALUE]) {
      expect(await present(claims({ exp }))).toEqual([401, 401]);
    }
  });

  it.each([
    'https://auth.example.test/',
    'https://auth.example.test:443',
    'http://auth.example.test',
    'https://AUTH.example.test',
    'https://auth.example.test.evil.test',
    'https://api.auth.example.test',
    'https://other.example.test',
    ['https://auth.example.test'],
  ])('issuer %j is refused [T10]', async (iss) => {
    expect(await present(claims({ iss }))).toEqual([401, 401]);
  });

  it.each([
    'https://other.example.test',
    'https://auth.example.test/',
    ['https://other.example.test'],
    ['https://auth.example.test', 'https://other.example.test'],
    ['https://other.example.test', 'https://auth.example.test'],
    ['https://auth.example.test'],
  ])('audience %j (wrong, or mixed) is refused [T10]', async (aud) => {
    expect(await present(claims({ aud }))).toEqual([401, 401]);
  });

  it('a claim that is there twice is refused, in either order [T12]', async () => {
    const { sub, ...rest } = session.claims;
    const body = JSON.stringify(rest).slice(1);
    for (const [first, second] of [
      [sub, newId()],
      [newId(), sub],
      [sub, sub],
    ]) {
      // Only who mints tokens can seal them, and mints them by JSON.stringify: a cookie's is not asked (docs/adr/0015).
      const [asBearer] = await present(`{"sub":"${first}","sub":"${second}",${body}`);
      expect(asBearer).toBe(401);
    }
  });

  it('a payload that is no object, or no JSON, is refused', async () => {
    for (const payload of ['null', '[]', '"text"', '1', '{', '', '\u0000', '{}']) {
      expect(await present(payload)).toEqual([401, 401]);
    }
  });

  it('a claim named __proto__ changes nothing', async () => {
    const body = JSON.stringify(session.claims).slice(1);
    const [bearer] = await present(`{"__proto__":{"role":"admin","email_verified":false},${body}`);
    expect(bearer).not.toBe(500);
    expect(Reflect.get({}, 'role')).toBeUndefined();
  });

  it('a token of another gateway (other issuer, other key) is refused', async () => {
    const other = await startGateway({ PUBLIC_URL: 'https://other.example.test' });
    try {
      const { bearer, cookie } = await other.session();
      const statuses = [
        await gateway.request('/api/v1/me', { headers: { authorization: bearer } }),
        await gateway.request('/api/v1/me', { headers: { cookie } }),
      ].map(({ status }) => status);
      expect(statuses).toEqual([401, 401]);
    } finally {
      await other.stop();
    }
  });
});
