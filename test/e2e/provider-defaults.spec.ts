import { createHash } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { OAuthApp, codeOf, landingOf, tokensOf } from '../support/oauth.app.js';
import { newPerson, signUp } from '../support/person.js';
import {
  type NewApplication,
  administratorOf,
  registerApplication,
} from '../support/registered.application.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { travel } from '../support/travel.js';
import { type Page, UserAgent, formOf } from '../support/user-agent.js';

const redirectUri = 'https://wiki.example.test/callback';
const notes = 'https://notes.example/mcp';
const person = newPerson();
const withoutPkce = { code_challenge: undefined, code_challenge_method: undefined };
const tokenErrorSchema = z.looseObject({ error: z.string() });

type Changes = Readonly<Record<string, string | undefined>>;

let stack: Stack;
let issuer: string;
let user: UserAgent;
let strict: OAuthApp;
let careful: OAuthApp;
let plain: OAuthApp;

beforeAll(async () => {
  const PROTECTED_RESOURCES = JSON.stringify([{ resource: notes, scopes: { read: 'Read your notes' } }]);
  stack = await startStack({ env: { PROTECTED_RESOURCES } });
  issuer = `${stack.url}/ory/hydra`;
  strict = await registered({ name: 'Strict' });
  careful = await registered({ name: 'Careful', codeProtection: 'nonce' });
  plain = await registered({ name: 'Plain', codeProtection: 'none' });
  user = new UserAgent(stack.url);
  await signUp(user, person);
});

afterAll(async () => {
  await stack?.stop();
});

async function registered(changes: Omit<NewApplication, 'redirectUris'>): Promise<OAuthApp> {
  const client = await registerApplication(stack, {
    redirectUris: [redirectUri],
    firstParty: true,
    ...changes,
  });
  return new OAuthApp(stack.url, client, redirectUri);
}

const authorize = (app: OAuthApp, changes: Changes = {}) =>
  app.authorize({ audience: undefined, ...changes });

/** Where a browser that is logged in ends up with a request. */
const answerTo = async (app: OAuthApp, changes: Changes): Promise<URLSearchParams> =>
  landingOf(await user.navigate(authorize(app, changes).path)).searchParams;

/** What the token endpoint says of a code. */
async function exchanged(app: OAuthApp, code: string, verifier?: string): Promise<string> {
  const answer = await app.exchange(new UserAgent(stack.url), code, verifier);
  return answer.status === 200 ? 'ok' : tokenErrorSchema.parse(answer.json()).error;
}

async function patched(app: OAuthApp, changes: Readonly<Record<string, unknown>>): Promise<Page> {
  const administrator = await administratorOf(stack);
  return administrator.fetch(`/api/v1/applications/${app.client.id}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json', origin: stack.url },
    body: JSON.stringify(changes),
  });
}

/** The challenge that stands in for one of a program that sends none. It is no secret. */
function standInOf({ client }: OAuthApp): string {
  const hashed = (text: string): string => createHash('sha256').update(text).digest('base64url');
  return hashed(hashed(`vestibule sends no verifier for ${client.id}`));
}

/** What comes of a login whose last redirect a browser changes: the error, and whether there is a code. */
async function changedAtTheEnd(
  app: OAuthApp,
  changes: Changes,
  change: (query: URLSearchParams) => void,
): Promise<readonly [string | null, boolean]> {
  const { next } = await travel(user, stack.url + authorize(app, changes).path, ({ searchParams }) =>
    searchParams.has('consent_verifier'),
  );
  if (next === undefined) {
    throw new Error('there was no last redirect');
  }
  change(next.searchParams);
  const answer = landingOf(await user.navigate(next.href)).searchParams;
  return [answer.get('error'), answer.has('code')];
}

describe('state', () => {
  it.each([
    ['none', undefined, null],
    ['an empty one', '', null],
    ['a short one', 'x', 'x'],
    ['seven characters', '1234567', '1234567'],
    ['short, of every kind', `&"<é`, `&"<é`],
    ['one that looks like ours', 'vestibule-added-state.none', 'vestibule-added-state.none'],
  ])('%s comes back as it was sent', async (_which, state, expected) => {
    const answer = await answerTo(strict, { state });
    expect([answer.has('code'), answer.get('state'), answer.getAll('state').length]).toEqual([
      true,
      expected,
      expected === null ? 0 : 1,
    ]);
  });

  it('comes back to who logs in first, and from a login that begins anew', async () => {
    const agent = new UserAgent(stack.url);
    const page = await agent.navigate(authorize(strict, { state: 'ab' }).path);
    const landing = await agent.submit(page, { identifier: person.email, password: person.password });
    expect(landingOf(landing).searchParams.get('state')).toBe('ab');
  });

  it.each([
    ['of Hydra', { scope: 'openid unheard-of' }, 'invalid_scope'],
    ['of the gateway', withoutPkce, 'invalid_request'],
    ['of a user who must not be asked', { prompt: 'none', max_age: '0' }, 'login_required'],
  ])('comes back with a refusal %s, as it was sent or not at all', async (_whose, changes, error) => {
    const [short, none] = [
      await answerTo(strict, { ...changes, state: 'ab' }),
      await answerTo(strict, { ...changes, state: undefined }),
    ];
    expect([short.get('error'), short.get('state')]).toEqual([error, 'ab']);
    expect([none.get('error'), none.has('state')]).toEqual([error, false]);
  });

  it.each([
    ['vestibule-added-state.none', 'vestibule-added-state.none'],
    ['vestibule-added-state.to.abc', 'vestibule-added-state.to.abc'],
    ['ab', 'ab'],
    ['', null],
    [undefined, null],
  ])('comes back with what the gateway refuses of a resource: %s', async (state, expected) => {
    const answer = await answerTo(strict, { resource: 'https://unknown.example/', state });
    expect([answer.get('error'), answer.get('state')]).toEqual(['invalid_target', expected]);
  });

  it('comes back from a login that begins anew, also of a request as long as may be', async () => {
    const { path } = authorize(plain, { ...withoutPkce, state: 'ab' });
    const long = `${path}&x=${'x'.repeat(2045 - (path.split('?')[1]?.length ?? 0))}`;
    const { next } = await travel(user, stack.url + long, ({ searchParams }) =>
      searchParams.has('consent_verifier'),
    );
    const once = await user.navigate(next?.href ?? '');
    const again = await user.navigate(next?.href ?? '');
    for (const page of [once, again]) {
      const answer = landingOf(page).searchParams;
      expect([answer.has('code'), answer.get('state')]).toEqual([true, 'ab']);
    }
  });

  it('comes back in a form, and in a fragment', async () => {
    for (const [state, expected] of [
      ['ab', 'ab'],
      [undefined, null],
    ] as const) {
      const form = await user.navigate(authorize(strict, { state, response_mode: 'form_post' }).path);
      expect(formOf(form, { code: '' }).body.get('state')).toBe(expected);
      const page = await user.navigate(authorize(strict, { state, response_mode: 'fragment' }).path);
      expect(new URLSearchParams(landingOf(page).hash.slice(1)).get('state')).toBe(expected);
    }
  });
});

describe('iss (RFC 9207)', () => {
  it('is announced, and in each answer', async () => {
    const metadata: unknown = (await user.fetch('/.well-known/openid-configuration')).json();
    expect(metadata).toMatchObject({ issuer, authorization_response_iss_parameter_supported: true });
    expect((await answerTo(strict, {})).getAll('iss')).toEqual([issuer]);
  });

  it.each([
    ['of Hydra', { scope: 'openid unheard-of' }],
    ['of the gateway', withoutPkce],
    ['of a user who must not be asked', { prompt: 'none', max_age: '0' }],
  ])('is in a refusal %s', async (_whose, changes) => {
    const answer = await answerTo(strict, changes);
    expect([answer.has('error'), answer.getAll('iss')]).toEqual([true, [issuer]]);
  });

  it('is in a form, and in a fragment', async () => {
    const form = await user.navigate(authorize(strict, { response_mode: 'form_post' }).path);
    expect(formOf(form, { code: '' }).body.getAll('iss')).toEqual([issuer]);
    const page = await user.navigate(authorize(strict, { response_mode: 'fragment' }).path);
    expect(new URLSearchParams(landingOf(page).hash.slice(1)).getAll('iss')).toEqual([issuer]);
  });

  it('is the only one, whatever the redirect URI has of its own', async () => {
    const own = `${redirectUri}?iss=https%3A%2F%2Fevil.example&b=%20`;
    const client = await registerApplication(stack, { name: 'Odd', redirectUris: [own], firstParty: true });
    const app = new OAuthApp(stack.url, client, own);
    for (const changes of [{}, { scope: 'openid unheard-of' }, withoutPkce]) {
      const answer = await answerTo(app, changes);
      expect([answer.getAll('iss'), answer.get('b')]).toEqual([[issuer], ' ']);
    }
  });

  it('is not on the gateway’s own error page', async () => {
    const page = await user.navigate(authorize(strict, { redirect_uri: 'https://evil.example.test/' }).path);
    expect([new URL(page.url).pathname, new URL(page.url).searchParams.has('iss')]).toEqual([
      '/ui/error',
      false,
    ]);
  });

  it('is the gateway’s for what is asked of a resource alone, and Hydra’s with an ID token', async () => {
    const metadata: unknown = (await user.fetch('/.well-known/oauth-authorization-server')).json();
    expect(metadata).toMatchObject({
      issuer: stack.url,
      authorization_response_iss_parameter_supported: true,
    });
    const reader = await registered({ name: 'Reader', scope: 'openid read' });
    expect((await answerTo(reader, { resource: notes, scope: 'read unheard-of' })).get('iss')).toBe(
      stack.url,
    );
    expect((await answerTo(reader, { resource: notes, scope: 'openid other' })).get('iss')).toBe(issuer);
  });
});

describe('an application that requires PKCE', () => {
  it.each([
    ['none', withoutPkce, 'PKCE is required'],
    ['an empty one', { code_challenge: '' }, 'PKCE is required'],
    ['the method plain', { code_challenge_method: 'plain' }, 'must be S256'],
    ['no method', { code_challenge_method: undefined }, 'must be S256'],
    ['a nonce of seven characters', { nonce: '1234567' }, 'at least 8 characters'],
  ])('is refused with %s, before its user is asked for anything', async (_which, changes, why) => {
    const page = await new UserAgent(stack.url).navigate(
      authorize(strict, { nonce: 'n'.repeat(16), ...changes }).path,
    );
    expect(landingOf(page).searchParams.get('error')).toBe('invalid_request');
    expect(landingOf(page).searchParams.get('error_description')).toContain(why);
  });

  it('is refused with the challenge that stands in for none', async () => {
    const answer = await answerTo(strict, { code_challenge: standInOf(strict) });
    expect(answer.get('error')).toBe('invalid_request');
  });

  it('is refused when that was put in the place of its own after the login', async () => {
    const code = await changedAtTheEnd(strict, {}, (query) => {
      query.set('code_challenge', standInOf(strict));
    });
    expect(code).toEqual(['invalid_request', false]);
  });

  it('gets none without its verifier', async () => {
    const code = codeOf(await user.navigate(authorize(strict).path));
    expect(await exchanged(strict, code)).toBe('invalid_grant');
  });
});

describe('an application that may send a nonce instead', () => {
  const nonce = 'a-nonce-of-this-login';

  it('logs in with it, and its ID token has it', async () => {
    const code = codeOf(await user.navigate(authorize(careful, { ...withoutPkce, nonce }).path));
    const tokens = tokensOf(await careful.exchange(new UserAgent(stack.url), code, undefined));
    expect(decodeJwt(tokens.id_token ?? '')['nonce']).toBe(nonce);
  });

  it('is refused when the nonce is taken out after the login', async () => {
    const code = await changedAtTheEnd(careful, { ...withoutPkce, nonce }, (query) => query.delete('nonce'));
    expect(code).toEqual(['invalid_request', false]);
  });

  it.each([
    ['no nonce', { nonce: undefined }],
    ['an empty one', { nonce: '' }],
    ['no ID token that could have it', { nonce, scope: 'profile' }],
  ])('is refused with %s', async (_which, changes) => {
    const answer = await answerTo(careful, { ...withoutPkce, ...changes });
    expect(answer.get('error')).toBe('invalid_request');
    expect(answer.get('error_description')).toContain('nonce');
  });

  it('that sent PKCE must answer it, also when the challenge was removed on the way and a nonce is left', async () => {
    const { path, verifier } = authorize(careful, { nonce });
    expect(await exchanged(careful, codeOf(await user.navigate(path)))).toBe('invalid_grant');
    const stripped = codeOf(await user.navigate(authorize(careful, { ...withoutPkce, nonce }).path));
    expect(await exchanged(careful, stripped, verifier)).toBe('invalid_grant');
    const whole = authorize(careful);
    expect(await exchanged(careful, codeOf(await user.navigate(whole.path)), whole.verifier)).toBe('ok');
  });
});

describe('an application that needs neither', () => {
  it.each(['client_secret_basic', 'client_secret_post'])('logs in with nothing, by %s', async (method) => {
    const app = await registered({
      name: `Old ${method}`,
      codeProtection: 'none',
      tokenEndpointAuthMethod: method,
    });
    const code = codeOf(await user.navigate(authorize(app, { ...withoutPkce, state: undefined }).path));
    const { id: client_id, secret: client_secret } = app.client;
    const answer = await new UserAgent(stack.url).request('/ory/hydra/oauth2/token', {
      method: 'POST',
      headers:
        method === 'client_secret_basic'
          ? { authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}` }
          : {},
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        ...(method === 'client_secret_basic' ? {} : { client_id, client_secret }),
      }),
    });
    expect(decodeJwt(tokensOf(answer).id_token ?? '').sub).toMatch(/^[\da-f-]{36}$/);
  });

  it('gets nothing for its code without its secret, or with a verifier that nothing asked for', async () => {
    const begin = async () => codeOf(await user.navigate(authorize(plain, withoutPkce).path));
    const stranger = new OAuthApp(stack.url, { ...plain.client, secret: '' }, redirectUri);
    expect(await exchanged(stranger, await begin())).toBe('invalid_client');
    expect(await exchanged(plain, await begin(), 'v'.repeat(43))).toBe('invalid_grant');
    expect(await exchanged(plain, await begin(), '')).toBe('ok');
  });

  it('gets no token of a resource', async () => {
    const answer = await answerTo(plain, { ...withoutPkce, resource: notes, scope: 'read' });
    expect(answer.get('error')).toBe('invalid_request');
  });

  it('that sent PKCE must answer it', async () => {
    const { path, verifier } = authorize(plain);
    expect(await exchanged(plain, codeOf(await user.navigate(path)))).toBe('invalid_grant');
    expect(await exchanged(plain, codeOf(await user.navigate(path)), verifier)).toBe('ok');
  });
});

describe('the setting', () => {
  it.each([
    ['a single-page app', { kind: 'single_page' }],
    ['a native one', { kind: 'native', redirectUris: ['com.example.app:/callback'] }],
    ['any port', { redirectUris: ['http://127.0.0.1:8080/callback'] }],
    ['scopes of a resource', { scope: 'openid read' }],
  ] as const)('is refused for an application with %s', async (_which, changes) => {
    for (const codeProtection of ['nonce', 'none'] as const) {
      const application = { name: 'Odd', redirectUris: [redirectUri], ...changes, codeProtection };
      await expect(registerApplication(stack, application)).rejects.toThrow('must be pkce');
    }
  });

  it('is held when the application changes', async () => {
    const app = await registered({ name: 'Changing', codeProtection: 'none' });
    const refused = [
      { redirectUris: ['http://[::1]/callback'] },
      { scope: 'openid read' },
      { codeProtection: 'any' },
    ];
    for (const changes of refused) {
      expect((await patched(app, changes)).status).toBe(400);
    }
    expect((await patched(app, { codeProtection: 'pkce', scope: 'openid read' })).status).toBe(200);
    expect((await answerTo(app, { ...withoutPkce, scope: 'openid' })).get('error')).toBe('invalid_request');
  });

  it('is in the audit trail', async () => {
    const app = await registered({ name: 'Audited', codeProtection: 'nonce' });
    await patched(app, { codeProtection: 'none' });
    await patched(app, { name: 'Audited too' });
    const administrator = await administratorOf(stack);
    const events = z
      .looseObject({
        items: z.array(
          z.looseObject({
            type: z.string(),
            reason: z.string().nullable(),
            target: z.looseObject({ id: z.string() }).nullable(),
          }),
        ),
      })
      .parse((await administrator.fetch('/api/v1/audit-events?limit=100')).json())
      .items.filter(({ target }) => target?.id === app.client.id);
    expect(events.map(({ type, reason }) => [type, reason])).toEqual([
      ['application_updated', null],
      ['application_updated', 'code_protection_none'],
      ['application_created', 'code_protection_nonce'],
    ]);
  });
});

it('a code ends a minute after it was made', async () => {
  const code = codeOf(await user.navigate(authorize(plain, withoutPkce).path));
  const madeAt = performance.now();
  const soon = codeOf(await user.navigate(authorize(plain, withoutPkce).path));
  expect(await exchanged(plain, soon)).toBe('ok');
  await waitUntil(() => performance.now() - madeAt > 61_000, 'a minute to pass', 90_000);
  expect(await exchanged(plain, code)).toBe('invalid_grant');
}, 120_000);
