import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectionsAtOnce } from '../../../src/providers/ory/proxy/ory-proxy.js';
import { type GatewayProcess, startGatewayProcess } from '../../support/gateway.process.js';
import { codeOf, landingOf, OAuthApp } from '../../support/oauth.app.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { newPerson, type Person } from '../../support/person.js';
import { registerApplication } from '../../support/registered.application.js';
import { rawRequest } from '../../support/raw.request.js';
import { type Stack, startStack, waitUntil } from '../../support/stack.js';
import { StandIn } from '../../support/stand-in.js';
import { formOf, type Page, UserAgent } from '../../support/user-agent.js';

const document = {
  accept: 'text/html',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'none',
} as const;
/** What tells that the browser was sent a page of this service, and not the first redirect. */
const loginPage = /^http:\/\/[^/]+\/ui\/login\?flow=/;
const firstRedirect = /\/ory\/hydra\/oauth2\/auth\?/;

let stack: Stack;
let kratos: StandIn;
let hydra: StandIn;
let gateway: GatewayProcess;
let person: Person;

beforeAll(async () => {
  stack = await startStack();
  kratos = new StandIn(stack.env['KRATOS_PUBLIC_URL'] ?? '');
  hydra = new StandIn(stack.env['HYDRA_PUBLIC_URL'] ?? '');
  gateway = await startGatewayProcess({
    ...stack.env,
    KRATOS_PUBLIC_URL: await kratos.start(),
    HYDRA_PUBLIC_URL: await hydra.start(),
  });
  person = newPerson();
  await new OryAdmin(stack.env).createPerson(person);
});

afterEach(() => {
  kratos.say(undefined);
  hydra.say(undefined);
});

afterAll(async () => {
  await gateway?.stop();
  await kratos?.stop();
  await hydra?.stop();
  await stack?.stop();
});

const browser = (): UserAgent => new UserAgent(stack.url, gateway.url);

/** Opens the login page, and fills it in. @returns the form that is about to be sent. */
async function filledIn(
  agent: UserAgent,
  path = '/auth/login?return_to=/demo',
): Promise<ReturnType<typeof formOf>> {
  const page = await agent.navigate(path);
  return formOf(page, { identifier: person.email, password: person.password });
}

const whoIs = async (agent: UserAgent): Promise<number> => (await agent.fetch('/auth/session')).status;

/** Bytes of an answer's headers. */
const headLengthOf = ({ headers }: Page): number =>
  [...headers].reduce((sum, [name, value]) => sum + name.length + value.length + ': \r\n'.length, 0);

describe('for whom', () => {
  it.each([
    ['a page load', {}],
    ['one that a person began', { 'sec-fetch-user': '?1', 'sec-fetch-site': 'cross-site' }],
  ])('%s: as far as the login page', async (_what, headers) => {
    const page = await browser().request('/auth/login', { headers: { ...document, ...headers } });
    expect([page.status, page.headers.get('location')]).toEqual([302, expect.stringMatching(loginPage)]);
  });

  it.each([
    ['a prefetch', { 'sec-purpose': 'prefetch' }],
    ['a prefetch of an older browser', { purpose: 'prefetch' }],
    ['a frame', { 'sec-fetch-dest': 'iframe' }],
    ['a script', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
    ['a browser that says nothing about it', { 'sec-fetch-mode': '', 'sec-fetch-dest': '' }],
  ])('%s gets the first redirect', async (_what, headers) => {
    const page = await browser().request('/auth/login', { headers: { ...document, ...headers } });
    expect([page.status, page.headers.get('location')]).toEqual([302, expect.stringMatching(firstRedirect)]);
  });

  it('HEAD gets the first redirect', async () => {
    const page = await browser().request('/auth/login', { method: 'HEAD', headers: document });
    expect([page.status, page.headers.get('location')]).toEqual([302, expect.stringMatching(firstRedirect)]);
  });

  it('a form that no page of this origin sent is redirected first', async () => {
    const agent = browser();
    const { action, body } = await filledIn(agent);
    const page = await agent.request(action, {
      method: 'POST',
      body,
      headers: { ...document, origin: stack.url },
    });
    expect([page.status, page.headers.get('location')]).toEqual([
      303,
      expect.stringMatching(/\/auth\/ory\/login\?/),
    ]);
  });
});

it('the cookies that are set and deleted on the way reach no browser, and the headers of the answer stay small', async () => {
  const agent = browser();
  const { action, body } = await filledIn(agent);
  const headers = { ...document, 'sec-fetch-site': 'same-origin', origin: stack.url };
  const page = await agent.request(action, { method: 'POST', body, headers });
  expect([page.status, page.headers.get('location')]).toEqual([303, '/demo']);
  const lines = page.headers.getSetCookie();
  const names = lines.map((line) => line.split('=', 1)[0] ?? '');
  expect(new Set(names).size).toBe(names.length);
  expect(names).toContain('vestibule');
  expect(headLengthOf(page) - lines.join('').length).toBeLessThan(1000);
  expect(lines.filter((line) => !line.startsWith('vestibule=')).join('').length).toBeLessThan(2000);
  expect(page.headers.get('cache-control')).toBe('no-store');
  expect(await whoIs(agent)).toBe(200);
  const left = (await agent.jar.getCookies(stack.url)).map(({ key }) => key);
  expect(left.filter((name) => name.startsWith('vestibule-login'))).toEqual([]);
});

it('Hydra ends after the password was right: the browser has its session of Kratos, and a reload goes on without the password', async () => {
  const agent = browser();
  const { action, body } = await filledIn(agent);
  hydra.say((_request, response) => {
    response.destroy();
    return true;
  });
  const headers = { ...document, 'sec-fetch-site': 'same-origin', origin: stack.url };
  const page = await agent.request(action, { method: 'POST', body, headers });
  const stopped = page.headers.get('location') ?? '';
  expect([page.status, new URL(stopped).pathname]).toEqual([303, '/ory/hydra/oauth2/auth']);
  expect(await agent.cookie('ory_kratos_session')).toBeDefined();
  expect((await agent.navigate(stopped)).status).toBe(503);
  hydra.say(undefined);
  await waitUntil(
    async () => (await agent.navigate(stopped)).url === `${stack.url}/demo`,
    'Hydra to be asked again',
  );
  expect(await whoIs(agent)).toBe(200);
});

it('an answer that never reaches the browser: the form sent again logs in', async () => {
  const agent = browser();
  const { action, body } = await filledIn(agent);
  const cookie = await agent.jar.getCookieString(stack.url);
  // Another browser with the same cookies: what it's answered is lost.
  const lost = browser();
  for (const pair of cookie.split('; ')) {
    await lost.jar.setCookie(`${pair}; Path=/`, stack.url);
  }
  expect((await lost.navigate(action, { method: 'POST', body })).url).toBe(`${stack.url}/demo`);
  expect((await agent.navigate(action, { method: 'POST', body })).url).toBe(`${stack.url}/demo`);
  expect(await whoIs(agent)).toBe(200);
});

it.each(['query', 'fragment', 'form_post'])(
  'the same for another application, by %s: it gets a code',
  async (mode) => {
    const agent = browser();
    const { path } = OAuthApp.spa(stack.url).authorize({ response_mode: mode });
    const { action, body } = await filledIn(agent, path);
    const lost = browser();
    for (const cookie of await agent.jar.getCookies(stack.url)) {
      await lost.jar.setCookie(cookie, stack.url);
    }
    for (const once of [lost, agent]) {
      expect(answerIn(await once.navigate(action, { method: 'POST', body }), mode)).toMatchObject({
        code: expect.stringMatching(/./),
      });
    }
  },
);

/** What an application gets, by this response mode. */
function answerIn(page: Page, mode: string): Readonly<Record<string, string>> {
  const { search, hash } = landingOf(page);
  const form = mode === 'form_post' ? formOf(page, {}).body.toString() : undefined;
  return Object.fromEntries(new URLSearchParams(form ?? (mode === 'fragment' ? hash.slice(1) : search)));
}

it('an application whose own redirect URI has the words of a used verifier gets its code', async () => {
  const redirectUri =
    'https://app.example.test/cb?error=access_denied&error_description=The%20consent%20verifier%20has%20already%20been%20used';
  const client = await registerApplication(stack, {
    name: 'Wordy',
    redirectUris: [redirectUri],
    firstParty: true,
  });
  const { path } = new OAuthApp(stack.url, client, redirectUri).authorize({ audience: undefined });
  const agent = browser();
  const { action, body } = await filledIn(agent, path);
  expect(codeOf(await agent.navigate(action, { method: 'POST', body }))).not.toBe('');
});

describe('a stolen challenge', () => {
  const stolen = async (): Promise<string> => {
    const { path } = OAuthApp.spa(stack.url).authorize();
    const at = await browser().followUntil(path, ({ searchParams }) => searchParams.has('login_challenge'));
    return at.searchParams.get('login_challenge') ?? '';
  };
  const statusOf = async (agent: UserAgent, challenge: string): Promise<number> => {
    const query = new URLSearchParams({ login_challenge: challenge });
    return (await agent.request(`/auth/ory/login?${query}`, { headers: { accept: 'text/html' } })).status;
  };

  it('beside a verifier that was used binds nothing [L09]', async () => {
    const agent = browser();
    const app = OAuthApp.spa(stack.url);
    const { action, body } = await filledIn(agent, app.authorize().path);
    expect(codeOf(await agent.navigate(action, { method: 'POST', body }))).not.toBe('');
    const used = await agent.followUntil(app.authorize().path, ({ searchParams }) =>
      searchParams.has('consent_verifier'),
    );
    expect(codeOf(await agent.navigate(used.href))).not.toBe('');
    const challenge = await stolen();
    used.searchParams.set('login_challenge', challenge);
    const { status, headers } = await agent.request(used.href, { headers: { accept: 'text/html' } });
    expect([status, headers.get('location')]).toEqual([
      303,
      expect.not.stringMatching(/login_challenge|consent_verifier/),
    ]);
    expect(await statusOf(agent, challenge)).toBe(403);
  });

  it.each(['query', 'fragment'])(
    'in the redirect URI of an application binds nothing, by %s [L09]',
    async (mode) => {
      const challenge = await stolen();
      for (const target of ['https://app.example.test/cb', `${stack.url}/auth/ory/login`]) {
        const redirectUri = `${target}?${new URLSearchParams({ login_challenge: challenge })}`;
        const client = await new OryAdmin(stack.env).createClient({
          redirect_uris: [redirectUri],
          skip_consent: true,
        });
        const app = new OAuthApp(stack.url, client, redirectUri);
        const { path } = app.authorize({ audience: undefined, response_mode: mode, scope: 'openid' });
        const agent = browser();
        const { action, body } = await filledIn(agent, path);
        await agent.navigate(action, { method: 'POST', body });
        expect(await statusOf(agent, challenge)).toBe(403);
      }
    },
  );
});

it.each([8, 18])('%i tabs at once, and one more: the headers of its answer stay small', async (tabs) => {
  const agent = browser();
  const ask = async (): Promise<Page> => agent.request('/auth/login', { headers: document });
  await Promise.all(Array.from({ length: tabs }, ask));
  const page = await ask();
  expect(page.status).toBe(302);
  expect(headLengthOf(page)).toBeLessThan(4096);
  expect((await agent.navigate('/auth/login')).url).toMatch(loginPage);
});

it.each([2, 5])('%i clicks at once: the last one is logged in', async (clicks) => {
  const agent = browser();
  const { action, body } = await filledIn(agent);
  const all = Array.from({ length: clicks }, () => agent.navigate(action, { method: 'POST', body }));
  const pages = await Promise.all(all);
  expect(pages.map(({ url }) => url)).toEqual(pages.map(() => `${stack.url}/demo`));
  expect(await whoIs(agent)).toBe(200);
});

it('a browser that leaves gets no session: nothing further is asked for it', async () => {
  const agent = browser();
  const { action, body } = await filledIn(agent);
  const leaving = new AbortController();
  const asked: string[] = [];
  kratos.replace((request) => {
    if (request.method === 'POST') {
      leaving.abort();
    }
    return false;
  });
  hydra.say((request) => {
    asked.push(request.url ?? '');
    return false;
  });
  const { pathname, search } = new URL(action);
  const sent = rawRequest(gateway.url, {
    method: 'POST',
    path: pathname + search,
    headers: {
      ...document,
      host: new URL(stack.url).host,
      'sec-fetch-site': 'same-origin',
      origin: stack.url,
      'content-type': 'application/x-www-form-urlencoded',
      cookie: await agent.jar.getCookieString(stack.url),
    },
    body: body.toString(),
    signal: leaving.signal,
  });
  await expect(sent).rejects.toThrow();
  kratos.replace(undefined);
  expect((await agent.navigate(action, { method: 'POST', body })).url).toBe(`${stack.url}/demo`);
  expect(asked.filter((url) => url.includes('login_verifier'))).toHaveLength(1);
});

it('a browser that leaves while a step waits in line: nothing is asked for it', async () => {
  const held: (() => void)[] = [];
  const asked: string[] = [];
  hydra.say(async ({ url = '' }) => {
    asked.push(url);
    if (held.length < connectionsAtOnce.hydra) {
      await new Promise<void>((resolve) => held.push(resolve));
    }
    return false;
  });
  const others = Array.from({ length: connectionsAtOnce.hydra }, () => browser().navigate('/auth/login'));
  await waitUntil(() => held.length === connectionsAtOnce.hydra, 'every place to be taken');
  const leaving = new AbortController();
  const left = rawRequest(gateway.url, {
    path: '/auth/login?login_hint=left',
    headers: { ...document, host: new URL(stack.url).host },
    signal: leaving.signal,
  });
  const inLine = browser().navigate('/auth/login?login_hint=stayed');
  leaving.abort();
  await expect(left).rejects.toThrow();
  held.forEach((goOn) => goOn());
  await Promise.all([...others, inLine]);
  expect(asked.filter((url) => url.includes('login_hint=stayed')).length).toBeGreaterThan(0);
  expect(asked.filter((url) => url.includes('login_hint=left'))).toEqual([]);
});
