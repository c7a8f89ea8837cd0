import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../src/platform/database/database.schema.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import {
  type FrontProxy,
  foreignPaths,
  foreignUpgrades,
  proxyLimit,
  requestUpgrade,
  runProxies,
  spellingsOf,
  startEcho,
  startFrontProxy,
} from '../support/forward.proxy.js';
import { type Person, logIn, newPerson, signUp } from '../support/person.js';
import { rawRequest } from '../support/raw.request.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';
import { keyOf } from '../support/world.js';

const echoSchema = z.object({
  method: z.string(),
  url: z.string(),
  headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
  body: z.string(),
});

const echoOf = (page: { json(): unknown }): z.output<typeof echoSchema> => echoSchema.parse(page.json());

const identityNames = ['user', 'email', 'name', 'org', 'org-id', 'org-role', 'roles', 'scope'].map(
  (name) => `x-auth-${name}`,
);

const identityOf = (headers: Record<string, unknown>): string[] =>
  Object.keys(headers).filter((name) => /^x[-_]auth[-_]/.test(name) && headers[name] !== '');

describe.each(runProxies)('%s in front of an application', (name) => {
  /** Whether it copies headers of the gateway's answer by their names alone. */
  const copies = name === 'traefik' || name === 'envoy';
  let stack: Stack;
  let proxy: FrontProxy;
  let echo: { stop(): Promise<void> };
  let agent: UserAgent;
  let person: Person;

  beforeAll(async () => {
    const [front = 0, app = 0] = await findFreePorts(2);
    stack = await startStack({
      publicUrl: `http://localhost:${front}`,
      env: { TRUST_PROXY: '127.0.0.1/32' },
    });
    const gateway = Number(stack.env['PORT']);
    echo = await startEcho(app);
    proxy = await startFrontProxy(name, { front, gateway, app });
    agent = new UserAgent(proxy.url);
    person = newPerson();
  }, proxyLimit);

  afterAll(async () => {
    await proxy?.stop();
    await echo?.stop();
    await stack?.stop();
  });

  it('a browser is sent to log in, comes back to the page with its query, and the application knows the user', async () => {
    const page = await signUp(agent, person, '/app/list?a=1&b=%20x');
    expect(new URL(page.url).pathname + new URL(page.url).search).toBe('/app/list?a=1&b=%20x');
    const other = new UserAgent(proxy.url);
    const login = await other.navigate('/app/list?a=1&b=%20x');
    expect(new URL(login.url).pathname).toBe('/ui/login');
    const back = await other.submit(login, { identifier: person.email, password: person.password });
    expect(back.status).toBe(200);
    const { url, headers } = echoOf(back);
    expect(url).toBe('/app/list?a=1&b=%20x');
    expect(headers['x-auth-name']).toBe(person.name);
    expect(headers['x-auth-scope']).toContain('api');
    const keys = createRemoteJWKSet(new URL(`${proxy.url}/.well-known/jwks.json`));
    const token = String(headers['authorization']).replace('Bearer ', '');
    const { payload } = await jwtVerify(token, keys, {
      issuer: proxy.url,
      audience: proxy.url,
      typ: 'at+jwt',
    });
    expect(payload.sub).toBe(headers['x-auth-user']);
  });

  it('the path without a slash at its end is the application’s too, and no redirect adds one', async () => {
    for (const path of ['/app', '/app?x=1']) {
      const opened = echoOf(await agent.fetch(path));
      expect([opened.url, opened.headers['x-auth-name']]).toEqual([path, person.name]);
      expect((await rawRequest(proxy.url, { path })).status).toBe(401);
    }
  });

  it('an API gets 401 with a challenge, whatever it requests', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'] as const) {
      const answer = await fetch(`${proxy.url}/app/api`, {
        method,
        ...(method === 'GET' ? {} : { body: 'x=1' }),
      });
      expect([method, answer.status]).toEqual([method, 401]);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
    }
  });

  it('with the gateway’s cookies alone, the application gets none', async () => {
    const cookie = await agent.jar.getCookieString(proxy.url);
    expect(cookie.split('; ').filter((pair) => !/^(?:vestibule|ory_|csrf_token_)/.test(pair))).toEqual([]);
    expect(cookie).toMatch(/vestibule=.*ory_kratos_session=|ory_kratos_session=.*vestibule=/);
    const answer = await rawRequest(proxy.url, { path: '/app/x', headers: { cookie } });
    expect(answer.status).toBe(200);
    const { headers } = echoSchema.parse(await answer.json());
    // Traefik and Envoy copy the header from the gateway's answer, where it is empty.
    expect(copies ? ['', undefined] : [undefined]).toContain(headers['cookie']);
  });

  it('a body, the method and the application’s own cookies pass; the session and credentials do not', async () => {
    await agent.jar.setCookie('mine=1; Path=/', proxy.url);
    const body = JSON.stringify({ text: 'x'.repeat(2_000_000) });
    const sent = await agent.fetch('/app/api?x=1', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', origin: proxy.url },
    });
    expect(sent.status).toBe(200);
    // As browsers have them under https.
    const cookie = (await agent.jar.getCookieString(proxy.url)).replaceAll(/(?<=^|; )ory_/g, '__Host-ory_');
    const prefixed = echoOf(await agent.fetch('/app/api', { headers: { cookie } }));
    expect(cookie).toContain('__Host-ory_kratos_session=');
    expect(String(prefixed.headers['cookie'])).not.toMatch(/vestibule=|_session(?:_dev)?=/);
    const received = echoOf(sent);
    expect(received).toMatchObject({ method: 'POST', url: '/app/api?x=1', body });
    expect(received.headers['cookie']).toContain('mine=1');
    expect(String(received.headers['cookie'])).not.toMatch(/vestibule=|_session(?:_dev)?=/);
    expect(received.headers['content-type']).toBe('application/json');
  });

  it('identity headers of a caller never arrive, with a session or without [W03]', async () => {
    const spoofed = Object.fromEntries(
      identityNames.flatMap(spellingsOf).map((spelling) => [spelling, 'root']),
    );
    expect(Object.keys(spoofed)).toHaveLength(40);
    const open = await rawRequest(proxy.url, {
      path: '/public/x',
      headers: { ...spoofed, authorization: 'Bearer x' },
    });
    expect(open.status).toBe(200);
    const { headers } = echoSchema.parse(await open.json());
    expect(identityOf(headers)).toEqual([]);
    expect(headers['authorization'] ?? '').toBe('');
    const inside = echoOf(await agent.fetch('/app/x', { headers: spoofed }));
    expect(identityOf(inside.headers).toSorted()).toEqual(['x-auth-name', 'x-auth-scope', 'x-auth-user']);
    expect(inside.headers['x-auth-user']).not.toBe('root');
    expect((await rawRequest(proxy.url, { path: '/app/x', headers: spoofed })).status).toBe(401);
  });

  it('headers of a caller that name another path never arrive, with a session or without [W03]', async () => {
    const forged = Object.fromEntries(
      foreignPaths.flatMap(spellingsOf).map((spelling) => [spelling, '/admin/x']),
    );
    expect(Object.keys(forged)).toHaveLength(8);
    const open = await rawRequest(proxy.url, { path: '/public/x', headers: forged });
    expect(open.status).toBe(200);
    const echoes = [
      echoSchema.parse(await open.json()),
      echoOf(await agent.fetch('/app/x', { headers: forged })),
    ];
    expect(echoes.map(({ url }) => url)).toEqual(['/public/x', '/app/x']);
    expect(
      echoes.flatMap(({ headers }) => Object.entries(headers)).filter(([, value]) => value === '/admin/x'),
    ).toEqual([]);
  });

  it('the Connection header of a caller takes none of the gateway’s headers away [W03]', async () => {
    const connection = [...identityNames, 'Authorization', 'X-Forwarded-For'].join(', ');
    const cookie = await agent.jar.getCookieString(proxy.url);
    const answer = await rawRequest(proxy.url, { path: '/app/x', headers: { cookie, connection } });
    // Envoy refuses one that names X-Forwarded-For.
    expect(answer.status).toBe(name === 'envoy' ? 400 : 200);
    const own = { cookie, connection: identityNames.join(', ') };
    const echoed = name === 'envoy' ? await rawRequest(proxy.url, { path: '/app/x', headers: own }) : answer;
    const { headers } = echoSchema.parse(await echoed.json());
    expect(identityOf(headers).toSorted()).toEqual(['x-auth-name', 'x-auth-scope', 'x-auth-user']);
    expect(headers['authorization']).toMatch(/^Bearer ey/);
  });

  it('a WebSocket opens, as the user that the gateway states', async () => {
    const cookie = await agent.jar.getCookieString(proxy.url);
    const { headers } = echoOf(await agent.fetch('/app/x'));
    const handshake = {
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': '13',
      origin: proxy.url,
    };
    for (const upgrade of ['websocket', 'WebSocket']) {
      for (const connection of ['Upgrade', 'keep-alive, Upgrade', 'upgrade, X-Auth-User']) {
        const asked = { cookie, ...handshake, upgrade, connection };
        const opened = await requestUpgrade(proxy.url, { path: '/app/x', headers: asked });
        expect([upgrade, connection, opened.status]).toEqual([upgrade, connection, 101]);
        expect(opened.received).toContain(headers['x-auth-user']);
      }
    }
  });

  // After a 101 nothing is asked or removed any more.
  it.each(foreignUpgrades.map((upgrade) => ({ upgrade })))(
    'an application is never asked to switch to $upgrade [W02]',
    async ({ upgrade }) => {
      const cookie = await agent.jar.getCookieString(proxy.url);
      for (const path of ['/app/x', '/public/x']) {
        const { status } = await requestUpgrade(proxy.url, { path, headers: { cookie, upgrade } });
        const isIgnored = name === 'nginx' || name === 'caddy' || (name === 'envoy' && status === 200);
        expect([path, status]).toEqual([path, isIgnored ? 200 : name === 'traefik' ? 400 : 403]);
      }
    },
  );

  it('forwarding headers of a caller change neither the method, nor the place to come back to, nor the host', async () => {
    const forged = {
      'x-forwarded-method': 'GET',
      'x-original-method': 'GET',
      'x-forwarded-uri': '/evil',
      'x-original-url': '/evil',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-for': '127.0.0.1',
    };
    const cross = { method: 'POST', headers: { ...forged, origin: 'https://evil.example' } };
    expect((await agent.request('/app/x', cross)).status).toBe(403);
    const anonymous = new UserAgent(proxy.url);
    const sent = await anonymous.request('/app/page?x=1&y=2', {
      headers: { ...forged, accept: 'text/html', 'sec-fetch-mode': 'navigate' },
    });
    expect(sent.status).toBe(302);
    expect(sent.headers.get('location')).toBe(
      `${proxy.url}/auth/login?return_to=%2Fapp%2Fpage%3Fx%3D1%26y%3D2`,
    );
  });

  it('a POST of another site’s page is refused, and a link from there is followed', async () => {
    for (const evil of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ]) {
      const page = await agent.request('/app/x', { method: 'POST', body: 'x=1', headers: evil });
      expect(page.status).toBe(403);
    }
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', accept: 'text/html' };
    expect((await agent.request('/app/x', { headers: link })).status).toBe(200);
  });

  it('only administrators, and their API keys, get in where the role is required', async () => {
    // To most applications `/admin` and `/admin/` are one page.
    for (const path of ['/admin', '/admin?x=1', '/admin/', '/admin/x']) {
      expect([path, (await agent.fetch(path)).status]).toEqual([path, 403]);
      expect([path, (await rawRequest(proxy.url, { path })).status]).toEqual([path, 401]);
    }
    const { query } = stack.app().get(Database, { strict: false });
    await query.updateTable('users').set({ role: 'admin' }).where('email', '=', person.email).execute();
    const administrator = new UserAgent(proxy.url);
    const page = await logIn(administrator, person, '/admin/x');
    expect(echoOf(page)).toMatchObject({ url: '/admin/x', headers: { 'x-auth-roles': 'admin' } });
    for (const path of ['/admin', '/admin?x=1', '/admin/']) {
      const opened = echoOf(await administrator.fetch(path));
      expect(opened).toMatchObject({ url: path, headers: { 'x-auth-roles': 'admin' } });
    }
    // A name that only begins alike is the gateway's, as every other.
    const other = await administrator.fetch('/administrators');
    expect([other.status, other.json()]).toMatchObject([404, { code: 'not_found' }]);
    const { id } = await query
      .selectFrom('users')
      .select('id')
      .where('email', '=', person.email)
      .executeTakeFirstOrThrow();
    const key = await keyOf(stack.app(), id, 'api');
    for (const headers of [{ 'x-api-key': key }, { authorization: `Bearer ${key}` }]) {
      const answer = await rawRequest(proxy.url, { path: '/admin/x', headers });
      expect(answer.status).toBe(200);
      const text = await answer.text();
      expect(text).not.toContain(key);
      expect(echoSchema.parse(JSON.parse(text)).headers['authorization']).toMatch(/^Bearer ey/);
    }
  });

  it.each([
    '/public/..%2fadmin/x',
    '/public/..%5cadmin',
    '/admin/..%2fpublic/x',
    '/%2fadmin/x',
    '\\admin/x',
    // As servlet containers read them.
    '/public/..%3b/admin/x',
    '/public/..%3Bx=1/admin/x',
    '/;/admin/x',
    '/;x=1/admin/x',
    '/%3bx=1/admin/x',
    '/public/..%253b/admin/x',
    // As what decodes twice reads them.
    '/public/%252e%252e/admin/x',
    '/public/..%252fadmin/x',
    '/public/..%255cadmin/x',
    '/public/%25252e%25252e/admin/x',
    '/%2561dmin/x',
    '/adm%2549n/x',
  ])('%s is refused [W02] [H04]', async (path) => {
    expect((await rawRequest(proxy.url, { path })).status).toBe(400);
  });

  // nginx and Caddy refuse these too. Traefik and Envoy clean them, and the application gets what was matched.
  it.each([
    ['/public/../admin/x', 401, 401],
    ['/public/%2e%2e/admin/x', 401, 401],
    ['/public//../admin/x', 401, '/public/admin/x'],
    ['/admin//x', 401, 401],
    ['//admin/x', 401, 401],
    ['/./admin/x', 401, 401],
    ['/admin/../public/x', '/public/x', '/public/x'],
    ['/public/.', 404, '/public/'],
    // As `new URL()` reads them.
    ['/public/..\\admin/x', 400, 401],
    ['/public\\..\\admin/x', 400, 401],
    // As servlet containers read them.
    ['/public/..;/admin/x', 400, 401],
    ['/public/..;x=1/admin/x', 400, 401],
  ] as const)('%s is refused, or is what it leads to [W02] [H04]', async (path, traefik, envoy) => {
    const answer = await rawRequest(proxy.url, { path });
    const reached = answer.status === 200 ? echoSchema.parse(await answer.json()).url : answer.status;
    expect(reached).toBe({ nginx: 400, caddy: 400, traefik, envoy }[name]);
  });

  it.each([
    '/public/a;b=1/x',
    '/public/;b=1',
    '/public/100%25/x',
    '/public/..x/.y',
    '/public/x?to=..;/a\\b%252e',
  ])('%s is an ordinary path', async (path) => {
    expect((await rawRequest(proxy.url, { path })).status).toBe(200);
  });

  it.each(['/%61dmin/x', '/adm%69n/x', '/%61pp/x'])('%s is guarded as what it spells', async (path) => {
    expect((await rawRequest(proxy.url, { path })).status).toBe(401);
  });

  it('no outside client can ask: a script must not read the bearer', async () => {
    for (const path of [
      '/auth/verify',
      '/auth/verify/',
      '/auth/verify?role=admin',
      '/auth/verify/session/x',
    ]) {
      expect((await agent.fetch(path)).status).toBe(404);
    }
    expect([404, 401]).toContain((await agent.fetch('/auth/%76erify')).status);
    expect((await agent.fetch('/_verify')).status).toBe(404);
  });

  it('a session that is renewed by a question reaches the browser, beside the application’s own cookies', async () => {
    const before = await agent.cookie('vestibule');
    try {
      stack.shiftClock(700);
      const page = await agent.fetch('/app/cached');
      expect(page.status).toBe(200);
      expect(
        page.headers
          .getSetCookie()
          .map((cookie) => cookie.split('=', 1)[0])
          .toSorted(),
      ).toEqual(['app', 'vestibule']);
      // Traefik and Envoy can't add a header to these answers only.
      const caching = page.headers.get('cache-control');
      expect(caching?.includes('private, no-store')).toBe(!copies);
      expect(await agent.cookie('vestibule')).not.toBe(before);
      const next = await agent.fetch('/app/cached');
      expect([next.status, next.headers.get('cache-control')]).toEqual([200, 'public, max-age=600']);
    } finally {
      stack.shiftClock(0);
    }
  });

  it('a user who has logged out is logged out in the application too', async () => {
    const leaver = new UserAgent(proxy.url);
    await logIn(leaver, person, '/app/x');
    const kept = await leaver.cookie('vestibule');
    expect((await leaver.fetch('/app/x')).status).toBe(200);
    expect((await leaver.post('/auth/logout', {})).status).toBe(200);
    expect((await leaver.fetch('/app/x')).status).toBe(401);
    const replay = await rawRequest(proxy.url, { path: '/app/x', headers: { cookie: `vestibule=${kept}` } });
    expect(replay.status).toBe(401);
  });
});
