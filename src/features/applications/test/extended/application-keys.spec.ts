import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import {
  PrivateKeyJwt,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrlWithPAR,
  calculatePKCECodeChallenge,
  discovery,
  randomPKCECodeVerifier,
  refreshTokenGrant,
} from 'openid-client';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { databaseKinds } from '../../../../../test/support/database.kinds.js';
import { landingOf } from '../../../../../test/support/oauth.app.js';
import { OryAdmin } from '../../../../../test/support/ory.admin.js';
import { logIn, newPerson } from '../../../../../test/support/person.js';
import { administratorOf, registerApplication } from '../../../../../test/support/registered.application.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';

const redirectUri = 'https://wiki.example.test/callback';
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const errorSchema = z.looseObject({ error: z.string() });

type Key = Awaited<ReturnType<typeof newKey>>;

async function newKey(alg = 'ES256', kid = 'first') {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg } };
}

describe.each(databaseKinds)('applications that authenticate by keys, on %s', (database) => {
  let stack: Stack;
  let issuer: string;
  let key: Key;
  let machine: string;

  beforeAll(async () => {
    stack = await startStack({ database, postgresUrl: inject('postgresUrl'), sharedOry: true });
    issuer = `${stack.url}/ory/hydra`;
    key = await newKey();
    machine = await registered({ kind: 'machine' });
  });

  afterAll(async () => {
    await stack?.stop();
  });

  afterEach(() => {
    stack.shiftClock(0);
  });

  async function registered(
    application: { readonly kind: 'web' | 'machine' },
    keys = [key],
  ): Promise<string> {
    const { id, secret } = await registerApplication(stack, {
      name: `By keys ${crypto.randomUUID()}`,
      redirectUris: application.kind === 'web' ? [redirectUri] : [],
      firstParty: application.kind === 'web',
      scope: application.kind === 'web' ? 'openid email offline_access' : '',
      jwks: { keys: keys.map(({ publicJwk }) => publicJwk) },
      ...application,
    });
    expect(secret).toBe('');
    return id;
  }

  /** An assertion as a library makes it, with changes; undefined leaves a claim out. */
  async function assertion(
    changes: Readonly<Record<string, unknown>> = {},
    { privateKey, alg, kid }: Key = key,
    id = machine,
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: id,
      sub: id,
      aud: issuer,
      iat: now,
      exp: now + 60,
      jti: crypto.randomUUID(),
      ...changes,
    };
    return new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(privateKey);
  }

  async function ask(
    jwt: string,
    more: Readonly<Record<string, string>> = {},
    path = '/oauth2/token',
  ): Promise<Page> {
    return new UserAgent(stack.url).request(`/ory/hydra${path}`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_assertion_type: assertionType,
        client_assertion: jwt,
        ...more,
      }),
    });
  }

  const told = async (jwt: string, more: Readonly<Record<string, string>> = {}): Promise<string> => {
    const answer = await ask(jwt, more);
    return answer.status === 200 ? 'ok' : `${answer.status} ${errorSchema.parse(answer.json()).error}`;
  };

  async function patched(id: string, changes: Readonly<Record<string, unknown>>): Promise<Page> {
    return (await administratorOf(stack)).send('PATCH', `/api/v1/applications/${id}`, changes);
  }

  it('a certified library logs a user in by the metadata: it pushes the request, exchanges the code and refreshes', async () => {
    const id = await registered({ kind: 'web' });
    const configuration = await discovery(
      new URL(issuer),
      id,
      undefined,
      PrivateKeyJwt({ key: key.privateKey, kid: key.kid }),
      { execute: [allowInsecureRequests] },
    );
    const verifier = randomPKCECodeVerifier();
    const url = await buildAuthorizationUrlWithPAR(configuration, {
      redirect_uri: redirectUri,
      scope: 'openid email offline_access',
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    const [browser, person] = [new UserAgent(stack.url), newPerson()];
    await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
    await logIn(browser, person);
    const landing = landingOf(await browser.navigate(url.href));
    const tokens = await authorizationCodeGrant(configuration, landing, { pkceCodeVerifier: verifier });
    expect(tokens.claims()).toMatchObject({ aud: [id], email: person.email });
    const refreshed = await refreshTokenGrant(configuration, tokens.refresh_token ?? '');
    expect(refreshed.access_token).not.toBe(tokens.access_token);
  });

  it('a machine gets tokens, by each algorithm, for the issuer and for the token endpoint', async () => {
    expect(await told(await assertion())).toBe('ok');
    expect(await told(await assertion({ exp: Date.now() / 1000 + 60.123_456 }))).toBe('ok');
    expect(await told(await assertion({ aud: `${issuer}/oauth2/token` }))).toBe('ok');
    expect(
      await told(await assertion({ aud: [issuer, `${issuer}/oauth2/token`] }), { client_id: machine }),
    ).toBe('ok');
    for (const alg of ['RS256', 'PS256', 'ES384', 'EdDSA']) {
      const own = await newKey(alg, alg);
      const id = await registered({ kind: 'machine' }, [own]);
      expect([alg, await told(await assertion({}, own, id))]).toEqual([alg, 'ok']);
    }
  });

  it('what another has signed, for another, too late, too long, or a second time is refused', async () => {
    const stranger = await newKey('ES256', key.kid);
    const other = await registered({ kind: 'machine' }, [stranger]);
    const now = Math.floor(Date.now() / 1000);
    const once = await assertion();
    expect(await told(once)).toBe('ok');
    const refused: Readonly<Record<string, string>> = {
      again: await told(once),
      'another key': await told(await assertion({}, stranger)),
      'of another application': await told(await assertion({}, stranger, other), { client_id: machine }),
      'issuer of another': await told(await assertion({ iss: other })),
      'subject of another': await told(await assertion({ sub: other })),
      'other audience': await told(await assertion({ aud: 'https://evil.example' })),
      'one more audience': await told(await assertion({ aud: [issuer, 'https://evil.example'] })),
      'no audience': await told(await assertion({ aud: [] })),
      expired: await told(await assertion({ exp: now - 60 })),
      'without end': await told(await assertion({ exp: undefined })),
      'two hours': await told(await assertion({ exp: now + 7200 })),
      'without id': await told(await assertion({ jti: undefined })),
      'empty id': await told(await assertion({ jti: '' })),
      'not yet': await told(await assertion({ nbf: now + 600 })),
      'other type': await told(await assertion(), { client_assertion_type: 'urn:other' }),
      unsigned: await told(`${btoa('{"alg":"none"}')}.${btoa(`{"sub":"${machine}"}`)}.`.replaceAll('=', '')),
      'no token': await told('x'),
      empty: await told(''),
    };
    expect(Object.entries(refused).filter(([, word]) => word !== '401 invalid_client')).toEqual([]);
    expect(await told(await assertion(), { client_secret: 'vsc_x' })).toBe('400 invalid_request');
    // An HMAC with the public key as its secret.
    const secret = new TextEncoder().encode(JSON.stringify(key.publicJwk));
    const hmac = await new SignJWT({ iss: machine, sub: machine, aud: issuer, exp: now + 60, jti: 'x' })
      .setProtectedHeader({ alg: 'HS256', kid: key.kid })
      .sign(secret);
    expect(await told(hmac)).toBe('401 invalid_client');
  });

  it('of requests with one assertion at once, one is answered', async () => {
    const jwt = await assertion();
    const words = await Promise.all(Array.from({ length: 6 }, async () => told(jwt)));
    expect(words.toSorted()).toEqual([
      '401 invalid_client',
      '401 invalid_client',
      '401 invalid_client',
      '401 invalid_client',
      '401 invalid_client',
      'ok',
    ]);
  });

  it('a secret ends when keys take its place; keys are replaced by others, and by a secret again', async () => {
    const { id, secret } = await registerApplication(stack, {
      name: 'Changing',
      kind: 'machine',
      redirectUris: [],
      scope: '',
    });
    const bySecret = async (given: string): Promise<number> =>
      (
        await new UserAgent(stack.url).request('/ory/hydra/oauth2/token', {
          method: 'POST',
          headers: { authorization: `Basic ${Buffer.from(`${id}:${given}`).toString('base64')}` },
          body: new URLSearchParams({ grant_type: 'client_credentials' }),
        })
      ).status;
    expect(await bySecret(secret)).toBe(200);
    const answer = await patched(id, { jwks: { keys: [key.publicJwk] } });
    expect([answer.status, answer.json()]).toEqual([
      200,
      expect.objectContaining({
        tokenEndpointAuthMethod: 'private_key_jwt',
        jwks: { keys: [key.publicJwk] },
      }),
    ]);
    expect([await bySecret(secret), await told(await assertion({}, key, id))]).toEqual([401, 'ok']);
    const next = await newKey('EdDSA', 'next');
    await patched(id, { jwks: { keys: [next.publicJwk] } });
    expect([await told(await assertion({}, key, id)), await told(await assertion({}, next, id))]).toEqual([
      '401 invalid_client',
      'ok',
    ]);
    const administrator = await administratorOf(stack);
    const rotation = await administrator.post(`/api/v1/applications/${id}/secret`, {});
    expect(rotation.status).toBe(409);
    await patched(id, { jwks: null });
    expect(await told(await assertion({}, next, id))).toBe('401 invalid_client');
    const made = await administrator.post(`/api/v1/applications/${id}/secret`, { keepPreviousFor: 0 });
    const { clientSecret } = z.looseObject({ clientSecret: z.string() }).parse(made.json());
    expect(await bySecret(clientSecret)).toBe(200);
  });

  it('a key as the Web Cryptography API exports it will do, and what is wrong with another is said', async () => {
    const { publicKey, privateKey } = await crypto.subtle.generateKey(
      { name: 'ECDSA', namedCurve: 'P-256' },
      true,
      ['sign', 'verify'],
    );
    const exported = await crypto.subtle.exportKey('jwk', publicKey);
    const answer = await patched(machine, { jwks: { keys: [{ ...exported, kid: 'web' }] } });
    expect([answer.status, answer.status === 200 ? '' : answer.text]).toEqual([200, '']);
    const own = await crypto.subtle.exportKey('jwk', privateKey);
    const faults = [
      [{ keys: [exported] }, 'must have a kid'],
      [{ keys: [{ ...own, kid: 'web' }] }, 'must be a public key'],
      [{ ...exported, kid: 'web' }, 'must be a JWK Set'],
      [{ keys: [1, 2].map(() => ({ ...exported, kid: 'web' })) }, 'must have another kid'],
    ] as const;
    for (const [jwks, fault] of faults) {
      const refused = await patched(machine, { jwks });
      expect([refused.status, refused.text]).toEqual([400, expect.stringContaining(fault)]);
    }
  });

  it.each([
    [
      'a private key',
      async () => ({ keys: [{ ...(await exportJWK((await newKey()).privateKey)), kid: 'x' }] }),
    ],
    ['a symmetric key', async () => ({ keys: [{ kty: 'oct', k: 'x'.repeat(43), kid: 'x' }] })],
    ['a key without an id', async () => ({ keys: [{ ...key.publicJwk, kid: undefined }] })],
    ['two keys of one id', async () => ({ keys: [key.publicJwk, key.publicJwk] })],
    ['no keys', async () => ({ keys: [] })],
    ['a point that is on no curve', async () => ({ keys: [{ ...key.publicJwk, y: 'A'.repeat(43) }] })],
    ['a text', async () => 'keys'],
  ])('%s is no set of public keys', async (_what, make) => {
    const answer = await patched(machine, { jwks: await make() });
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('jwks')]);
  });

  it('an application that can keep no key has none', async () => {
    const answer = await (
      await administratorOf(stack)
    ).post('/api/v1/applications', {
      name: 'Page',
      kind: 'single_page',
      redirectUris: ['https://page.example.test/'],
      jwks: { keys: [key.publicJwk] },
    });
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('jwks')]);
  });
});
