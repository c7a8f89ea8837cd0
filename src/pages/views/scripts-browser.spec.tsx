import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { renderView } from '../../../test/support/page.frame.js';
import { DemoPage } from './demo.view.js';
import { DocsPage } from './docs.view.js';

/**
 * The gateway's content security policy. The demo and docs pages run under it in a real browser, with fakes of provider and
 * gateway.
 */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'";
const modules = createRequire(import.meta.url);
const swagger = (file: string) => modules.resolve(`swagger-ui-dist/${file}`);
const own = (file: string) => new URL(`../assets/${file}`, import.meta.url);

const types = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' };
const accessToken = 'ory_at_secret-part-of-the-token.signature';
const user = { id: 'u-1', name: 'Ada <b>Lovelace</b>', email: 'ada@example.com' };

let origin = '';
let isLoggedIn = false;
/** Parameters that the fake provider returns in addition to the code. */
let answer: Record<string, string> = {};

function asset(path: string): { readonly body: Buffer; readonly type: string } | undefined {
  const [, name = '', extension = ''] = /^\/assets\/([\w-]+\.(js|css|svg))$/.exec(path) ?? [];
  const type = Object.entries(types).find(([known]) => known === extension)?.[1];
  if (type === undefined) return undefined;
  return { type, body: readFileSync(name.startsWith('swagger-ui') ? swagger(name) : own(name)) };
}

function respond(request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? '/', origin);
  const page = (node: Parameters<typeof renderView>[0]) => {
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy,
    });
    response.end(renderView(node, { user: isLoggedIn ? { ...user, isAdmin: false } : null }));
  };
  const json = (status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  const file = asset(pathname);
  if (file) {
    response.writeHead(200, { 'content-type': file.type });
    response.end(file.body);
    return;
  }
  switch (`${request.method} ${pathname}`) {
    case 'GET /demo':
      return page(<DemoPage audience="vestibule" issuer="https://issuer.example/" />);
    case 'GET /docs':
      return page(<DocsPage />);
    case 'GET /docs/openapi.json':
      return json(200, {
        openapi: '3.1.0',
        info: { title: 'Doc', version: '1' },
        paths: { '/a': { get: {} } },
      });
    case 'GET /ory/hydra/oauth2/auth': {
      const state = searchParams.get('state') ?? '';
      const query = new URLSearchParams({ code: 'code-1', state, iss: 'https://issuer.example/', ...answer });
      response.writeHead(302, { location: `${searchParams.get('redirect_uri')}?${query}` });
      response.end();
      return;
    }
    case 'POST /ory/hydra/oauth2/token':
      return json(200, { access_token: accessToken, expires_in: 3600 });
    case 'POST /auth/login':
      isLoggedIn = true;
      return json(200, { user, session: { id: 's-1', expiresAt: '2026-12-01T00:00:00.000Z' } });
    case 'POST /auth/logout':
      isLoggedIn = false;
      return json(200, {});
    case 'GET /auth/session':
    case 'GET /api/v1/me':
      return isLoggedIn
        ? json(200, { user, session: { id: 's-1' } })
        : json(401, { title: 'Not logged in', detail: 'Log in first.', code: 'not_authenticated' });
    default:
      return json(404, {});
  }
}

describe('in a browser', () => {
  const server = createServer(respond);
  let browser: Browser;
  let page: Page;
  let violations: string[];
  let hosts: Set<string>;
  let urls: string[];

  beforeAll(async () => {
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    // A loopback address is a secure context, which PKCE's digest needs.
    origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    browser = await chromium.launch({
      executablePath: inject('chromiumPath'),
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
      ],
    });
  }, 60_000);

  afterAll(async () => {
    await browser.close();
    server.close();
    server.closeAllConnections();
  });

  beforeEach(async () => {
    isLoggedIn = false;
    answer = {};
    violations = [];
    hosts = new Set();
    urls = [];
    page = await browser.newPage();
    page.on('console', (message) => {
      if (/content security policy|refused to/i.test(message.text())) violations.push(message.text());
    });
    page.on('pageerror', (error) => violations.push(error.message));
    page.on('request', (request) => {
      urls.push(request.url());
      if (!request.url().startsWith('data:')) hosts.add(new URL(request.url()).origin);
    });
  });

  afterEach(async () => {
    await page.close();
    if (violations.length > 0) throw new Error(violations.join('\n'));
    if ([...hosts].join() !== origin) throw new Error(`Hosts asked: ${[...hosts].join(', ')}`);
  });

  const step = (name: string, state: string) => page.locator(`[data-step=${name}][data-state=${state}]`);
  const startLogin = async () => {
    await page.goto(`${origin}/demo`);
    await page.getByRole('button', { name: 'Log in as a single-page app' }).click();
  };

  it('the example logs in, calls, and logs out; the token is in no URL and in no storage', async () => {
    await startLogin();
    await step('login', 'done').waitFor();
    await page.getByRole('button', { name: 'Call the endpoint' }).click();
    await step('me', 'done').waitFor();
    expect(await step('me', 'done').innerText()).toContain('Ada <b>Lovelace</b>');
    expect(page.url()).toBe(`${origin}/demo`);
    expect(await page.content()).not.toContain('secret-part');
    expect(urls.filter((url) => url.includes('secret-part'))).toEqual([]);
    expect(await page.evaluate('localStorage.length + sessionStorage.length')).toBe(0);
    const asked = new URL(urls.find((url) => url.includes('/oauth2/auth')) ?? '').searchParams;
    expect(Object.fromEntries(asked)).toMatchObject({
      client_id: 'vestibule-spa',
      redirect_uri: `${origin}/demo`,
      audience: 'vestibule',
      code_challenge_method: 'S256',
    });
    await page.getByRole('button', { name: 'Log out' }).last().click();
    await step('logout', 'done').waitFor();
    await page.getByRole('button', { name: 'Call the endpoint' }).click();
    await step('me', 'failed').waitFor();
    expect(await step('me', 'failed').innerText()).toContain(
      'Not logged in: Log in first. (not_authenticated)',
    );
  });

  it.each([
    [{ state: 'of-another-login' }, 'This answer belongs to another login'],
    [{ iss: 'https://other.example/' }, 'This answer comes from another provider'],
    [{ error: 'access_denied', error_description: 'No <b>thanks</b>' }, 'No <b>thanks</b> (access_denied)'],
  ])('the example refuses the answer %j', async (changes, said) => {
    answer = changes;
    await startLogin();
    await step('authorize', 'failed').waitFor();
    expect(await step('authorize', 'failed').innerText()).toContain(said);
    expect(urls.filter((url) => url.includes('/oauth2/token'))).toEqual([]);
    expect(page.url()).toBe(`${origin}/demo`);
  });

  it('the API docs load from this origin alone, and follow the session', async () => {
    isLoggedIn = true;
    await page.goto(`${origin}/docs?url=https://elsewhere.example/openapi.json`);
    await page.locator('.opblock').waitFor();
    await page.getByText('Logged in as Ada <b>Lovelace</b>').waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByText('Not logged in').waitFor();
    expect(await page.getByRole('link', { name: 'Log in' }).getAttribute('href')).toBe(
      '/auth/login?return_to=/docs',
    );
  });
}, 30_000);
