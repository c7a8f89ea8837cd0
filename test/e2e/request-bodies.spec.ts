import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawRequest } from '../support/raw.request.js';
import { type Stack, startStack } from '../support/stack.js';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterAll(async () => {
  await stack?.stop();
});

async function post(body: string, type = 'application/json', path = '/auth/login'): Promise<Response> {
  return rawRequest(stack.url, { method: 'POST', path, body, headers: { 'content-type': type } });
}

const bad: readonly [string, string][] = [
  ['an empty body', ''],
  ['no JSON', 'accessToken=x'],
  ['half a JSON', '{"accessToken":"'],
  ['null', 'null'],
  ['a list', '["x"]'],
  ['a number', '1e999'],
  ['no token', '{}'],
  ['an empty token', '{"accessToken":""}'],
  ['a token that is a number', '{"accessToken":1}'],
  ['a token that is an object', '{"accessToken":{"toString":"x"}}'],
  ['a token that is a list', '{"accessToken":["x"]}'],
  ['a member too many', '{"accessToken":"x","subject":"admin"}'],
  ['__proto__', '{"accessToken":"x","__proto__":{"admin":true}}'],
  ['constructor.prototype', '{"accessToken":"x","constructor":{"prototype":{"admin":true}}}'],
  ['nesting 10,000 deep', `{"accessToken":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
  ['a token of 60 kB', JSON.stringify({ accessToken: 'a'.repeat(60_000) })],
  ['a byte order mark and nothing', '\uFEFF'],
];

it.each(bad)('POST /auth/login with %s is 400', async (_case, body) => {
  const answer = await post(body);
  expect(answer.status).toBe(400);
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect(answer.headers.getSetCookie()).toEqual([]);
});

it('what was sent is not repeated in the answer', async () => {
  const answer = await post('{"accessToken":1,"canary-member":"canary-value"}');
  expect(await answer.text()).not.toContain('canary-value');
});

it.each([
  'text/plain',
  'text/html',
  'application/xml',
  'multipart/form-data; boundary=x',
  'application/json5',
  'x',
])('a login with the content type %s is refused', async (type) => {
  const answer = await post('{"accessToken":"x"}', type);
  expect([400, 415]).toContain(answer.status);
});

it.each([
  'application/json;',
  'application/json; charset="',
  'APPLICATION/JSON; charset=utf-16',
  'application/json; a',
])('a form for Kratos with the content type %s is read as JSON in UTF-8', async (type) => {
  const answer = await post('{"method":"password"}', type, '/ory/kratos/self-service/login?flow=x');
  expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('Bad Request')]);
});

it('bodies above 64 KiB are 413, no matter what they are for', async () => {
  for (const path of ['/auth/login', '/auth/logout', '/auth/ory/consent', '/auth/ory/logout']) {
    for (const type of ['application/json', 'application/x-www-form-urlencoded']) {
      const answer = await post(`{"accessToken":"${'a'.repeat(70_000)}"}`, type, path);
      expect(answer.status, `${path} ${type}`).toBe(413);
    }
  }
});

it('10 MB are refused or cut off, and the process lives', async () => {
  const form = 'application/x-www-form-urlencoded';
  // Kratos and Hydra have limits of their own: what counts is that nothing is kept and nobody is logged in.
  for (const path of ['/auth/login', '/ory/kratos/self-service/login?flow=x', '/ory/hydra/oauth2/token']) {
    const answer = await post('a'.repeat(10_000_000), form, path).catch(() => undefined);
    expect(answer?.status, path).not.toBe(200);
    expect(answer?.status ?? 413, path).toBeLessThan(500);
  }
  expect((await rawRequest(stack.url, { path: '/health/live' })).status).toBe(200);
});

it('headers above the limit are 431 and the process lives', async () => {
  const answer = await rawRequest(stack.url, { path: '/', headers: { 'x-big': 'a'.repeat(65_536) } });
  expect(answer.status).toBe(431);
  expect((await rawRequest(stack.url, { path: '/health/live' })).status).toBe(200);
});

it('Content-Length together with Transfer-Encoding is 400', async () => {
  const headers = {
    'content-length': '3',
    'transfer-encoding': 'chunked',
    'content-type': 'application/json',
  };
  const answer = await rawRequest(stack.url, { method: 'POST', path: '/auth/login', headers, body: '{}x' });
  expect(answer.status).toBe(400);
});

describe('odd headers', () => {
  it.each(['__proto__', 'constructor', 'prototype', 'hasownproperty'])('%s', async (name) => {
    const headers = Object.fromEntries([[name, '{"admin":true}']]);
    const answer = await rawRequest(stack.url, { path: '/auth/session', headers });
    expect(answer.status).toBe(401);
  });

  it('a query of __proto__, of lists and of broken percent signs is no server error', async () => {
    for (const query of [
      '__proto__[a]=b',
      'return_to[]=x',
      'return_to=%',
      'return_to=%ff',
      'a&b&=&&',
      'flow=%00',
      'flow[]=x&flow[]=y',
      'id[$ne]=1',
      'error[]=x',
    ]) {
      for (const path of [
        '/auth/login',
        '/auth/callback',
        '/ui/login',
        '/ui/error',
        '/',
        '/auth/session',
        '/ory/kratos/self-service/login/browser',
      ]) {
        const answer = await rawRequest(stack.url, { path: `${path}?${query}` });
        expect(answer.status, `${path}?${query}`).toBeLessThan(500);
      }
    }
  });
});

it('every kind of answer carries the security headers [W12] [W11]', async () => {
  for (const path of [
    '/',
    '/auth/session',
    '/nowhere',
    '/docs',
    '/ui/login',
    '/auth/login',
    '/health/live',
    '/ory/kratos/nowhere',
  ]) {
    const { headers } = await rawRequest(stack.url, { path, headers: { accept: 'text/html' } });
    expect(headers.get('content-security-policy'), path).toContain("default-src 'none'");
    expect(headers.get('content-security-policy'), path).toContain("frame-ancestors 'none'");
    expect(headers.get('content-security-policy'), path).not.toMatch(/unsafe|\*/);
    expect(headers.get('x-frame-options'), path).toBe('DENY');
    expect(headers.get('x-content-type-options'), path).toBe('nosniff');
    expect(headers.get('referrer-policy'), path).toBe('same-origin');
    expect(headers.get('cross-origin-opener-policy'), path).toBe('same-origin');
    expect(headers.has('x-powered-by'), path).toBe(false);
    expect(headers.has('server'), path).toBe(false);
  }
});
