import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CookieCipher } from '../../src/session/cookie/cookie-cipher.js';
import { parseCookieText, tokenInCookie } from '../../src/session/cookie/decrypted-cookie.js';
import { newPerson, signUp } from '../support/person.js';
import { rawRequest } from '../support/raw.request.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

const person = newPerson();
const routes = ['/api/v1/me', '/auth/session'];
let stack: Stack;
let cookie: string;
/** The augmented token inside the cookie. */
let token: string;

beforeAll(async () => {
  stack = await startStack();
  const agent = new UserAgent(stack.url);
  await signUp(agent, person);
  cookie = (await agent.cookie('vestibule')) ?? '';
  const secrets = stack.secrets.gateway.map((secret) => new Uint8Array(Buffer.from(secret, 'hex')));
  token = tokenInCookie(parseCookieText(new CookieCipher(secrets).decrypt(cookie) ?? ''));
});

afterAll(async () => {
  await stack?.stop();
});

async function get(path: string, headers: Record<string, string | string[]>): Promise<Response> {
  return rawRequest(stack.url, { path, headers });
}

describe.each(routes)('%s', (path) => {
  it('takes the cookie', async () => {
    const answer = await get(path, { cookie: `vestibule=${cookie}` });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain(person.email);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('takes the augmented token as a bearer, whatever the case of the scheme', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer  ']) {
      const answer = await get(path, { authorization: `${scheme} ${token}` });
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain(person.email);
    }
  });

  it.each([
    ['nothing', ''],
    ['Bearer and no token', 'Bearer'],
    ['a percent sign', 'Bearer %'],
    ['a percent-encoded token', 'Bearer %65%79'],
    ['a token and more', 'Bearer TOKEN x'],
    ['two tokens', 'Bearer TOKEN, Bearer TOKEN'],
    ['a token in quotes', 'Bearer "TOKEN"'],
    ['no scheme', 'TOKEN'],
    ['Basic', `Basic ${Buffer.from('user:password').toString('base64')}`],
    ['DPoP', 'DPoP TOKEN'],
    ['Token', 'Token TOKEN'],
    ['the cookie for a bearer', 'Bearer COOKIE'],
    ['a token without its signature', 'Bearer CUT'],
    ['100 kB of dots', `Bearer ${'.'.repeat(10_000)}`],
  ])('answers 401 to an Authorization of %s, also beside a live cookie', async (_case, form) => {
    const authorization = form
      .replaceAll('TOKEN', token)
      .replace('COOKIE', cookie)
      .replace('CUT', token.slice(0, token.lastIndexOf('.') + 1));
    const answer = await get(path, { authorization, cookie: `vestibule=${cookie}` });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    const scheme = /^dpop /i.test(authorization) ? 'DPoP' : 'Bearer';
    expect(answer.headers.get('www-authenticate') ?? scheme).toContain(scheme);
  });

  it('sends a page load to login with the way back, and an API call never anywhere', async () => {
    const page = await get(`${path}?a=b%20c`, { accept: 'text/html', 'sec-fetch-mode': 'navigate' });
    expect(page.status).toBe(302);
    expect(page.headers.get('location')).toBe(
      `/auth/login?return_to=${encodeURIComponent(`${path}?a=b%20c`)}`,
    );
    for (const headers of [
      {},
      { accept: '*/*' },
      { accept: 'application/json' },
      { accept: 'text/html', 'sec-fetch-mode': 'cors' },
      { accept: 'application/json', 'x-requested-with': 'XMLHttpRequest' },
    ]) {
      const answer = await get(path, headers);
      expect(answer.status).toBe(401);
      expect(answer.headers.has('location')).toBe(false);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      const body: unknown = await answer.json();
      expect(body).toMatchObject({ status: 401, code: 'unauthenticated', title: 'Log in first' });
      // No hint at what was wrong with it.
      expect(Object.keys(Object(body)).sort()).toEqual(['code', 'requestId', 'status', 'title', 'type']);
    }
  });

  it('is guarded under every spelling of its path [W02]', async () => {
    const spellings = [
      `/${path}`,
      `${path}/`,
      path.replace('/a', '/%61'),
      path.replaceAll('/', '//'),
      `/assets/..${path}`,
      `/health/..${path}`,
      `/docs/%2e%2e${path}`,
      `/.${path}`,
      `${path};x=y`,
      `${path}%00`,
      `${path}%20`,
      path.toUpperCase(),
      `${path}?/docs`,
      `${path}#/docs`,
    ];
    for (const spelling of spellings) {
      for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'TRACE', 'PROPFIND']) {
        const answer = await rawRequest(stack.url, { method, path: spelling });
        expect(answer.status, `${method} ${spelling}`).toBeGreaterThanOrEqual(400);
        expect(answer.status, `${method} ${spelling}`).toBeLessThan(500);
        expect(await answer.text(), `${method} ${spelling}`).not.toContain(person.email);
      }
    }
  });

  it('answers HEAD without a session like GET', async () => {
    const answer = await rawRequest(stack.url, { method: 'HEAD', path });
    expect(answer.status).toBe(401);
  });
});

it('who somebody is cannot be said by a header [W03]', async () => {
  for (const name of [
    'x-auth-user',
    'x-auth-sub',
    'x-user-id',
    'x-forwarded-user',
    'x-auth-request-email',
    'remote-user',
  ]) {
    const answer = await get('/auth/session', { [name]: person.email });
    expect(answer.status).toBe(401);
  }
});

it('a token in the query is refused as such, and a cookie there is ignored', async () => {
  expect((await get(`/auth/session?access_token=${token}`, {})).status).toBe(400);
  expect((await get(`/auth/session?vestibule=${cookie}`, {})).status).toBe(401);
});
