import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newPerson, signUp } from '../support/person.js';
import { rawRequest } from '../support/raw.request.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterAll(async () => {
  await stack?.stop();
});

const paths = [
  '/',
  '/auth/login',
  '/auth/session',
  '/ui/login',
  '/ory/kratos/self-service/login/browser',
  '/.well-known/oauth-authorization-server',
  '/nowhere',
];
const hosts = [
  'evil.example',
  'evil.example:80',
  'localhost',
  'localhost:1',
  'localhost.evil.example',
  '127.0.0.1',
  '[::1]',
];

it.each(hosts)('Host %j is refused on every path, and never repeated [W04]', async (host) => {
  for (const path of paths) {
    const answer = await rawRequest(stack.url, { path, headers: { host } });
    expect([400, 421], path).toContain(answer.status);
    expect(answer.headers.has('location'), path).toBe(false);
    expect(answer.headers.getSetCookie(), path).toEqual([]);
    expect(await answer.text(), path).not.toContain('evil');
  }
});

it('our host with a dot, a user or a second Host header is refused', async () => {
  const { host } = new URL(stack.url);
  for (const given of [
    `${host}.`,
    `user@${host}`,
    `${host}, evil.example`,
    `evil.example, ${host}`,
    `${host}/x`,
  ]) {
    const answer = await rawRequest(stack.url, { path: '/', headers: { host: given } });
    expect([400, 421], given).toContain(answer.status);
  }
});

it('probes, and services that verify tokens and exchange API keys, may use an IP address as host', async () => {
  for (const path of ['/health/live', '/health/ready', '/.well-known/jwks.json']) {
    const answer = await rawRequest(stack.url, { path, headers: { host: '10.0.0.7:3000' } });
    expect(answer.status).toBe(200);
  }
  const revocations = await rawRequest(stack.url, {
    path: '/auth/revocations',
    headers: { host: '10.0.0.7:3000' },
  });
  expect(revocations.status).toBe(401);
  const exchange = await rawRequest(stack.url, {
    method: 'POST',
    path: '/auth/token',
    headers: { host: '10.0.0.7:3000', 'content-type': 'application/x-www-form-urlencoded' },
    body: 'grant_type=none',
  });
  expect([exchange.status, await exchange.json()]).toMatchObject([400, { error: 'unsupported_grant_type' }]);
});

it('a session is exchanged under our host alone, to which its cookie belongs', async () => {
  const browser = new UserAgent(stack.url);
  await signUp(browser, newPerson());
  const ask = async (host: string): Promise<number> =>
    (
      await rawRequest(stack.url, {
        method: 'POST',
        path: '/auth/token',
        headers: {
          host,
          cookie: await browser.jar.getCookieString(stack.url),
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams({
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token_type: 'urn:vestibule:params:oauth:token-type:session',
        }).toString(),
      })
    ).status;
  expect(await ask(new URL(stack.url).host)).toBe(200);
  expect(await ask('10.0.0.7:3000')).toBe(421);
});

const forwarding = [
  { 'x-forwarded-host': 'evil.example' },
  { 'x-forwarded-proto': 'https', 'x-forwarded-port': '443' },
  { forwarded: 'host=evil.example;proto=https;for=203.0.113.9' },
  { 'x-original-url': '/auth/session', 'x-rewrite-url': '/auth/session' },
  { 'x-forwarded-prefix': '/evil', 'x-forwarded-server': 'evil.example' },
  { 'x-http-method-override': 'POST', 'x-method-override': 'POST' },
];

describe.each(forwarding)('a caller that is no trusted proxy and sends %j [W03]', (headers) => {
  it('changes no address that a browser is sent to', async () => {
    for (const path of [
      '/auth/login',
      '/ory/kratos/self-service/login/browser',
      '/ui/login',
      '/auth/signup',
    ]) {
      const answer = await rawRequest(stack.url, { path, headers });
      expect([302, 303], path).toContain(answer.status);
      const location = new URL(answer.headers.get('location') ?? '', stack.url);
      expect(location.origin, path).toBe(stack.url);
      expect(answer.headers.get('location'), path).not.toContain('evil');
      for (const header of answer.headers.getSetCookie()) {
        expect(header, path).not.toMatch(/domain=/i);
      }
    }
  });

  it('reaches the requested page and no other', async () => {
    const answer = await rawRequest(stack.url, { path: '/auth/logout', headers });
    expect(answer.status).toBe(405);
    expect((await rawRequest(stack.url, { path: '/docs', headers })).status).toBe(200);
  });
});

it('the address in the log is the peer and not what X-Forwarded-For says [W03]', async () => {
  const headers = {
    'x-forwarded-for': '203.0.113.9',
    'x-real-ip': '203.0.113.9',
    'cf-connecting-ip': '203.0.113.9',
  };
  await rawRequest(stack.url, { path: '/auth/session', headers });
  await rawRequest(stack.url, { path: '/ory/kratos/self-service/login/browser', headers });
  expect(stack.log.join('')).not.toContain('203.0.113.9');
});

describe('behind a trusted proxy', () => {
  it('X-Forwarded-For is believed, and a foreign Host still is not', async () => {
    await stack.restartGateway({ TRUST_PROXY: 'loopback' });
    const agent = new UserAgent(stack.url);
    await signUp(agent, newPerson());
    await rawRequest(stack.url, { path: '/auth/session', headers: { 'x-forwarded-for': '203.0.113.10' } });
    expect(stack.log.join('')).toContain('203.0.113.10');
    for (const headers of [{ 'x-forwarded-host': 'evil.example' }, { host: 'evil.example' }]) {
      const answer = await rawRequest(stack.url, { path: '/auth/login', headers });
      expect(answer.status).toBe(421);
    }
  });
});
