import { decodeJwt } from 'jose';
import {
  type Configuration,
  type DPoPHandle,
  None,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  discovery,
  fetchProtectedResource,
  genericGrantRequest,
  getDPoPHandle,
  randomDPoPKeyPair,
  randomPKCECodeVerifier,
  refreshTokenGrant,
} from 'openid-client';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { databaseKinds } from '../../../../../test/support/database.kinds.js';
import { DpopKey, type ProvenRequest } from '../../../../../test/support/dpop.key.js';
import { landingOf } from '../../../../../test/support/oauth.app.js';
import { OryAdmin } from '../../../../../test/support/ory.admin.js';
import { logIn, newPerson } from '../../../../../test/support/person.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';

const notes = 'https://notes.example/mcp';
const tasks = 'https://tasks.example';
const redirectUri = 'http://127.0.0.1:4321/callback';
const exchangeType = 'urn:ietf:params:oauth:grant-type:token-exchange';
const types = {
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
  key: 'urn:vestibule:params:oauth:token-type:api_key',
} as const;
const tokensSchema = z.looseObject({
  access_token: z.string(),
  token_type: z.string(),
  refresh_token: z.string().optional(),
});
const errorSchema = z.looseObject({ error: z.string() });
const boundSchema = z.looseObject({ cnf: z.object({ jkt: z.string() }).optional(), aud: z.string() });

const cnfOf = (token: string): string | undefined => boundSchema.parse(decodeJwt(token)).cnf?.jkt;

describe.each(databaseKinds)('tokens that are bound to a key, on %s', (database) => {
  let stack: Stack;
  let browser: UserAgent;
  let apiKey: string;

  beforeAll(async () => {
    stack = await startStack({
      database,
      postgresUrl: inject('postgresUrl'),
      sharedOry: true,
      env: {
        PROTECTED_RESOURCES: JSON.stringify([
          { resource: notes, scopes: { 'notes:read': 'Read your notes' } },
          { resource: tasks, scopes: { 'tasks:read': 'Read your tasks' } },
        ]),
        DPOP_AUDIENCES: `${notes},http://127.0.0.1:1`,
        TOKEN_AUDIENCE: 'http://127.0.0.1:1',
        TRUST_PROXY: '127.0.0.1',
      },
    });
    const person = newPerson();
    await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
    browser = new UserAgent(stack.url);
    await logIn(browser, person);
    const made = await browser.fetch('/api/v1/api-keys', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Key', scope: 'profile:read' }),
    });
    apiKey = z.looseObject({ key: z.string() }).parse(await made.json()).key;
    await new OryAdmin(stack.env).createClient({
      client_id: 'dpop-agent',
      client_name: 'Helper',
      owner: 'agents',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      scope: 'notes:read tasks:read offline_access',
      audience: [notes, tasks],
      token_endpoint_auth_method: 'none',
      metadata: { agent: { kind: 'registration', client_id: 'dpop-agent' } },
    });
  });

  afterAll(async () => {
    await stack?.stop();
  });

  afterEach(() => {
    stack.shiftClock(0);
  });

  const tokenUrl = (): string => `${stack.url}/auth/token`;

  /** As a library finds the gateway. */
  async function discovered(clientId = 'dpop-agent'): Promise<Configuration> {
    return discovery(new URL(stack.url), clientId, undefined, None(), {
      algorithm: 'oauth2',
      execute: [allowInsecureRequests],
    });
  }

  /** The user's answer to an authorization request, whose consent page they agree to. */
  async function landing(url: string): Promise<URL> {
    const page = await browser.navigate(url);
    const form = page.html();
    const challenge = form.querySelector('input[name=consent_challenge]')?.getAttribute('value') ?? '';
    const scopes = form
      .querySelectorAll('input[name=grant_scope]')
      .map((box): [string, string] => ['grant_scope', box.getAttribute('value') ?? '']);
    const body = new URLSearchParams([['consent_challenge', challenge], ['decision', 'allow'], ...scopes]);
    return landingOf(await browser.navigate('/auth/ory/consent', { method: 'POST', body }));
  }

  /** A login by the library with a key. */
  async function logInWith(
    configuration: Configuration,
    dpop: DPoPHandle | undefined,
    resource = notes,
    more: Readonly<Record<string, string>> = {},
  ) {
    const verifier = randomPKCECodeVerifier();
    const url = buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      resource,
      scope: resource === notes ? 'notes:read offline_access' : 'tasks:read offline_access',
      state: 'state-of-the-helper',
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...more,
    });
    return authorizationCodeGrant(
      configuration,
      await landing(url.href),
      { pkceCodeVerifier: verifier, expectedState: 'state-of-the-helper' },
      { resource },
      dpop === undefined ? {} : { DPoP: dpop },
    );
  }

  /** A token request as a program without a library sends it. */
  async function request(
    form: Readonly<Record<string, string>>,
    dpop?: string,
    path = '/auth/token',
  ): Promise<Page> {
    return new UserAgent(stack.url).request(path, {
      method: 'POST',
      headers: dpop === undefined ? {} : { dpop },
      body: new URLSearchParams(form),
    });
  }

  const nonceOf = (page: Page): string => z.string().parse(page.headers.get('dpop-nonce'));
  const refusalOf = (page: Page): string => `${page.status} ${errorSchema.parse(page.json()).error}`;
  const ofKey = (): Readonly<Record<string, string>> => ({
    grant_type: exchangeType,
    subject_token: apiKey,
    subject_token_type: types.key,
  });

  async function freshNonce(key: DpopKey): Promise<string> {
    const refused = await request(ofKey(), await key.proof({ method: 'POST', url: tokenUrl() }));
    expect(refusalOf(refused)).toBe('400 use_dpop_nonce');
    return nonceOf(refused);
  }

  /** A token of the gateway's own audience that is bound to a key. */
  async function boundToken(key: DpopKey): Promise<string> {
    const proof = await key.proof({ method: 'POST', url: tokenUrl(), nonce: await freshNonce(key) });
    const answer = await request(ofKey(), proof);
    expect(answer.status).toBe(200);
    const { access_token: token, token_type: type } = tokensSchema.parse(answer.json());
    expect([type, cnfOf(token)]).toEqual(['DPoP', key.jkt]);
    return token;
  }

  /** Asks the gateway's API with a token, and a proof for that request. */
  async function ask(
    key: DpopKey,
    token: string,
    changes: Partial<ProvenRequest> = {},
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Page> {
    const url = `${stack.url}/api/v1/me`;
    const dpop = await key.proof({ method: 'GET', url, token, ...changes });
    return new UserAgent(stack.url).request('/api/v1/me', {
      headers: { authorization: `DPoP ${token}`, dpop, ...headers },
    });
  }

  it('a certified library gets a token of a resource with its key, and refreshes it with the same key alone', async () => {
    const configuration = await discovered();
    expect(configuration.serverMetadata()).toMatchObject({
      dpop_signing_alg_values_supported: expect.arrayContaining(['ES256', 'EdDSA']),
    });
    const keys = await randomDPoPKeyPair('ES256', { extractable: true });
    const dpop = getDPoPHandle(configuration, keys);
    const tokens = await logInWith(configuration, dpop);
    expect(tokens.token_type).toBe('dpop');
    const jkt = cnfOf(tokens.access_token);
    expect(jkt).toBe(await dpop.calculateThumbprint());
    const refreshed = await refreshTokenGrant(configuration, tokens.refresh_token ?? '', {}, { DPoP: dpop });
    expect(cnfOf(refreshed.access_token)).toBe(jkt);
    const other = getDPoPHandle(configuration, await randomDPoPKeyPair('ES256'));
    await expect(
      refreshTokenGrant(configuration, refreshed.refresh_token ?? '', {}, { DPoP: other }),
    ).rejects.toMatchObject({ error: 'invalid_dpop_proof' });
    await expect(refreshTokenGrant(configuration, refreshed.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_dpop_proof',
    });
    // Neither try has used it up.
    const last = await refreshTokenGrant(configuration, refreshed.refresh_token ?? '', {}, { DPoP: dpop });
    expect(cnfOf(last.access_token)).toBe(jkt);
  });

  it('a code that was asked for with a key is redeemed with that key alone', async () => {
    const configuration = await discovered();
    const dpop = getDPoPHandle(configuration, await randomDPoPKeyPair('ES256'));
    const other = getDPoPHandle(configuration, await randomDPoPKeyPair('ES256'));
    const more = { dpop_jkt: await dpop.calculateThumbprint() };
    await expect(logInWith(configuration, other, notes, more)).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    await expect(logInWith(configuration, undefined, notes, more)).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    const tokens = await logInWith(configuration, dpop, notes, more);
    expect(cnfOf(tokens.access_token)).toBe(more.dpop_jkt);
  });

  it.each([
    'authorization_code ',
    ' authorization_code',
    'authorization_code\t',
    'authorization_code\u00A0',
    'authorization_code\u0085',
    'authorization_code\u2003',
    'authorization_code refresh_token',
  ])('its grant type is read as Hydra reads it: %j is refused', async (type) => {
    const configuration = await discovered();
    const key = await DpopKey.make();
    const verifier = randomPKCECodeVerifier();
    const url = buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      resource: notes,
      scope: 'notes:read offline_access',
      state: 'state-of-the-helper',
      dpop_jkt: key.jkt,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    const code = (await landing(url.href)).searchParams.get('code') ?? '';
    const form = {
      grant_type: type,
      client_id: 'dpop-agent',
      redirect_uri: redirectUri,
      code_verifier: verifier,
      code,
      resource: notes,
    };
    for (const path of ['/ory/hydra/oauth2/token', '/auth/token']) {
      const answer = await request(form, undefined, path);
      expect(answer.status).toBe(400);
      expect(answer.text).not.toContain('access_token');
    }
  });

  it('a refresh that is repeated with another key, or with none, is another one', async () => {
    const configuration = await discovered();
    const dpop = getDPoPHandle(configuration, await randomDPoPKeyPair('ES256'));
    const { refresh_token: first = '' } = await logInWith(configuration, undefined);
    await refreshTokenGrant(configuration, first);
    await expect(refreshTokenGrant(configuration, first, {}, { DPoP: dpop })).rejects.toMatchObject({
      error: 'invalid_grant',
    });
  });

  it('a challenge has the scheme by which the token came', async () => {
    const key = await DpopKey.make();
    const token = await boundToken(key);
    const url = `${stack.url}/api/v1/api-keys`;
    const dpop = await key.proof({ method: 'GET', url, token });
    const lacking = await new UserAgent(stack.url).request('/api/v1/api-keys', {
      headers: { authorization: `DPoP ${token}`, dpop },
    });
    expect([lacking.status, lacking.headers.get('www-authenticate')]).toEqual([
      403,
      'DPoP error="insufficient_scope", scope="keys:read"',
    ]);
    const damaged = await ask(key, `${token}x`);
    expect([damaged.status, damaged.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^DPoP error="invalid_token"/),
    ]);
  });

  it('a problem of the login provider’s endpoint comes without what is meant for our own pages', async () => {
    const answer = await request({
      grant_type: 'refresh_token',
      refresh_token: '\0',
      client_id: 'dpop-agent',
    });
    expect(answer.json()).toMatchObject({ code: 'malformed_request' });
    expect(answer.json()).not.toHaveProperty('reason');
  });

  it('a resource whose services don’t verify proofs gets ordinary tokens', async () => {
    const configuration = await discovered();
    const dpop = getDPoPHandle(configuration, await randomDPoPKeyPair('ES256'));
    const tokens = await logInWith(configuration, dpop, tasks);
    expect([tokens.token_type, cnfOf(tokens.access_token)]).toEqual(['bearer', undefined]);
    const refreshed = await refreshTokenGrant(configuration, tokens.refresh_token ?? '');
    expect(cnfOf(refreshed.access_token)).toBeUndefined();
  });

  it('the library calls the gateway’s API with a token that it got for an API key', async () => {
    const configuration = await discovered();
    const dpop = getDPoPHandle(configuration, await randomDPoPKeyPair('ES256'));
    const { grant_type: type = '', ...form } = ofKey();
    const { access_token: token } = await genericGrantRequest(configuration, type, form, { DPoP: dpop });
    const answer = await fetchProtectedResource(
      configuration,
      token,
      new URL('/api/v1/me?x=1', stack.url),
      'GET',
      undefined,
      undefined,
      { DPoP: dpop },
    );
    expect(answer.status).toBe(200);
  });

  it.each(['ES256', 'ES384', 'EdDSA', 'PS256', 'RS256'])('a key for %s', async (alg) => {
    const key = await DpopKey.make(alg);
    expect((await ask(key, await boundToken(key))).status).toBe(200);
  });

  it('the gateway refuses a bound token without its proof, in every place that takes tokens', async () => {
    const key = await DpopKey.make();
    const token = await boundToken(key);
    for (const path of ['/api/v1/me', '/auth/session', '/auth/verify']) {
      for (const authorization of [`Bearer ${token}`, `DPoP ${token}`, `dpop ${token}`]) {
        const answer = await new UserAgent(stack.url).request(path, { headers: { authorization } });
        expect([path, authorization.slice(0, 6), answer.status]).toEqual([
          path,
          authorization.slice(0, 6),
          401,
        ]);
      }
    }
    const exchanged = { grant_type: exchangeType, subject_token: token, subject_token_type: types.jwt };
    expect(refusalOf(await request(exchanged))).toBe('400 invalid_request');
    const acting = { actor_token: token, actor_token_type: types.jwt };
    expect(refusalOf(await request({ ...ofKey(), ...acting }))).toBe('400 invalid_request');
    const thief = await DpopKey.make();
    const foreign = await thief.proof({ method: 'POST', url: tokenUrl(), nonce: await freshNonce(thief) });
    expect(refusalOf(await request(exchanged, foreign))).toBe('400 invalid_request');
    const own = await key.proof({ method: 'POST', url: tokenUrl(), nonce: await freshNonce(key) });
    const narrowed = tokensSchema.parse((await request(exchanged, own)).json());
    expect(cnfOf(narrowed.access_token)).toBe(key.jkt);
  });

  it('a token that isn’t bound is no DPoP token', async () => {
    const key = await DpopKey.make();
    const { access_token: token } = tokensSchema.parse((await request(ofKey())).json());
    expect(cnfOf(token)).toBeUndefined();
    expect((await ask(key, token)).status).toBe(401);
  });

  const wrong: readonly (readonly [string, Partial<ProvenRequest>])[] = [
    ['another method', { method: 'POST' }],
    ['another URL', { url: 'http://127.0.0.1:1/api/v1/me' }],
    ['another path', { claims: { htu: '/api/v1/me' } }],
    ['another token', { token: 'x.y.z' }],
    ['no token', { claims: { ath: undefined } }],
    ['a time that is past', { claims: { iat: Math.floor(Date.now() / 1000) - 3600 } }],
    ['a time to come', { claims: { iat: Math.floor(Date.now() / 1000) + 3600 } }],
    ['no time', { claims: { iat: undefined } }],
    ['no id', { claims: { jti: undefined } }],
    ['an empty id', { claims: { jti: '' } }],
    ['another type', { header: { typ: 'JWT' } }],
    ['a symmetric key', { header: { jwk: { kty: 'oct', k: 'AAAA' } } }],
    ['an unknown extension', { header: { crit: ['extension'], extension: 1 } }],
  ];

  it.each(wrong)('a proof with %s is refused', async (_name, changes) => {
    const key = await DpopKey.make();
    const token = await boundToken(key);
    const answer = await ask(key, token, changes);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain('DPoP error="invalid_dpop_proof"');
  });

  it('a proof by another key, of no key, with a private key, or twice, is refused', async () => {
    const [key, thief] = [await DpopKey.make(), await DpopKey.make()];
    const token = await boundToken(key);
    expect((await ask(thief, token)).status).toBe(401);
    // Signed by the thief, with the public key of the other in its header.
    expect((await ask(thief, token, { header: { jwk: key.publicJwk } })).status).toBe(401);
    expect((await ask(key, token, { header: { jwk: { ...key.publicJwk, d: 'AAAA' } } })).status).toBe(401);
    const proof = await key.proof({ method: 'GET', url: `${stack.url}/api/v1/me`, token });
    expect((await ask(key, token, {}, { dpop: `${proof}, ${proof}` })).status).toBe(401);
    expect((await ask(key, token, {}, { dpop: '' })).status).toBe(401);
    expect((await ask(key, token, {}, { dpop: 'x'.repeat(9000) })).status).toBe(401);
    expect((await ask(key, token, {}, { dpop: proof })).status).toBe(200);
    expect((await ask(key, token, {}, { dpop: proof })).status).toBe(401);
  });

  it('of requests with one proof at the same time, one is answered', async () => {
    const key = await DpopKey.make();
    const token = await boundToken(key);
    const dpop = await key.proof({ method: 'GET', url: `${stack.url}/api/v1/me`, token });
    const answers = await Promise.all(Array.from({ length: 8 }, async () => ask(key, token, {}, { dpop })));
    expect(answers.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1);
  });

  it('the first request of each token, for its nonce, counts as no try; and a passed-on one counts once', async () => {
    await stack.restartGateway({ RATE_LIMIT: 'true', RATE_LIMIT_POLICIES: 'token-address=5/10m' });
    try {
      const key = await DpopKey.make();
      for (let count = 0; count < 8; count += 1) {
        await boundToken(key);
      }
      const statuses = [];
      for (let count = 0; count < 6; count += 1) {
        const refresh = {
          grant_type: 'refresh_token',
          refresh_token: `wrong-${count}`,
          client_id: 'dpop-agent',
        };
        statuses.push((await request(refresh)).status);
      }
      expect(statuses).toEqual([400, 400, 400, 400, 400, 429]);
    } finally {
      await stack.restartGateway({ RATE_LIMIT: 'false', RATE_LIMIT_POLICIES: '' });
    }
  });

  it('a nonce is good for a minute or two, and its proof once', async () => {
    const key = await DpopKey.make();
    const nonce = await freshNonce(key);
    const proof = async (more: Partial<ProvenRequest> = {}): Promise<string> =>
      key.proof({ method: 'POST', url: tokenUrl(), nonce, ...more });
    const first = await proof();
    expect((await request(ofKey(), first)).status).toBe(200);
    expect(refusalOf(await request(ofKey(), first))).toBe('400 invalid_dpop_proof');
    // A device whose clock is wrong has the nonce.
    expect((await request(ofKey(), await proof({ claims: { iat: 1 } }))).status).toBe(200);
    stack.shiftClock(180);
    expect(refusalOf(await request(ofKey(), await proof()))).toBe('400 use_dpop_nonce');
    stack.shiftClock(0);
    const changes: readonly Partial<ProvenRequest>[] = [
      { nonce: `${nonce.slice(1)}x` },
      { url: `${stack.url}/auth/other` },
      { method: 'GET' },
    ];
    const refusals = [];
    for (const change of changes) {
      refusals.push(refusalOf(await request(ofKey(), await proof(change))));
    }
    expect(refusals).toEqual(['400 use_dpop_nonce', '400 invalid_dpop_proof', '400 invalid_dpop_proof']);
  });

  it('a code isn’t used up by a proof without the nonce, at either endpoint', async () => {
    const configuration = await discovered();
    const verifier = randomPKCECodeVerifier();
    const key = await DpopKey.make();
    const url = buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      resource: notes,
      scope: 'notes:read',
      state: 'state-of-the-helper',
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    const code = (await landing(url.href)).searchParams.get('code') ?? '';
    const form = {
      grant_type: 'authorization_code',
      client_id: 'dpop-agent',
      redirect_uri: redirectUri,
      code_verifier: verifier,
      code,
    };
    const path = '/ory/hydra/oauth2/token';
    const at = `${stack.url}${path}`;
    const refused = await request(form, await key.proof({ method: 'POST', url: at }), path);
    expect(refusalOf(refused)).toBe('400 use_dpop_nonce');
    const proof = await key.proof({ method: 'POST', url: at, nonce: nonceOf(refused) });
    const { access_token: token } = tokensSchema.parse((await request(form, proof, path)).json());
    expect(cnfOf(token)).toBe(key.jkt);
  });

  it('forward auth takes a proof for the request that the proxy asks about, and hands the token on as what it is', async () => {
    const key = await DpopKey.make();
    const token = await boundToken(key);
    const verify = async (changes: Partial<ProvenRequest>): Promise<Page> => {
      const url = `${stack.url}/app/items`;
      const dpop = await key.proof({ method: 'POST', url, token, ...changes });
      return new UserAgent(stack.url).request('/auth/verify?scope=profile:read', {
        headers: {
          authorization: `DPoP ${token}`,
          dpop,
          'x-forwarded-for': '192.0.2.1',
          'x-forwarded-method': 'POST',
          'x-forwarded-uri': '/app/items?page=2',
        },
      });
    };
    const answer = await verify({});
    expect([answer.status, answer.headers.get('authorization')]).toEqual([200, `DPoP ${token}`]);
    expect((await verify({ method: 'GET' })).status).toBe(401);
    expect((await verify({ url: `${stack.url}/auth/verify` })).status).toBe(401);
    expect((await verify({ url: `${stack.url}/app/other` })).status).toBe(401);
  });

  it('a page of another origin may send a proof, and read the nonce', async () => {
    const asked = await new UserAgent(stack.url).request('/auth/token', {
      method: 'OPTIONS',
      headers: { origin: 'https://program.example', 'access-control-request-headers': 'dpop' },
    });
    expect(asked.headers.get('access-control-allow-headers')).toContain('dpop');
    expect(asked.headers.get('access-control-expose-headers')).toContain('dpop-nonce');
  });
});
