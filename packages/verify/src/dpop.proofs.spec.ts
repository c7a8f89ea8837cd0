import { createHash } from 'node:crypto';
import { type CryptoKey, type JWK, SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { protectedResource } from './protected.resource.js';
import { type TestIssuer, createTestIssuer } from './testing.js';
import { type Verifier, createVerifier } from './verifier.js';

interface Key {
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
  readonly jkt: string;
}

const url = 'https://api.example.test/v1/notes';
const none = undefined;
let issuer: TestIssuer;
let vestibule: Verifier;
let key: Key;
let token: string;

async function newKey(alg = 'ES256'): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return { alg, privateKey, jwk, jkt: await calculateJwkThumbprint(jwk) };
}

beforeAll(async () => {
  issuer = await createTestIssuer();
  vestibule = createVerifier({ ...issuer.options, dpop: 'https://api.example.test/v1/' });
  key = await newKey();
  token = await issuer.token({ cnf: { jkt: key.jkt } });
});

interface Changes {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly by?: Key;
}

async function proof({ claims = {}, header = {}, by = key }: Changes = {}, of = token): Promise<string> {
  return new SignJWT({
    jti: crypto.randomUUID(),
    htm: 'GET',
    htu: url,
    iat: Math.floor(Date.now() / 1000),
    ath: createHash('sha256').update(of).digest('base64url'),
    ...claims,
  })
    .setProtectedHeader({ alg: by.alg, typ: 'dpop+jwt', jwk: by.jwk, ...header })
    .sign(by.privateKey);
}

/** A request as a service gets it whose proxy takes its own prefix, `/v1`, away. */
function request(dpop: string | undefined, authorization = `DPoP ${token}`, method = 'GET'): Request {
  return new Request('http://10.0.0.7:8080/notes?page=2', {
    method,
    headers: { authorization, ...(dpop === undefined ? {} : { dpop }) },
  });
}

const verdict = async (sent: Request, by = vestibule): Promise<string> =>
  by.authenticate(sent).then(
    ({ user }) => (user.id === '' ? 'nobody' : 'admitted'),
    (error: unknown) => String(Reflect.get(Object(error), 'reason')),
  );

describe('tokens that are bound to a key', () => {
  it.each(['ES256', 'ES384', 'ES512', 'EdDSA', 'PS256', 'RS256'])('a proof by %s', async (alg) => {
    const by = await newKey(alg);
    const bound = await issuer.token({ cnf: { jkt: by.jkt } });
    expect(await verdict(request(await proof({ by }, bound), `DPoP ${bound}`))).toBe('admitted');
  });

  const wrong: readonly (readonly [string, Changes, string])[] = [
    ['another method', { claims: { htm: 'POST' } }, 'proof_of_other_request'],
    ['another path', { claims: { htu: `${url}/1` } }, 'proof_of_other_request'],
    ['another host', { claims: { htu: 'http://10.0.0.7:8080/notes' } }, 'proof_of_other_request'],
    ['no URL', { claims: { htu: none } }, 'proof_of_other_request'],
    ['what is no URL', { claims: { htu: '/v1/notes' } }, 'proof_of_other_request'],
    ['another token', { claims: { ath: 'x' } }, 'proof_of_other_token'],
    ['no token', { claims: { ath: none } }, 'proof_of_other_token'],
    ['a time that is past', { claims: { iat: 1 } }, 'proof_too_old'],
    ['a time to come', { claims: { iat: 99_999_999_999 } }, 'proof_too_old'],
    ['a time that is no number', { claims: { iat: none } }, 'proof_too_old'],
    ['no id', { claims: { jti: none } }, 'proof_malformed'],
    ['a number for an id', { claims: { jti: 1 } }, 'proof_malformed'],
    ['too long an id', { claims: { jti: 'x'.repeat(201) } }, 'proof_malformed'],
    ['another type', { header: { typ: 'JWT' } }, 'proof_malformed'],
    ['no key', { header: { jwk: none } }, 'proof_malformed'],
    ['a symmetric key', { header: { jwk: { kty: 'oct', k: 'AAAA' } } }, 'proof_malformed'],
  ];

  it.each(wrong)('a proof with %s is refused', async (_name, changes, reason) => {
    expect(await verdict(request(await proof(changes)))).toBe(reason);
  });

  it('a proof of another key, with a private key, or that somebody else signed, is refused', async () => {
    const by = await newKey();
    expect(await verdict(request(await proof({ by })))).toBe('proof_of_other_key');
    expect(await verdict(request(await proof({ by, header: { jwk: key.jwk } })))).toBe('proof_malformed');
    const jwk = { ...key.jwk, d: 'AAAA' };
    expect(await verdict(request(await proof({ header: { jwk } })))).toBe('proof_malformed');
  });

  it('a proof is good once, of requests at the same time too, and for the same request', async () => {
    const good = await proof();
    const outcomes = await Promise.all(Array.from({ length: 5 }, async () => verdict(request(good))));
    expect(outcomes.toSorted()).toEqual(['admitted', ...Array.from({ length: 4 }, () => 'proof_used')]);
    const sent = request(await proof());
    // A guard for all routes, and one for this one.
    expect([await verdict(sent), await verdict(sent)]).toEqual(['admitted', 'admitted']);
  });

  it('without a proof, as a bearer, or alone, a bound token is refused', async () => {
    expect(await verdict(request(none))).toBe('proof_missing');
    expect(await verdict(request(''))).toBe('proof_malformed');
    expect(await verdict(request('x'.repeat(9000)))).toBe('proof_malformed');
    const bearer = request(await proof(), `Bearer ${token}`);
    expect(await verdict(bearer)).toBe('proof_missing');
    expect(vestibule.recall(bearer)).toBeUndefined();
    await expect(vestibule.verify(token)).rejects.toMatchObject({ reason: 'proof_missing' });
    const refused = await vestibule.authenticate(bearer).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      status: 401,
      headers: {
        'www-authenticate': expect.stringMatching(/^DPoP error="invalid_dpop_proof", algs="ES256 /),
      },
    });
  });

  it('a service that isn’t set up for proofs refuses them, and the token', async () => {
    const plain = createVerifier(issuer.options);
    expect(await verdict(request(await proof()), plain)).toBe('token_malformed');
    expect(await verdict(request(await proof(), `Bearer ${token}`), plain)).toBe('proof_missing');
    expect(plain.recall(request(none, `Bearer ${token}`))).toBeUndefined();
  });

  it('a token that isn’t bound is no DPoP token, and stays good as a bearer', async () => {
    const free = await issuer.token();
    expect(await verdict(request(await proof({}, free), `DPoP ${free}`))).toBe('token_not_bound');
    expect(await verdict(request(none, `Bearer ${free}`))).toBe('admitted');
  });

  it('a token that is bound to something else is refused', async () => {
    const other = await issuer.token(JSON.parse('{"cnf":{"x5t#S256":"x"}}'));
    expect(await verdict(request(none, `Bearer ${other}`))).toBe('token_claims');
  });

  it('a request of Node has the path that came, also where a router has taken a part away', async () => {
    const sent = {
      headers: { authorization: `DPoP ${token}`, dpop: await proof() },
      rawHeaders: [],
      method: 'GET',
      url: '/',
      originalUrl: '/notes?page=2',
    };
    expect((await vestibule.authenticate(sent)).claims.cnf?.jkt).toBe(key.jkt);
  });

  it('a path that leads out of the service’s own is none of its addresses', async () => {
    for (const path of ['/../admin', '/notes/../../admin', '/..', '/%2e%2e/admin']) {
      const { pathname } = new URL(`https://api.example.test/v1${path}`);
      const htu = `https://api.example.test${pathname}`;
      const sent = {
        headers: { authorization: `DPoP ${token}`, dpop: await proof({ claims: { htu } }) },
        rawHeaders: [],
        method: 'GET',
        url: path,
      };
      await expect(vestibule.authenticate(sent)).rejects.toMatchObject({ reason: 'proof_of_other_request' });
    }
  });

  it('the resource’s metadata names the algorithms', () => {
    const resource = 'https://api.example.test/v1/notes';
    const document = (dpop: object): unknown =>
      protectedResource({ issuer: 'https://auth.example.test', resource, ...dpop }).document;
    expect(document({ dpop: 'https://api.example.test' })).toMatchObject({
      dpop_signing_alg_values_supported: expect.arrayContaining(['ES256']),
    });
    expect(document({})).not.toHaveProperty('dpop_signing_alg_values_supported');
  });

  it.each([
    '',
    'api.example.test',
    'ftp://api.example.test',
    'https://api.example.test/?a',
    'https://a.test/#b',
  ])('dpop: %j is no address', (dpop) => {
    expect(() => createVerifier({ ...issuer.options, dpop })).toThrow(/^dpop: set the URL/);
  });
});
