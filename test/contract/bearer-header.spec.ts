import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, importJWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SigningKeyRing } from '../../src/session/tokens/signing-key-ring.js';
import { type Gateway, type HeldSession, startGateway } from '../support/gateway.js';
import { encode, malleate, signHmac, signRaw } from '../support/token.forge.js';

let gateway: Gateway;
let session: HeldSession;
let ring: SigningKeyRing;

beforeAll(async () => {
  gateway = await startGateway();
  session = await gateway.session();
  ring = gateway.app.get(SigningKeyRing, { strict: false });
});

afterAll(async () => {
  await gateway?.stop();
});

/** Sends a token both ways. @returns the two statuses. */
async function present(token: string): Promise<readonly number[]> {
  const cookie = `${gateway.cookieName}=${gateway.seal(token)}`;
  const answers = [
    await gateway.request('/api/v1/me', { headers: { authorization: `Bearer ${token}` } }),
    await gateway.request('/api/v1/me', { headers: { cookie } }),
  ];
  return answers.map(({ status }) => status);
}

/** A token with our claims and our key's signature under a header of the forger's. */
async function signedWith(header: unknown): Promise<string> {
  return signRaw(ring.signing().key, header, session.claims);
}

const ours = () => ({ alg: 'ES256', typ: 'at+jwt', kid: ring.signing().kid });

describe('header of the augmented token', () => {
  it('a token that was not touched is taken, as bearer and in the cookie', async () => {
    expect(await present(session.token)).toEqual([200, 200]);
    expect(await present(await signedWith(ours()))).toEqual([200, 200]);
  });

  it.each(['none', 'noNE', 'NONE', ''])('alg %j without a signature is refused [T01]', async (alg) => {
    const unsigned = `${encode({ ...ours(), alg })}.${encode(session.claims)}.`;
    const [, , signature] = session.token.split('.');
    expect(await present(unsigned)).toEqual([401, 401]);
    expect(await present(`${unsigned}${signature}`)).toEqual([401, 401]);
  });

  it('HS256 with our public key as the secret is refused, in each form the key is published in [T02]', async () => {
    const [published = {}] = ring.jwks().keys;
    const publicKey = await importJWK(published, 'ES256');
    const jwk = JSON.stringify(published);
    const pem = publicKey instanceof Uint8Array ? '' : await exportSPKI(publicKey);
    expect(pem).toContain('PUBLIC KEY');
    for (const secret of [jwk, pem, pem.trimEnd()]) {
      const token = await signHmac(Buffer.from(secret), ours(), session.claims);
      expect(await present(token)).toEqual([401, 401]);
    }
  });

  it.each(['ES384', 'ES512', 'RS256', 'PS256', 'EdDSA', 'Ed25519', 'es256', 'ES256K'])(
    'alg %s under our kid is refused',
    async (alg) => {
      expect(await present(await signedWith({ ...ours(), alg }))).toEqual([401, 401]);
    },
  );

  it('a key that comes along in the header (jwk, x5c) is not used [T03]', async () => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    for (const extra of [{ jwk }, { jwk, kid: 'mine' }, { x5c: [jwk.x] }, { x5t: jwk.x }]) {
      const forged = await signRaw(pair.privateKey, { ...ours(), ...extra }, session.claims);
      expect(await present(forged)).toEqual([401, 401]);
      expect(await present(await signedWith({ ...ours(), ...extra }))).toEqual([401, 401]);
    }
  });

  it('a key set that the header points to (jku, x5u) is refused and not fetched [T04]', async () => {
    let fetched = 0;
    const pair = await generateKeyPair('ES256', { extractable: true });
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'mine', alg: 'ES256' };
    const server = createServer((_request, answer) => {
      fetched += 1;
      answer.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const url = `http://127.0.0.1:${portOf(server.address())}/jwks.json`;
    try {
      for (const extra of [{ jku: url }, { x5u: url }, { jku: url, x5u: url }]) {
        for (const kid of ['mine', ring.signing().kid]) {
          const token = await signRaw(pair.privateKey, { ...ours(), ...extra, kid }, session.claims);
          expect(await present(token)).toEqual([401, 401]);
        }
      }
      expect(fetched).toBe(0);
    } finally {
      server.close();
    }
  });

  it.each([
    '../',
    '../../../../dev/null',
    "' or 1=1 --",
    "x' union select 'AAAA' --",
    '__proto__',
    'constructor',
    'a'.repeat(10_240),
    '\u0000',
    '',
  ])('kid %.30j is refused [T05]', async (kid) => {
    expect(await present(await signedWith({ ...ours(), kid }))).toEqual([401, 401]);
  });

  it.each([undefined, null, 1, {}, ['x'], true])('kid of another type (%j) is refused', async (kid) => {
    expect(await present(await signedWith({ ...ours(), kid }))).toEqual([401, 401]);
  });

  // 10,000 of them: src/platform/upstream/provider-keys.spec.ts.
  it('1,000 tokens with unknown kids are 401 each, and no key is added [T06]', async () => {
    const [, payload, signature] = session.token.split('.');
    const known = ring.jwks().keys.length;
    const statuses = new Set<number>();
    for (let index = 0; index < 1000; index += 250) {
      const batch = Array.from({ length: 250 }, (_, offset) => {
        const token = `${encode({ ...ours(), kid: `unknown-${index + offset}`.padEnd(offset % 2 === 0 ? 43 : 0, '-') })}.${payload}.${signature}`;
        return gateway.request('/api/v1/me', { headers: { authorization: `Bearer ${token}` } });
      });
      for (const { status } of await Promise.all(batch)) {
        statuses.add(status);
      }
    }
    expect([...statuses]).toEqual([401]);
    expect(ring.jwks().keys).toHaveLength(known);
  });

  it('crit is refused, known or not, whatever its type [T07]', async () => {
    for (const crit of [['exp'], ['urn:x'], ['b64'], [], 'exp', null]) {
      expect(await present(await signedWith({ ...ours(), crit, b64: true, 'urn:x': 1 }))).toEqual([401, 401]);
      expect(await present(await signedWith({ ...ours(), crit }))).toEqual([401, 401]);
    }
  });

  it.each([
    undefined,
    'JWT',
    'jwt',
    'id_token',
    'logout+jwt',
    'application/at+jwt',
    'AT+JWT',
    'at+jwt ',
    null,
  ])('typ %j is refused: ID tokens, logout tokens and state tokens are no sessions [T11]', async (typ) => {
    expect(await present(await signedWith({ ...ours(), typ }))).toEqual([401, 401]);
  });

  it('the other valid ECDSA signature of the same token still is the same session, and ends with it', async () => {
    const other = await gateway.session();
    const token = malleate(other.token);
    expect(token).not.toBe(other.token);
    expect(await present(token)).toEqual([200, 200]);
    const logout = await gateway.request('/auth/logout', {
      method: 'POST',
      headers: { cookie: other.cookie },
    });
    expect(logout.status).toBe(200);
    expect(await present(token)).toEqual([401, 401]);
  });
});

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}
