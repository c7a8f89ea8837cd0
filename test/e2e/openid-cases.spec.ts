import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { OAuthApp } from '../support/oauth.app.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson } from '../support/person.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { libraries, TrialApp, type TrialLogin } from '../support/trial.app.js';
import { type Page, UserAgent } from '../support/user-agent.js';

/**
 * The cases of the OpenID certification profiles, each under the name that the conformance suite has for it, by applications of two
 * libraries that share no code. docs/internals/openid-cases.md lists them.
 */

let stack: Stack;
const person = newPerson();

beforeAll(async () => {
  stack = await startStack();
  await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
});

afterAll(async () => {
  await stack?.stop();
});

const metadataSchema = z.looseObject({ issuer: z.string() });

async function metadata(): Promise<Readonly<Record<string, unknown>>> {
  const answer = await fetch(`${stack.url}/ory/hydra/.well-known/openid-configuration`);
  return metadataSchema.parse(await answer.json());
}

describe.each(libraries)('an application by %s', (library) => {
  let app: TrialApp;
  let browser: UserAgent;
  let agent: UserAgent;

  beforeAll(async () => {
    app = await TrialApp.start(library, stack, { firstParty: true });
    browser = await newLogin();
  });

  afterAll(() => app?.stop());

  beforeEach(async () => {
    agent = await browser.copyAt(stack.url);
  });

  async function newLogin(): Promise<UserAgent> {
    const made = new UserAgent(stack.url);
    await logIn(made, person);
    return made;
  }

  /** Takes a browser through a login that may be on any page of the gateway's. */
  async function pageOf(parameters: Readonly<Record<string, string>>, by = agent): Promise<Page> {
    return by.navigate((await app.begin(parameters)).href);
  }

  /** Gives the password again on the login page, and ends the login. */
  async function withPassword(page: Page): Promise<TrialLogin> {
    expect(new URL(page.url).pathname).toBe('/ui/login');
    const { email: identifier, password } = person;
    return app.finish(await agent.submit(page, { identifier, password }));
  }

  async function userinfo(token: string, init: RequestInit): Promise<unknown> {
    const answer = await fetch(`${stack.url}/ory/hydra/userinfo`, init);
    expect([answer.status, token.length > 0]).toEqual([200, true]);
    return answer.json();
  }

  describe('a login', () => {
    it('with code, state, nonce and PKCE ends with a verified ID token and the same subject in userinfo [oidcc-server] [oidcc-idtoken-signature] [oidcc-alternate-happy-flow] [oidcc-ensure-request-with-valid-pkce-succeeds]', async () => {
      const { claims, userinfo: info } = await app.logIn(agent);
      expect(claims).toMatchObject({ iss: `${stack.url}/ory/hydra`, sub: info['sub'] });
      expect([claims['aud']].flat()).toEqual([app.client.id]);
      expect(claims['nonce']).toEqual(expect.any(String));
    });

    it('without a nonce succeeds [oidcc-ensure-request-without-nonce-succeeds-for-code-flow]', async () => {
      const { claims } = await app.logIn(agent, { omit: 'nonce' });
      expect(claims).not.toHaveProperty('nonce');
    });

    it('without a response type ends with an error and no code [oidcc-response-type-missing]', async () => {
      const page = await pageOf({ omit: 'response_type' });
      expect(await app.failure(page)).toContain('unsupported_response_type');
      expect(app.answerIn(page).searchParams.has('code')).toBe(false);
    });

    it('to a redirect URI that is not registered ends on a page of the provider [oidcc-ensure-registered-redirect-uri]', async () => {
      const page = await pageOf({ redirect_uri: `${app.origin}/other` });
      expect([page.status, new URL(page.url).origin]).toEqual([400, stack.url]);
    });

    it('whose request is posted succeeds [oidcc-ensure-post-request-succeeds]', async () => {
      const request = await app.begin();
      const page = await agent.navigate(request.pathname, { method: 'POST', body: request.searchParams });
      expect((await app.finish(page)).claims['sub']).toEqual(expect.any(String));
    });

    it('with a parameter that is unknown succeeds [oidcc-ensure-request-with-unknown-parameter-succeeds]', async () => {
      expect((await app.logIn(agent, { extra: 'foobar' })).claims['sub']).toEqual(expect.any(String));
    });

    it.each([
      ['display=page [oidcc-display-page]', { display: 'page' }],
      ['display=popup [oidcc-display-popup]', { display: 'popup' }],
      ['ui_locales [oidcc-ui-locales]', { ui_locales: 'de' }],
      ['claims_locales [oidcc-claims-locales]', { claims_locales: 'se' }],
      [
        'all acr_values of the metadata, of which one is met [oidcc-ensure-request-with-acr-values-succeeds]',
        { acr_values: 'aal1 aal2' },
      ],
      [
        'a claims parameter, which is not supported [oidcc-claims-essential]',
        { claims: '{"userinfo":{"name":{"essential":true}}}' },
      ],
    ])('with %s succeeds', async (_what, parameters) => {
      expect((await app.logIn(agent, parameters)).claims['sub']).toEqual(expect.any(String));
    });

    it('with login_hint has the address filled in [oidcc-login-hint]', async () => {
      const page = await pageOf({ login_hint: person.email }, new UserAgent(stack.url));
      expect(page.html().querySelector('[name=identifier]')?.getAttribute('value')).toBe(person.email);
    });

    it.each([
      'request object [oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported]',
      'request_uri [oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported]',
    ])('with a %s ends with the error for it', async (what) => {
      const name = what.startsWith('request_uri') ? 'request_uri' : 'request';
      const page = await pageOf({ [name]: 'eyJhbGciOiJub25lIn0.e30.' });
      expect(await app.failure(page)).toContain(`${name}_not_supported`);
      expect(await metadata()).toMatchObject({ [`${name}_parameter_supported`]: false });
    });

    it('with a request object, and a redirect URI that is not registered, ends on a page of the provider [oidcc-ensure-request-object-with-redirect-uri]', async () => {
      const page = await pageOf({ request: 'eyJhbGciOiJub25lIn0.e30.', redirect_uri: `${app.origin}/other` });
      expect([page.status, new URL(page.url).origin]).toEqual([400, stack.url]);
    });
  });

  describe('the user is asked', () => {
    // Of its own: it ends, or begins anew.
    beforeEach(async () => {
      agent = await newLogin();
    });

    it('again with prompt=login, and auth_time is later [oidcc-prompt-login]', async () => {
      const before = Number((await app.logIn(agent)).claims['auth_time']);
      await waitUntil(() => Date.now() / 1000 >= before + 1, 'the next second');
      const { claims } = await withPassword(await pageOf({ prompt: 'login' }));
      expect(Number(claims['auth_time'])).toBeGreaterThan(before);
    });

    it('again with max_age=1 after more than a second [oidcc-max-age-1]', async () => {
      const before = Number((await app.logIn(agent)).claims['auth_time']);
      await waitUntil(() => Date.now() / 1000 > before + 2, 'two seconds to pass');
      const { claims } = await withPassword(await pageOf({ max_age: '1' }));
      expect(Number(claims['auth_time'])).toBeGreaterThan(before);
    });

    it('nothing with max_age=10000, and auth_time stays [oidcc-max-age-10000]', async () => {
      const before = await app.logIn(agent);
      const { claims } = await app.logIn(agent, { max_age: '10000' });
      expect(claims['auth_time']).toBe(before.claims['auth_time']);
    });

    it('nothing with prompt=none when logged in [oidcc-prompt-none-logged-in]', async () => {
      const before = await app.logIn(agent);
      expect((await app.logIn(agent, { prompt: 'none' })).claims['sub']).toBe(before.claims['sub']);
    });

    it('although prompt=none forbids it, if the application has refresh tokens: consent_required', async () => {
      const scope = 'openid offline_access';
      const renewing = await TrialApp.start(library, stack, { firstParty: true, scope });
      try {
        await renewing.logIn(agent, { scope });
        const page = await agent.navigate((await renewing.begin({ prompt: 'none' })).href);
        expect(await renewing.failure(page)).toContain('consent_required');
      } finally {
        await renewing.stop();
      }
    });

    it('nothing with prompt=none when not logged in: login_required [oidcc-prompt-none-not-logged-in]', async () => {
      const page = await pageOf({ prompt: 'none' }, new UserAgent(stack.url));
      expect(await app.failure(page)).toContain('login_required');
    });

    it('nothing with prompt=none and the ID token of the login as a hint [oidcc-id-token-hint]', async () => {
      const before = await app.logIn(agent);
      const { claims } = await app.logIn(agent, { prompt: 'none', id_token_hint: before.id_token });
      expect(claims['sub']).toBe(before.claims['sub']);
    });
  });

  describe('the claims', () => {
    it.each([
      ['email [oidcc-scope-email]', 'openid email', ['email', 'email_verified']],
      ['profile [oidcc-scope-profile]', 'openid profile', ['name']],
      [
        'all that exist here [oidcc-scope-all]',
        'openid profile email roles orgs groups',
        ['email', 'email_verified', 'groups', 'name', 'orgs', 'roles'],
      ],
      [
        'the scopes in another order [oidcc-ensure-other-scope-order-succeeds]',
        'email openid',
        ['email', 'email_verified'],
      ],
    ])('of %s are in the ID token and in userinfo', async (_what, scope, names) => {
      const { claims, userinfo: info } = await app.logIn(agent, { scope });
      const about = new Set(['email', 'email_verified', 'name', 'picture', 'roles', 'orgs', 'groups']);
      for (const stated of [claims, info]) {
        expect(
          Object.keys(stated)
            .filter((name) => about.has(name))
            .toSorted(),
        ).toEqual(names);
      }
      const { email = person.email, email_verified: isVerified = true } = info;
      expect([email, isVerified]).toEqual([person.email, true]);
    });

    it.each([
      ['GET [oidcc-userinfo-get]', (token: string) => ({ headers: { authorization: `Bearer ${token}` } })],
      [
        'POST with a header [oidcc-userinfo-post-header]',
        (token: string) => ({ method: 'POST', headers: { authorization: `Bearer ${token}` } }),
      ],
      [
        'POST with a form [oidcc-userinfo-post-body]',
        (token: string) => ({ method: 'POST', body: new URLSearchParams({ access_token: token }) }),
      ],
    ])('are read by %s', async (_what, init) => {
      const { access_token: token, claims } = await app.logIn(agent, { scope: 'openid email' });
      expect(await userinfo(token, init(token))).toMatchObject({ sub: claims['sub'], email: person.email });
    });
  });

  describe('tokens', () => {
    it('a code that is used twice is refused, and the tokens that came from it end [oidcc-codereuse]', async () => {
      const redirectUri = `${app.origin}/callback`;
      const wire = new OAuthApp(stack.url, app.client, redirectUri);
      const { path, verifier } = wire.authorize({ audience: undefined, scope: 'openid' });
      const code = app.answerIn(await agent.navigate(path)).searchParams.get('code') ?? '';
      const first = await wire.exchange(agent, code, verifier);
      const { access_token: token } = z.looseObject({ access_token: z.string() }).parse(first.json());
      const second = await wire.exchange(agent, code, verifier);
      expect([second.status, second.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
      expect(await new OryAdmin(stack.env).isActive(token)).toBe(false);
    });

    it('are renewed with a refresh token, for the same user and login [oidcc-refresh-token]', async () => {
      const scope = 'openid offline_access';
      const renewing = await TrialApp.start(library, stack, { firstParty: true, scope });
      try {
        const { refresh_token: token = '', claims } = await renewing.logIn(agent, { scope });
        const renewed = await renewing.refresh(token);
        const same = ['iss', 'sub', 'auth_time', 'sid'];
        expect(same.map((name) => renewed.claims[name])).toEqual(same.map((name) => claims[name]));
        // Until then, it may be a second request that was sent at the same time.
        const isTaken = async () => new OryAdmin(stack.env).isActive(token);
        await expect.poll(isTaken, { interval: 500, timeout: 60_000 }).toBe(false);
        await expect(renewing.refresh(token)).rejects.toThrow(/invalid_grant|token_inactive/);
      } finally {
        await renewing.stop();
      }
    });

    it('are issued to a client that authenticates in the form [oidcc-server-client-secret-post]', async () => {
      const posting = await TrialApp.start(library, stack, {
        firstParty: true,
        tokenEndpointAuthMethod: 'client_secret_post',
      });
      try {
        expect((await posting.logIn(agent)).claims['sub']).toEqual(expect.any(String));
      } finally {
        await posting.stop();
      }
    });

    it('are verified after the provider has rotated its keys [oidcc-server-rotate-keys]', async () => {
      const kidOf = ({ id_token: token }: TrialLogin): unknown =>
        JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid;
      const before = kidOf(await app.logIn(agent));
      await new OryAdmin(stack.env).rotateKey();
      expect(kidOf(await app.logIn(agent))).not.toBe(before);
    });
  });

  describe('a logout by the application', () => {
    // Of its own: it ends, or begins anew.
    beforeEach(async () => {
      agent = await newLogin();
    });

    /** Takes a browser to the question of a logout, and agrees where there is one. */
    async function logOut(parameters: Readonly<Record<string, string>>): Promise<Page> {
      const page = await agent.navigate((await app.beginLogout(parameters)).href);
      return new URL(page.url).pathname === '/ui/logout'
        ? agent.submit(page, {}, { name: 'decision', value: 'logout' })
        : page;
    }

    async function isLoggedIn(): Promise<boolean> {
      const page = await pageOf({ prompt: 'none' });
      if (app.answerIn(page).searchParams.has('code')) {
        return true;
      }
      expect(await app.failure(page)).toContain('login_required');
      return false;
    }

    it('brings the browser back with the state, and the login has ended [oidcc-rp-initiated-logout]', async () => {
      const { id_token: hint } = await app.logIn(agent);
      const page = await logOut({ id_token_hint: hint, state: 'of-the-app' });
      expect(app.answerIn(page).href).toBe(`${app.origin}/bye?state=of-the-app`);
      expect(await isLoggedIn()).toBe(false);
    });

    it('without a state comes back without one [oidcc-rp-initiated-logout-no-state]', async () => {
      const { id_token: hint } = await app.logIn(agent);
      expect(app.answerIn(await logOut({ id_token_hint: hint })).href).toBe(`${app.origin}/bye`);
      expect(await isLoggedIn()).toBe(false);
    });

    it.each([
      ['to another address [oidcc-rp-initiated-logout-bad-post-logout-redirect-uri]', '/elsewhere'],
      ['with a query [oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri]', '/bye?foo=bar'],
    ])('never leads %s that is not registered', async (_what, path) => {
      const { id_token: hint } = await app.logIn(agent);
      const page = await logOut({ id_token_hint: hint, post_logout_redirect_uri: app.origin + path });
      expect([page.status, new URL(page.url).origin]).toEqual([400, stack.url]);
      expect(page.text).toContain('log you out: the address to return to');
    });

    it.each([
      'unsigned [oidcc-rp-initiated-logout-modified-id-token-hint]',
      'of a bad signature [oidcc-rp-initiated-logout-bad-id-token-hint]',
    ])('with an ID token that is %s never comes back', async (what) => {
      const { id_token: hint } = await app.logIn(agent);
      const [, payload = '', signature = ''] = hint.split('.');
      const none = Buffer.from('{"alg":"none"}').toString('base64url');
      const forged = what.startsWith('unsigned')
        ? `${none}.${payload}.`
        : hint.replace(signature, 'A'.repeat(signature.length));
      const page = await logOut({ id_token_hint: forged });
      expect(new URL(page.url).origin).toBe(stack.url);
      expect(page.text).toContain('log you out: the address to return to');
      expect(page.headers.has('location')).toBe(false);
      expect(await isLoggedIn()).toBe(true);
    });

    it.each([
      ['an ID token', 'client_id [oidcc-rp-initiated-logout-no-id-token-hint]', {}, true],
      [
        'any parameter',
        'post_logout_redirect_uri client_id [oidcc-rp-initiated-logout-no-params]',
        {},
        false,
      ],
      [
        'all but the state',
        'post_logout_redirect_uri client_id [oidcc-rp-initiated-logout-only-state]',
        { state: 'of-the-app' },
        false,
      ],
    ])('without %s never comes back (%s)', async (_what, omitted, parameters, stays) => {
      await app.logIn(agent);
      const page = await logOut({ ...parameters, omit: omitted.replace(/ \[.*$/, '') });
      expect(new URL(page.url).origin).toBe(stack.url);
      expect(page.headers.get('location') ?? '').not.toContain(app.origin);
      expect(await isLoggedIn()).toBe(stays);
    });

    it('without an address to go on to ends at the provider [oidcc-rp-initiated-logout-no-post-logout-redirect-uri]', async () => {
      const { id_token: hint } = await app.logIn(agent);
      const page = await logOut({ id_token_hint: hint, omit: 'post_logout_redirect_uri' });
      expect(new URL(page.url).origin).toBe(stack.url);
      expect(await isLoggedIn()).toBe(false);
    });

    it('sends every application of the login a logout token with its sid [oidcc-backchannel-rp-initiated-logout]', async () => {
      const other = await TrialApp.start(library, stack, { firstParty: true });
      try {
        const here = await app.logIn(agent);
        const there = await other.logIn(agent);
        expect(here.claims['sid']).toBe(there.claims['sid']);
        await logOut({ id_token_hint: here.id_token });
        for (const notified of [app, other]) {
          const notice = await noticeOf(notified, here.claims['sid']);
          expect(notice.claims).toMatchObject({
            iss: `${stack.url}/ory/hydra`,
            sub: here.claims['sub'],
            jti: expect.any(String),
            exp: expect.any(Number),
          });
          expect([notice.claims['aud']].flat()).toEqual([notified.client.id]);
          expect(notice.refusal).toBe('');
        }
      } finally {
        await other.stop();
      }
    });

    it('at the gateway itself notifies the application too', async () => {
      const { claims } = await app.logIn(agent);
      expect((await agent.post('/auth/logout', {})).status).toBeLessThan(400);
      expect((await noticeOf(app, claims['sid'])).claims['sid']).toBe(claims['sid']);
    });
  });

  async function noticeOf(
    notified: TrialApp,
    sid: unknown,
  ): Promise<Awaited<ReturnType<TrialApp['notices']>>[number]> {
    const find = async () => (await notified.notices()).find(({ claims }) => claims['sid'] === sid);
    await waitUntil(async () => (await find()) !== undefined, 'the logout token');
    const found = await find();
    if (found === undefined) {
      throw new Error('the logout token is gone');
    }
    return found;
  }
});

describe('the metadata', () => {
  it('has what the profiles require, and names no more than works [oidcc-discovery-endpoint-verification]', async () => {
    const issuer = `${stack.url}/ory/hydra`;
    expect(await metadata()).toMatchObject({
      issuer,
      authorization_endpoint: `${issuer}/oauth2/auth`,
      token_endpoint: `${issuer}/oauth2/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      response_types_supported: expect.arrayContaining(['code']),
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: expect.arrayContaining(['RS256']),
      scopes_supported: expect.arrayContaining(['openid', 'profile', 'email', 'roles', 'orgs', 'groups']),
      claims_supported: expect.arrayContaining(['sub', 'email', 'email_verified', 'roles', 'orgs', 'groups']),
      claims_parameter_supported: false,
      code_challenge_methods_supported: ['S256'],
    });
  });

  it('names the end-session endpoint [oidcc-rp-initiated-logout-discovery-endpoint-verification]', async () => {
    expect(await metadata()).toMatchObject({
      end_session_endpoint: `${stack.url}/ory/hydra/oauth2/sessions/logout`,
    });
  });

  it('names back-channel logout with sid, and not front-channel logout [oidcc-backchannel-logout-discovery-endpoint-verification]', async () => {
    expect(await metadata()).toMatchObject({
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
      frontchannel_logout_supported: false,
    });
  });
});
