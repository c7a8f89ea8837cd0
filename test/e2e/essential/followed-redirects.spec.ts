import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type GatewayProcess, startGatewayProcess } from '../../support/gateway.process.js';
import { codeOf, OAuthApp } from '../../support/oauth.app.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { newPerson, type Person } from '../../support/person.js';
import { rawRequest } from '../../support/raw.request.js';
import { type Stack, startStack, waitUntil } from '../../support/stack.js';
import { StandIn } from '../../support/stand-in.js';
import { formOf, UserAgent } from '../../support/user-agent.js';

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
  const lengths = [...page.headers]
    .filter(([, value]) => !value.startsWith('vestibule='))
    .map(([name, value]) => name.length + value.length + ': \r\n'.length);
  expect(lengths.reduce((sum, length) => sum + length)).toBeLessThan(4096);
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

it('the same for another application: it gets a code', async () => {
  const agent = browser();
  const { path } = OAuthApp.spa(stack.url).authorize();
  const { action, body } = await filledIn(agent, path);
  const lost = browser();
  for (const cookie of await agent.jar.getCookies(stack.url)) {
    await lost.jar.setCookie(cookie, stack.url);
  }
  expect(codeOf(await lost.navigate(action, { method: 'POST', body }))).not.toBe('');
  expect(codeOf(await agent.navigate(action, { method: 'POST', body }))).not.toBe('');
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
