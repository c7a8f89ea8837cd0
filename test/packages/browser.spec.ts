import { decodeJwt } from 'jose';
import { rolldown } from 'rolldown';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { closeContexts, sharedChromium } from '../support/browser.js';
import { type Gateway, type HeldSession, startGateway } from '../support/gateway.js';
import { waitUntil } from '../support/stack.js';

let gateway: Gateway;
let url: string;
let held: HeldSession;
let chromium: Browser;
let page: Page;
/** Paths of the gateway that the page asked for. */
let asked: string[];

/** The client as a script that makes it `window.vestibule`, and its error `window.GatewayError`. */
async function bundle(): Promise<string> {
  const entry = 'virtual:page';
  const source = new URL('../../packages/browser/src/index.ts', import.meta.url).pathname;
  const build = await rolldown({
    input: entry,
    plugins: [
      {
        name: 'page',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) =>
          id === entry
            ? `import { createClient, GatewayError } from ${JSON.stringify(source)}; Object.assign(window, { createClient, GatewayError, vestibule: createClient() });`
            : undefined,
      },
    ],
  });
  const { output } = await build.generate({ format: 'esm' });
  await build.close();
  return output[0].code;
}

beforeAll(async () => {
  const [port = 0] = await findFreePorts(1);
  url = `http://localhost:${port}`;
  const script = await bundle();
  gateway = await startGateway({ PUBLIC_URL: url, PORT: String(port) }, (app) => {
    const fastify = app.getHttpAdapter().getInstance();
    fastify.get('/app/', (_request, reply) =>
      reply
        .type('text/html')
        .send('<!doctype html><title>App</title><script type="module" src="/app/client.js"></script>'),
    );
    fastify.get('/app/client.js', (_request, reply) => reply.type('text/javascript').send(script));
  });
  await gateway.app.listen(port, '127.0.0.1');
  held = await gateway.session();
  chromium = await sharedChromium(inject('chromiumPath'));
});

afterAll(async () => {
  await closeContexts(chromium);
  await gateway?.stop();
});

beforeEach(async () => {
  const context = await chromium.newContext();
  page = await context.newPage();
  await page.clock.install();
  asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
});

async function open(session?: HeldSession): Promise<void> {
  if (session !== undefined) {
    await page
      .context()
      .addCookies([{ name: gateway.cookieName, value: session.sealed, url, httpOnly: true }]);
  }
  await page.goto(`${url}/app/`);
  await until('window.vestibule !== undefined');
}

/** Waits for a condition on the page, by its own security policy without `eval` there. */
async function until(condition: string): Promise<void> {
  await waitUntil(async () => (await page.evaluate(condition)) === true, condition);
}

const countOf = (path: string): number => asked.filter((each) => each === path).length;

it('asks for the session once, however many ask on the page', async () => {
  await open(held);
  const users = await page.evaluate(
    `Promise.all(Array.from({ length: 20 }, () => vestibule.session())).then((all) => all.map(({ user }) => user))`,
  );
  expect(users).toEqual(Array.from({ length: 20 }, () => held.user));
  expect(countOf('/auth/session')).toBe(1);
});

it('knows that no user is logged in', async () => {
  await open();
  expect(await page.evaluate('vestibule.session().then(String)')).toBe('undefined');
  expect(await page.evaluate('vestibule.token().then(String)')).toBe('undefined');
  expect(await page.evaluate('vestibule.token().then(String)')).toBe('undefined');
  expect([countOf('/auth/session'), countOf('/auth/token')]).toEqual([1, 0]);
});

it('finds out by a token that is refused that the session has ended', async () => {
  const own = await gateway.session();
  await open(own);
  expect(await page.evaluate('vestibule.token()')).toMatch(/^eyJ/);
  await gateway.request('/auth/logout', { method: 'POST', headers: { cookie: own.cookie, origin: url } });
  expect(await page.evaluate(`vestibule.token({ scope: 'profile:read' }).then(String)`)).toBe('undefined');
  expect(await page.evaluate('String(vestibule.current)')).toBe('undefined');
});

it('exchanges one token for all who ask, until half a minute before its end', async () => {
  await open(held);
  const tokens: unknown = await page.evaluate(
    'Promise.all(Array.from({ length: 20 }, () => vestibule.token()))',
  );
  expect(new Set(Array.isArray(tokens) ? tokens : []).size).toBe(1);
  const [first] = Array.isArray(tokens) ? tokens : [];
  const me = await gateway.request('/auth/session', {
    headers: { authorization: `Bearer ${String(first)}` },
  });
  expect(me.json()).toMatchObject({ user: held.user });
  await page.evaluate(`vestibule.token({ scope: 'profile:read' })`);
  expect(countOf('/auth/token')).toBe(2);
  // It ends with the session's own token, which is older.
  const { exp = 0 } = decodeJwt(String(first));
  const left = exp * 1000 - Number(await page.evaluate('Date.now()'));
  await page.clock.runFor(left - 32_000);
  expect(await page.evaluate('vestibule.token()')).toBe(first);
  await page.clock.runFor(3000);
  expect(await page.evaluate('vestibule.token()')).not.toBe(first);
  expect(countOf('/auth/token')).toBe(3);
});

it('keeps nothing in storage, and no token where a script of the page would find it', async () => {
  await open(held);
  const token = await page.evaluate('vestibule.token()');
  const kept = await page.evaluate(
    'JSON.stringify([localStorage, sessionStorage, document.cookie, vestibule])',
  );
  expect(kept).not.toContain(token);
  expect(kept).toContain('[{},{},""');
});

it('asks again when the page comes to the front after half a minute, and tells those who listen', async () => {
  const own = await gateway.session();
  await open(own);
  await page.evaluate('vestibule.session()');
  await page.evaluate(
    'window.changes = []; vestibule.subscribe(() => changes.push(String(vestibule.current)))',
  );
  const front = async (): Promise<unknown> =>
    page.evaluate(`document.dispatchEvent(new Event('visibilitychange')); vestibule.session().then(String)`);
  await front();
  expect(countOf('/auth/session')).toBe(1);
  await gateway.request('/auth/logout', { method: 'POST', headers: { cookie: own.cookie, origin: url } });
  await page.clock.runFor(31_000);
  await front();
  await until('changes.length === 1');
  expect(await page.evaluate('changes')).toEqual(['undefined']);
  expect(countOf('/auth/session')).toBe(2);
});

it('says what the gateway said, and asks again the next time', async () => {
  await open(held);
  const failed = `vestibule.session().catch((error) => [error instanceof GatewayError, error.status, error.code])`;
  await page.route('**/auth/session', (route) =>
    route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"code":"not_ready"}' }),
  );
  expect(await page.evaluate(failed)).toEqual([true, 503, 'not_ready']);
  await page.unroute('**/auth/session');
  await page.route('**/auth/session', (route) => route.abort());
  expect(await page.evaluate(failed)).toEqual([true, 0, undefined]);
  await page.unroute('**/auth/session');
  expect(await page.evaluate('vestibule.session().then(({ user }) => user.id)')).toBe(held.user.id);
});

it('refuses a scope that the session does not have as an error, and keeps working', async () => {
  await open(held);
  const failed = `vestibule.token({ org: 'no-such-organisation' }).catch((error) => [error.status, error.code])`;
  expect(await page.evaluate(failed)).toEqual([400, expect.any(String)]);
  expect(await page.evaluate('vestibule.token()')).toMatch(/^eyJ/);
});

it.each(["'profile:read'", "{ scopes: 'profile:read' }"])(
  'token(%s) is an error, and not the whole token',
  async (options) => {
    await open(held);
    expect(await page.evaluate(`vestibule.token(${options}).catch((error) => error.name)`)).toBe('TypeError');
    expect(countOf('/auth/token')).toBe(0);
  },
);

it('sends the browser to log in, and back to this page', async () => {
  await open();
  const login = page.waitForRequest((request) => new URL(request.url()).pathname === '/auth/login');
  await page.evaluate(`history.replaceState({}, '', '/app/?tab=1#top'); vestibule.login()`);
  expect(new URL((await login).url()).searchParams.get('return_to')).toBe('/app/?tab=1#top');
});

it.each(['javascript:alert(1)', '//evil.example', 'https://evil.example/', '/\\\\evil.example'])(
  'sends nobody to %s after a logout, and ends no session for it',
  async (returnTo) => {
    await open(held);
    const failed = await page.evaluate(
      `vestibule.logout(${JSON.stringify(returnTo)}).catch((error) => error.message)`,
    );
    expect(failed).toBe('returnTo must be a path on this origin');
    expect(countOf('/auth/logout')).toBe(0);
  },
);

it('believes no answer that was on its way while the session ended', async () => {
  await open(held);
  let answer: (() => void) | undefined;
  await page.route('**/auth/session', async (route) => {
    const answered = await route.fetch();
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    await route.fulfill({ response: answered });
  });
  await page.evaluate('window.asked = vestibule.session(); undefined');
  await waitUntil(() => answer !== undefined, 'the answer to be on its way');
  await page.evaluate(`new BroadcastChannel('vestibule').postMessage('ended')`);
  await until('vestibule.current === undefined');
  answer?.();
  expect(await page.evaluate('asked.then(String)')).toBe('undefined');
  expect(await page.evaluate('String(vestibule.current)')).toBe('undefined');
});

it('notices by a token that another user has logged in, in another tab', async () => {
  await open(held);
  expect(await page.evaluate('vestibule.session().then(({ user }) => user.id)')).toBe(held.user.id);
  const other = await gateway.session();
  await page.context().addCookies([{ name: gateway.cookieName, value: other.sealed, url, httpOnly: true }]);
  await page.evaluate('vestibule.token()');
  expect(await page.evaluate('vestibule.current.user.id')).toBe(other.user.id);
});
