import { type CryptoKey, SignJWT, decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose';
import { parse } from 'node-html-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { formOf, UserAgent, type Page } from '../support/user-agent.js';
import { landingOf, OAuthApp, tokensOf } from '../support/oauth.app.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson, signUp } from '../support/person.js';
import { type NewApplication, registerApplication } from '../support/registered.application.js';
import { type Stack, startStack } from '../support/stack.js';

const redirectUri = 'https://app.example.test/signin-oidc';
const person = newPerson();
let stack: Stack;
let app: OAuthApp;
let trusted: OAuthApp;

beforeAll(async () => {
  stack = await startStack();
  const admin = new OryAdmin(stack.env);
  const make = async (definition: Readonly<Record<string, unknown>>) =>
    new OAuthApp(
      stack.url,
      await admin.createClient({ redirect_uris: [redirectUri], ...definition }),
      redirectUri,
    );
  app = await make({ client_name: 'Calendar' });
  trusted = await make({
    skip_consent: true,
    grant_types: ['authorization_code', 'implicit'],
    response_types: ['code', 'id_token', 'token', 'code id_token', 'token id_token', 'token id_token code'],
  });
  await signUp(new UserAgent(stack.url), person);
});

afterAll(async () => {
  await stack?.stop();
});

/** An authorization request of an application that doesn't ask for the gateway's audience. */
const asked = (changes: Readonly<Record<string, string | undefined>>, of = app): string =>
  of.authorize({ audience: undefined, ...changes }).path;

/** The page that a new browser gets for an authorization request. @param language that it asks for. */
async function pageFor(changes: Readonly<Record<string, string>>, language = 'en'): Promise<Page> {
  const agent = new UserAgent(stack.url);
  const page = await agent.navigate(asked(changes));
  // Redirects are followed without the headers of the first request.
  return agent.navigate(page.url, { headers: { 'accept-language': language } });
}

const fieldIn = (page: Page, name: string): string | undefined =>
  page.html().querySelector(`input[name="${name}"]`)?.getAttribute('value');
const languageOf = (page: Page): string | undefined =>
  page.html().querySelector('html')?.getAttribute('lang');

describe('response_mode=form_post (OAuth 2.0 Form Post Response Mode)', () => {
  /** Logs a person in. @returns the page that posts the answer to the application. */
  async function answered(changes: Readonly<Record<string, string | undefined>>): Promise<Page> {
    const agent = new UserAgent(stack.url);
    await logIn(agent, person);
    return agent.navigate(asked({ response_mode: 'form_post', ...changes }, trusted));
  }

  it('is a page of ours: no script of its own, a form for this application only, and a button', async () => {
    const page = await answered({});
    expect(page.status).toBe(200);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("form-action 'self' https://app.example.test;");
    expect(policy).not.toContain('unsafe');
    expect(page.headers.get('cache-control')).toBe('no-store');
    // Origin of the form that the application gets; with the default it would be `null`.
    expect(page.headers.get('referrer-policy')).toBe('strict-origin');
    const html = page.html();
    expect(page.text).not.toMatch(/<[^>]+\son\w+=|<script(?![^>]+src=)/);
    expect(html.querySelectorAll('form[data-submit] button[type=submit]')).toHaveLength(1);
    expect(html.querySelector('form[data-submit]')?.getAttribute('action')).toBe(redirectUri);
  });

  it('takes the code and a state with every kind of character to the application', async () => {
    const state = `a&amp;b="<'>+%20${'é'}\\;c `;
    const page = await answered({ state });
    const { action, body } = formOf(page, { code: '' });
    expect(action).toBe(redirectUri);
    expect(body.get('state')).toBe(state);
    expect(fieldIn(page, 'code')).toMatch(/^ory_ac_/);
  });

  it.each([
    ['</form><script>alert(1)</script>', 'script'],
    ['x"/><input type="hidden" name="code" value="evil"/><a b="', 'a[b]'],
  ])('the state %s is text', async (state, element) => {
    const page = await answered({ state });
    expect(formOf(page, { state: '' }).body.getAll('code')).toHaveLength(1);
    expect(fieldIn(page, 'state')?.length).toBeGreaterThan(0);
    expect(parse(page.text).querySelectorAll(`main ${element}`)).toEqual([]);
  });

  it('takes errors to the application too, and is as safe for requests without redirect_uri', async () => {
    const silent = await new UserAgent(stack.url).navigate(
      asked({ response_mode: 'form_post', prompt: 'none' }, trusted),
    );
    expect(fieldIn(silent, 'error')).toBe('login_required');
    const page = await answered({ redirect_uri: undefined, scope: 'profile' });
    expect(formOf(page, { code: '' }).action).toBe(redirectUri);
    expect(page.headers.get('content-security-policy')).toContain(
      "form-action 'self' https://app.example.test;",
    );
  });

  it('for an address that is not registered, nothing is posted', async () => {
    const page = await answered({ redirect_uri: 'https://evil.example.test/' });
    expect(page.headers.get('content-security-policy')).not.toContain('evil.example.test');
    expect(page.html().querySelector('form[data-submit]')).toBeNull();
  });
});

describe('login_hint (OpenID Connect Core section 3.1.2.1)', () => {
  it('is filled in at the login, and at the registration and the recovery that it leads to', async () => {
    const agent = new UserAgent(stack.url);
    const page = await agent.navigate(asked({ login_hint: person.email }));
    expect(fieldIn(page, 'identifier')).toBe(person.email);
    const linkTo = (path: string) =>
      page
        .html()
        .querySelectorAll('main a')
        .map((link) => link.getAttribute('href') ?? '')
        .find((href) => href.startsWith(path)) ?? '';
    const registration = await agent.navigate(linkTo('/ui/registration').replaceAll('&amp;', '&'));
    expect(fieldIn(registration, 'traits.email')).toBe(person.email);
    const recovery = await agent.navigate(linkTo('/ui/recovery').replaceAll('&amp;', '&'));
    expect(fieldIn(recovery, 'email')).toBe(person.email);
  });

  it('does not replace what the user typed', async () => {
    const agent = new UserAgent(stack.url);
    const page = await agent.navigate(asked({ login_hint: person.email }));
    const again = await agent.submit(page, { identifier: 'other@example.org', password: 'wrong password' });
    expect(fieldIn(again, 'identifier')).toBe('other@example.org');
  });

  it('of /auth/login counts too', async () => {
    const query = new URLSearchParams({ login_hint: person.email, ui_locales: 'de' });
    const page = await new UserAgent(stack.url).navigate(`/auth/login?${query}`);
    expect(fieldIn(page, 'identifier')).toBe(person.email);
    expect(languageOf(page)).toBe('de');
  });

  it('is text, whatever is in it', async () => {
    const hint = '"><script>alert(1)</script>';
    const page = await pageFor({ login_hint: hint });
    expect(page.text).not.toContain('<script>alert');
    expect(parse(page.text).querySelectorAll('main script')).toEqual([]);
    expect(page.html().querySelector('input[name=identifier]')?.attributes['value']).toBe(hint);
  });

  it.each([
    ['257 characters', 'x'.repeat(257)],
    ['a line break', 'ada@example.org\r\nset-cookie: evil=1'],
    ['a NUL', 'ada\u0000@example.org'],
    ['an override of the direction', 'ada@\u202Eexample.org'],
    ['nothing but blanks', '   '],
  ])('with %s is ignored', async (_what, hint) => {
    const page = await pageFor({ login_hint: hint });
    expect(new URL(page.url).pathname).toBe('/ui/login');
    expect(page.status).toBe(200);
    expect(fieldIn(page, 'identifier') ?? '').toBe('');
    expect(page.headers.getSetCookie().join()).not.toContain('evil');
  });

  it('of another browser’s login is not shown', async () => {
    const theirs = await new UserAgent(stack.url).followUntil(asked({ login_hint: person.email }), (next) =>
      next.searchParams.has('login_challenge'),
    );
    const query = new URLSearchParams({ return_to: theirs.href });
    const page = await new UserAgent(stack.url).navigate(`/ory/kratos/self-service/login/browser?${query}`);
    expect(new URL(page.url).pathname).toBe('/ui/login');
    expect(fieldIn(page, 'identifier') ?? '').toBe('');
  });

  it('of /auth/login that would make the way to Hydra too long is left out', async () => {
    const page = await new UserAgent(stack.url).navigate(
      `/auth/login?${new URLSearchParams({ login_hint: '名'.repeat(256) })}`,
    );
    expect([page.status, new URL(page.url).pathname]).toEqual([200, '/ui/login']);
  });

  it('that is longer than a query may be is refused before Hydra sees it', async () => {
    const page = await pageFor({ login_hint: 'x'.repeat(3000) });
    expect(page.status).toBe(414);
  });
});

describe('ui_locales (OpenID Connect Core section 3.1.2.1)', () => {
  it.each([
    ['de', 'de'],
    ['DE-at', 'de'],
    ['fr-CA fr de en', 'de'],
    ['en-US', 'en'],
  ])('%s: pages of this login are in %s, whatever the browser asks for', async (locales, language) => {
    const browser = language === 'de' ? 'en' : 'de';
    expect(languageOf(await pageFor({ ui_locales: locales }, browser))).toBe(language);
  });

  it.each(['fr', 'tlh xx-invalid--tag', '*', '../../en', '\u0000', `${'x '.repeat(40)}de`, '<b> "'])(
    '%j names no language of ours: the browser decides',
    async (locales) => {
      const pages = [await pageFor({ ui_locales: locales }, 'de'), await pageFor({ ui_locales: locales })];
      expect(pages.map((page) => [page.status, languageOf(page)])).toEqual([
        [200, 'de'],
        [200, 'en'],
      ]);
    },
  );

  it('holds for the consent page, and not for the account page after it', async () => {
    const agent = new UserAgent(stack.url);
    await logIn(agent, person);
    const page = await agent.navigate(asked({ ui_locales: 'de' }));
    expect(new URL(page.url).pathname).toBe('/ui/consent');
    expect(languageOf(page)).toBe('de');
    expect(languageOf(await agent.navigate('/'))).toBe('en');
  });

  it('holds for the page on the way back', async () => {
    const agent = new UserAgent(stack.url);
    await logIn(agent, person);
    const page = await agent.navigate(asked({ ui_locales: 'de', response_mode: 'form_post' }, trusted));
    expect(languageOf(page)).toBe('de');
  });

  it('holds for the question whether to log out (RP-Initiated Logout section 2)', async () => {
    const agent = new UserAgent(stack.url);
    await logIn(agent, person);
    const page = await agent.navigate('/ory/hydra/oauth2/sessions/logout?ui_locales=de');
    expect(new URL(page.url).pathname).toBe('/ui/logout');
    expect(languageOf(page)).toBe('de');
  });
});

describe('the metadata (OpenID Connect Discovery section 3) names what works', () => {
  let metadata: Readonly<Record<string, unknown>>;
  const list = (name: string): readonly string[] => {
    const value = metadata[name];
    return Array.isArray(value) ? value.map(String) : [];
  };

  beforeAll(async () => {
    const agent = new UserAgent(stack.url);
    metadata = Object((await agent.fetch('/ory/hydra/.well-known/openid-configuration')).json());
  });

  it('every endpoint exists', async () => {
    const endpoints = Object.entries(metadata).filter(([name]) => /_(?:endpoint|uri)(?:_|$)/.test(name));
    const urls = endpoints.flatMap(([, value]) => (typeof value === 'string' ? [value] : []));
    expect(urls.length).toBeGreaterThan(4);
    for (const url of urls) {
      const agent = new UserAgent(stack.url);
      const statuses = [
        (await agent.request(url)).status,
        (await agent.request(url, { method: 'POST' })).status,
      ];
      expect([url, statuses.every((status) => status === 404)]).toEqual([url, false]);
    }
  });

  it('scopes and claims: they are what a login brings', async () => {
    const agent = new UserAgent(stack.url);
    await logIn(agent, person);
    const { path, verifier } = trusted.authorize({ audience: undefined, nonce: 'n'.repeat(16) });
    const code = landingOf(await agent.navigate(path)).searchParams.get('code') ?? '';
    const { id_token: idToken = '' } = tokensOf(await trusted.exchange(agent, code, verifier));
    const claims: unknown = JSON.parse(Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString());
    // Nobody here has a picture.
    expect(list('claims_supported').filter((name) => name !== 'picture')).toEqual(
      expect.arrayContaining(['sub', 'email', 'email_verified', 'name', 'auth_time']),
    );
    const missing = list('claims_supported').filter((name) => !(name in Object(claims)));
    // It didn't ask for the last three; test/e2e/application-claims.spec.ts does.
    expect(missing).toEqual(['picture', 'roles', 'orgs', 'groups']);
    expect([...list('scopes_supported')].sort()).toEqual(
      ['email', 'groups', 'offline_access', 'openid', 'orgs', 'profile', 'roles'].sort(),
    );
    // Hydra's own, which no application needs: the id of the token, and the time of the request.
    const known = new Set([...list('claims_supported'), 'jti', 'rat']);
    expect(Object.keys(Object(claims)).filter((name) => !known.has(name))).toEqual([]);
    expect(list('id_token_signing_alg_values_supported')).toEqual([decodeProtectedHeader(idToken).alg]);
    expect(metadata['acr_values_supported']).toContain(Object(claims).acr);
    expect(metadata).toMatchObject({ claims_parameter_supported: false, ui_locales_supported: ['en', 'de'] });
  });

  it('response modes: each brings the code in its own place', async () => {
    const agent = new UserAgent(stack.url);
    await logIn(agent, person);
    const modes = list('response_modes_supported');
    expect([...modes].sort()).toEqual(['form_post', 'fragment', 'query']);
    for (const mode of modes) {
      const page = await agent.navigate(asked({ response_mode: mode }, trusted));
      const { searchParams, hash } = landingOf(page);
      const code = {
        query: searchParams.get('code'),
        fragment: new URLSearchParams(hash.slice(1)).get('code'),
        form_post: fieldIn(page, 'code'),
      }[mode];
      expect([mode, code]).toEqual([mode, expect.stringMatching(/^ory_ac_/)]);
    }
  });

  /** What Hydra itself names, in lists that are to name no more than works. */
  async function ofHydra(name: string): Promise<readonly string[]> {
    const answer = await fetch(`${stack.env['HYDRA_PUBLIC_URL']}/.well-known/openid-configuration`);
    return z.array(z.string()).parse(Object(await answer.json())[name]);
  }

  let registrations = 0;
  async function register(more: Omit<NewApplication, 'name' | 'redirectUris'> = {}): Promise<OAuthApp> {
    const redirectUris = more.kind === 'machine' ? [] : [redirectUri];
    const name = `Wiki ${(registrations += 1)}`;
    const client = await registerApplication(stack, { name, redirectUris, ...more });
    return new OAuthApp(stack.url, client, redirectUri);
  }

  it('response types: an application gets an answer of those, and no other that Hydra knows', async () => {
    const agent = new UserAgent(stack.url);
    await logIn(agent, person);
    const registered = await register({ firstParty: true });
    const types = await ofHydra('response_types_supported');
    expect(types.length).toBeGreaterThan(3);
    const answered: string[] = [];
    for (const type of types) {
      const page = await agent.navigate(
        registered.authorize({ audience: undefined, response_type: type, nonce: 'n'.repeat(16) }).path,
      );
      const { searchParams, hash } = landingOf(page);
      const answer = new URLSearchParams(type === 'code' ? searchParams : hash.slice(1));
      answered.push(...(answer.has('error') || answer.size === 0 ? [] : [type]));
    }
    expect(list('response_types_supported')).toEqual(answered);
  });

  it('grant types: an application may use those, and no other that Hydra knows', async () => {
    const applications = [
      await register({ scope: 'openid offline_access' }),
      await register({ kind: 'machine', scope: 'profile:read' }),
    ];
    const usable: string[] = [];
    const known = new Set([...(await ofHydra('grant_types_supported')), ...list('grant_types_supported')]);
    for (const type of known) {
      const made = { code: 'ory_ac_made-up', code_verifier: 'v'.repeat(43), redirect_uri: redirectUri };
      const exchanged = {
        requested_token_type: 'urn:ietf:params:oauth:token-type:id-jag',
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      };
      const tokens = { refresh_token: 'ory_rt_made-up-made-up', device_code: 'x' };
      const form = { grant_type: type, ...made, ...exchanged, ...tokens };
      const answers = await Promise.all(
        applications.map(async (application) => application.token(new UserAgent(stack.url), form)),
      );
      const isUsable = answers.some(
        ({ status, text }) => status === 200 || /invalid_(?:grant|target)/.test(text),
      );
      usable.push(...(isUsable ? [type] : []));
    }
    expect([...list('grant_types_supported')].sort()).toEqual(usable.sort());
  });

  /** What an application sends that signs that it is itself (RFC 7523). */
  async function assertionOf(id: string, key: CryptoKey): Promise<Readonly<Record<string, string>>> {
    const jwt = await new SignJWT({
      iss: id,
      sub: id,
      aud: String(metadata['issuer']),
      jti: crypto.randomUUID(),
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setExpirationTime('1m')
      .sign(key);
    return {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: jwt,
    };
  }

  it('authentication methods: an application can be registered for those, and no other that Hydra knows', async () => {
    const methods = await ofHydra('token_endpoint_auth_methods_supported');
    expect(methods).toEqual(expect.arrayContaining([...list('token_endpoint_auth_methods_supported')]));
    const possible: string[] = [];
    const pair = await generateKeyPair('ES256');
    for (const method of methods) {
      const kind = method === 'none' ? 'single_page' : 'web';
      const isByKey = method === 'private_key_jwt';
      const given = {
        kind,
        ...(method === 'none' || isByKey ? {} : { tokenEndpointAuthMethod: method }),
        ...(isByKey ? { jwks: { keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'one' }] } } : {}),
      } as const;
      const registered = await register(given).catch(() => undefined);
      const { id = '', secret = '' } = registered?.client ?? {};
      const credential = Buffer.from(`${id}:${secret}`).toString('base64');
      const answer = await new UserAgent(stack.url).request('/ory/hydra/oauth2/token', {
        method: 'POST',
        headers: method === 'client_secret_basic' ? { authorization: `Basic ${credential}` } : {},
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          code: 'ory_ac_made-up',
          redirect_uri: redirectUri,
          code_verifier: 'v'.repeat(43),
          ...(method === 'none' ? { client_id: id } : {}),
          ...(method === 'client_secret_post' ? { client_id: id, client_secret: secret } : {}),
          ...(isByKey ? await assertionOf(id, pair.privateKey) : {}),
        }),
      });
      possible.push(...(answer.text.includes('invalid_grant') ? [method] : []));
    }
    expect([...list('token_endpoint_auth_methods_supported')].sort()).toEqual(possible.sort());
  });

  it('prompts: each is done, and one that is not named is refused', async () => {
    const agent = new UserAgent(stack.url);
    await logIn(agent, person);
    const landing = async (prompt: string) => landingOf(await agent.navigate(asked({ prompt }))).href;
    expect([...list('prompt_values_supported')].sort()).toEqual(['consent', 'login', 'none']);
    expect(await landing('none')).toContain('error=consent_required');
    expect(await landing('login')).toContain('/ui/login');
    const page = await agent.navigate(asked({ prompt: 'consent' }));
    const back = await agent.submit(page, { remember: 'on' }, { name: 'decision', value: 'allow' });
    expect(landingOf(back).searchParams.get('code')).toMatch(/^ory_ac_/);
    expect(await landing('none')).toContain('code=');
    expect(await landing('consent')).toContain('/ui/consent');
    expect(await landing('select_account')).toContain('error=invalid_request');
  });

  it('challenge methods: plain is refused, S256 is not', async () => {
    expect(list('code_challenge_methods_supported')).toEqual(['S256']);
    const agent = new UserAgent(stack.url);
    await logIn(agent, person);
    const page = await agent.navigate(
      asked({ code_challenge: 'x'.repeat(43), code_challenge_method: 'plain' }, trusted),
    );
    expect(landingOf(page).searchParams.get('error')).toBe('invalid_request');
  });

  it('nothing is named that is not within reach', () => {
    const names = Object.keys(metadata);
    expect(
      names.filter((name) =>
        /registration_endpoint|credential|introspection|request_object|require_request/.test(name),
      ),
    ).toEqual([]);
    expect(metadata).toMatchObject({
      frontchannel_logout_supported: false,
      frontchannel_logout_session_supported: false,
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
    });
  });
});

/** An unsigned request object. */
const objectOf = (claims: Readonly<Record<string, string>>): string =>
  `eyJhbGciOiJub25lIn0.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`;

describe('a request object (OpenID Connect Core section 6), whose demands a login would overlook', () => {
  it.each(['request', 'request_uri'])(
    '%s is refused, in a query and in a form: the application is told',
    async (name) => {
      const agent = new UserAgent(stack.url);
      const path = asked({ [name]: 'https://app.example.test/object', state: 'of-the-app' });
      const [target = '', query = ''] = path.split('?');
      for (const page of [
        await agent.navigate(path),
        await agent.navigate(target, { method: 'POST', body: new URLSearchParams(query) }),
      ]) {
        const { origin, pathname, searchParams } = landingOf(page);
        expect(origin + pathname).toBe(app.redirectUri);
        expect([searchParams.get('error'), searchParams.get('state')]).toEqual([
          `${name}_not_supported`,
          'of-the-app',
        ]);
      }
    },
  );

  it.each([
    { response_mode: 'form_post', state: 'in-the-query' },
    { request: objectOf({ response_mode: 'form_post', state: 'in-the-object' }), state: undefined },
  ])('by a form, with the state, where the application asks for that: %j', async (changes) => {
    const path = asked({ request: objectOf({}), ...changes });
    const page = await new UserAgent(stack.url).navigate(path);
    expect(fieldIn(page, 'error')).toBe('request_not_supported');
    expect(fieldIn(page, 'state')).toBe(changes.state ?? 'in-the-object');
  });

  it('from an application without such a redirect URI ends on a page', async () => {
    const path = asked({ request: objectOf({}), redirect_uri: 'https://evil.example.test/' });
    expect((await new UserAgent(stack.url).navigate(path)).status).toBe(400);
  });
});

describe('an authorization request that is posted (OpenID Connect Core section 3.1.2.1)', () => {
  const post = async (agent: UserAgent, query: string, headers = {}): Promise<Page> =>
    agent.navigate('/ory/hydra/oauth2/auth', {
      method: 'POST',
      headers: { origin: 'https://app.example.test', 'sec-fetch-site': 'cross-site', ...headers },
      body: new URLSearchParams(query),
    });
  const queryOf = (path: string): string => path.slice(path.indexOf('?') + 1);

  it('is as good as one in the query', async () => {
    const agent = new UserAgent(stack.url);
    const { path, state, verifier } = trusted.authorize({ audience: undefined, login_hint: person.email });
    const page = await post(agent, queryOf(path));
    expect(fieldIn(page, 'identifier')).toBe(person.email);
    const back = landingOf(
      await agent.submit(page, { identifier: person.email, password: person.password }),
    ).searchParams;
    expect(back.get('state')).toBe(state);
    expect((await trusted.exchange(agent, back.get('code') ?? '', verifier)).status).toBe(200);
  });

  it('leads nowhere but to itself, whatever it contains', async () => {
    const agent = new UserAgent(stack.url);
    const query = new URLSearchParams({
      x: '\r\nlocation: https://evil.example.test',
      redirect_uri: '//evil',
      login_challenge: 'of-somebody-else',
    });
    const page = await agent.request('/ory/hydra/oauth2/auth?client_id=a', { method: 'POST', body: query });
    expect(page.status).toBe(303);
    // Nobody is given a challenge by asking for it.
    expect(page.headers.getSetCookie()).toEqual([]);
    const target = landingOf(page);
    expect(target.origin + target.pathname).toBe(`${stack.url}/ory/hydra/oauth2/auth`);
    expect(target.searchParams.get('client_id')).toBe('a');
    expect(target.searchParams.get('x')).toBe(query.get('x'));
  });

  it('is refused when it is longer than a query may be', async () => {
    const page = await post(new UserAgent(stack.url), `state=${'x'.repeat(3000)}`);
    expect(page.status).toBe(414);
  });
});
