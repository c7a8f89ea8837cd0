import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newPerson, signUp } from '../../support/person.js';
import { OAuthApp } from '../../support/oauth.app.js';
import { type Stack, startStack } from '../../support/stack.js';
import { type Page, UserAgent } from '../../support/user-agent.js';

let stack: Stack;
let victim: UserAgent;
/** A live access token of somebody else's. */
let attackersToken: string;

beforeAll(async () => {
  stack = await startStack();
  victim = new UserAgent(stack.url);
  await signUp(victim, newPerson());
  const attacker = new UserAgent(stack.url);
  await signUp(attacker, newPerson());
  attackersToken = (await OAuthApp.spa(stack.url).login(attacker)).access_token;
});

afterAll(async () => {
  await stack?.stop();
});

/** Headers that a browser sends with a request which a page of another site made. */
function crossSiteHeaders(): [string, Record<string, string>][] {
  const { port } = new URL(stack?.url ?? 'http://localhost:3000');
  return [
    ['Origin of another site', { origin: 'https://evil.example' }],
    ['Origin null', { origin: 'null' }],
    ['an Origin that ours is the prefix of', { origin: `http://localhost:${port}.evil.example` }],
    ['an Origin that ours is the suffix of', { origin: `http://evil-localhost:${port}` }],
    ['our host at another port', { origin: 'http://localhost:1' }],
    ['our host by another scheme', { origin: `https://localhost:${port}` }],
    ['an Origin in capitals', { origin: `HTTP://LOCALHOST:${port}` }],
    ['an empty Origin', { origin: '' }],
    ['Sec-Fetch-Site cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['Sec-Fetch-Site same-site', { 'sec-fetch-site': 'same-site' }],
    ['an unknown Sec-Fetch-Site', { 'sec-fetch-site': 'friendly' }],
    ['our Origin, but cross-site', { origin: stack.url, 'sec-fetch-site': 'cross-site' }],
  ];
}

async function post(path: string, body: string, headers: Record<string, string>): Promise<Page> {
  return victim.request(path, { method: 'POST', body, headers });
}

async function expectRefused(page: Page, label: string): Promise<void> {
  expect(page.status, label).toBe(403);
  expect(page.json(), label).toMatchObject({ code: 'cross_site_request' });
  expect(page.headers.getSetCookie(), label).toEqual([]);
  expect(page.headers.get('access-control-allow-origin'), label).toBeNull();
}

describe('a page of another site', () => {
  it('cannot log the victim in with its own access token [L01]', async () => {
    const before = await victim.cookie('vestibule');
    for (const [label, headers] of crossSiteHeaders()) {
      for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded']) {
        const body = JSON.stringify({ accessToken: attackersToken });
        const page = await post('/auth/login', body, { ...headers, 'content-type': type });
        await expectRefused(page, `${label}, ${type}`);
      }
    }
    expect(await victim.cookie('vestibule')).toBe(before);
  });

  it('cannot log the victim out [L02]', async () => {
    for (const [label, headers] of crossSiteHeaders()) {
      const page = await post('/auth/logout', '{}', { ...headers, 'content-type': 'text/plain' });
      await expectRefused(page, label);
    }
    expect((await victim.fetch('/auth/session')).status).toBe(200);
  });

  it('cannot submit a consent or a logout decision, or a form to Kratos', async () => {
    for (const path of ['/auth/ory/consent', '/auth/ory/logout', '/ory/kratos/self-service/login?flow=x']) {
      for (const [label, headers] of crossSiteHeaders()) {
        const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' };
        await expectRefused(await post(path, 'decision=allow', form), `${path}, ${label}`);
      }
    }
  });

  it('gets a page and not problem+json when its form navigates', async () => {
    const page = await victim.request('/auth/logout', {
      method: 'POST',
      body: new URLSearchParams(),
      headers: { origin: 'https://evil.example', accept: 'text/html', 'sec-fetch-mode': 'navigate' },
    });
    expect(page.status).toBe(403);
    expect(page.html().querySelector('h1')?.text).toMatch(/other sites/);
  });

  it('reads nothing: no answer allows another origin, and preflights allow nothing [L04]', async () => {
    for (const path of [
      '/auth/session',
      '/api/v1/me',
      '/auth/login',
      '/auth/logout',
      '/',
      '/docs/openapi.json',
    ]) {
      for (const origin of ['https://evil.example', 'null', `${stack.url}.evil.example`]) {
        for (const method of ['GET', 'OPTIONS']) {
          const page = await victim.request(path, {
            method,
            headers: { origin, 'access-control-request-method': 'POST' },
          });
          const label = `${method} ${path} from ${origin}`;
          expect(page.headers.get('access-control-allow-origin'), label).toBeNull();
          expect(page.headers.get('access-control-allow-credentials'), label).toBeNull();
        }
      }
    }
  });
});

it('a login whose body is text/plain is refused also from our own origin [L01]', async () => {
  const agent = new UserAgent(stack.url);
  const body = JSON.stringify({ accessToken: attackersToken });
  const headers = { origin: stack.url, 'content-type': 'text/plain' };
  const page = await agent.request('/auth/login', { method: 'POST', body, headers });
  expect(page.status).toBe(415);
  expect(await agent.cookie('vestibule')).toBeUndefined();
});

it('our own pages and callers that are no browser are let through', async () => {
  const own = new UserAgent(stack.url);
  expect((await own.post('/auth/login', { accessToken: attackersToken })).status).toBe(200);
  const curl = await fetch(`${stack.url}/auth/logout`, { method: 'POST' });
  expect(curl.status).toBe(200);
});
