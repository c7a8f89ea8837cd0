import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../../../platform/database/database.schema.js';
import { findFreePorts } from '../../../../launcher/port-finder.js';
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
} from '../../../../../test/support/forward.proxy.js';
import { OryAdmin } from '../../../../../test/support/ory.admin.js';
import { type Person, newPerson } from '../../../../../test/support/person.js';
import { rawRequest } from '../../../../../test/support/raw.request.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { type Arrival, sendForm, travel } from '../../../../../test/support/travel.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';
import { keyOf } from '../../../../../test/support/world.js';
import { setVerified } from '../../../../../test/support/verified.person.js';

const echoSchema = z.object({
  method: z.string(),
  url: z.string(),
  headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
});

const echoOf = (page: Page): z.output<typeof echoSchema> => echoSchema.parse(page.json());

/** Goes on where a page sends the browser by itself. */
async function followed(agent: UserAgent, arrival: Arrival): Promise<Page> {
  const next = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(arrival.page.text)?.[1];
  return next === undefined ? arrival.page : (await travel(agent, next.replaceAll('&amp;', '&'))).page;
}

const open = async (agent: UserAgent, target: string): Promise<Page> =>
  followed(agent, await travel(agent, target));

const script = {
  accept: '*/*',
  'sec-fetch-mode': 'cors',
  'sec-fetch-dest': 'empty',
  'sec-fetch-site': 'same-origin',
};

describe.each(runProxies)('%s in front of applications on hosts of their own', (name) => {
  let stack: Stack;
  let proxy: FrontProxy;
  let echoes: readonly { stop(): Promise<void> }[] = [];
  let agent: UserAgent;
  let person: Person;
  /** Origins of the applications. */
  let app: string;
  let wiki: string;

  const loggedIn = async (target: string): Promise<UserAgent> => {
    const browser = new UserAgent(proxy.url);
    const page = await open(browser, target);
    const fields = { identifier: person.email, password: person.password };
    await followed(browser, await sendForm(browser, page, fields));
    return browser;
  };

  beforeAll(async () => {
    const [front = 0, appPort = 0, wikiPort = 0] = await findFreePorts(3);
    app = `http://app.localhost:${front}`;
    wiki = `http://wiki.localhost:${front}`;
    stack = await startStack({
      publicUrl: `http://auth.localhost:${front}`,
      env: {
        TRUST_PROXY: '127.0.0.1/32',
        PROTECTED_HOSTS: `app.localhost:${front}, wiki.localhost:${front}?org_role=member`,
      },
    });
    echoes = await Promise.all([startEcho(appPort), startEcho(wikiPort)]);
    const gateway = Number(stack.env['PORT']);
    proxy = await startFrontProxy(name, { front, gateway, app: appPort, wiki: wikiPort });
    agent = new UserAgent(proxy.url);
    person = newPerson();
  }, proxyLimit);

  afterAll(async () => {
    await proxy?.stop();
    await Promise.all(echoes.map((echo) => echo.stop()));
    await stack?.stop();
  });

  it('a new user signs up on the way to one host and lands on the page asked for, known by a bearer for that host', async () => {
    const page = await open(agent, `${app}/list?a=1&b=%20x`);
    expect(new URL(page.url).pathname).toBe('/ui/login');
    const link = page.html().querySelector('main a[href*="registration"], main a[href*="signup"]');
    const signUp = await open(agent, new URL(link?.getAttribute('href') ?? '', page.url).href);
    const { email, name: fullName, password } = person;
    const sent = await sendForm(agent, signUp, { 'traits.email': email, 'traits.name': fullName, password });
    const arrived = await followed(agent, sent);
    expect(arrived.url).toBe(`${app}/list?a=1&b=%20x`);
    const { url, headers } = echoOf(arrived);
    expect(url).toBe('/list?a=1&b=%20x');
    expect(headers['x-auth-name']).toBe(person.name);
    const token = String(headers['authorization']).replace('Bearer ', '');
    const keys = createRemoteJWKSet(new URL(`${stack.url}/.well-known/jwks.json`));
    const { payload } = await jwtVerify(token, keys, { issuer: proxy.url, audience: app, typ: 'at+jwt' });
    expect(payload.sub).toBe(headers['x-auth-user']);
    // The same token opens nothing at the gateway.
    const bearer = { headers: { authorization: `Bearer ${token}` } };
    expect((await agent.request(`${proxy.url}/auth/session`, bearer)).status).toBe(401);
  });

  it('what another host requires is told at the gateway, once, and then it opens without a second login', async () => {
    const refused = await open(agent, `${wiki}/`);
    expect([refused.status, new URL(refused.url).origin]).toEqual([403, proxy.url]);
    // There, the header knows that a user is logged in.
    const header = refused.html().querySelector('body > header');
    expect(header?.querySelectorAll('form[action="/auth/logout"]')).toHaveLength(1);
    expect(header?.querySelectorAll('a[href^="/auth/"]')).toEqual([]);
    await setVerified(stack, person);
    const made = await agent.post('/api/v1/orgs', { name: 'Acme', slug: `acme-${name}` });
    expect(made.status).toBe(201);
    const page = await open(agent, `${wiki}/page`);
    expect(page.url).toBe(`${wiki}/page`);
    const { headers } = echoOf(page);
    expect(headers['x-auth-org']).toBe(`acme-${name}`);
    expect(decodeJwt(String(headers['authorization']).replace('Bearer ', '')).aud).toBe(wiki);
    const list = await agent.fetch('/auth/sessions');
    expect(list.json()).toMatchObject({ items: [{ hosts: [new URL(app).host, new URL(wiki).host] }] });
  });

  it('a script gets a 401 that states where to log in, and never a redirect', async () => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const answer = await new UserAgent(proxy.url).request(`${app}/api`, {
        method,
        headers: { ...script, origin: app },
      });
      expect([method, answer.status]).toEqual([method, 401]);
      expect(answer.headers.get('www-authenticate')).toBe(`Bearer login_uri="${app}/.vestibule/login"`);
      expect(answer.json()).toMatchObject({ code: 'unauthenticated', loginUrl: '/.vestibule/login' });
    }
  });

  it('the application gets its own cookies only, and no forged identity [W03]', async () => {
    await agent.jar.setCookie('mine=1; Path=/', app);
    const names = ['user', 'email', 'name', 'org', 'org-id', 'org-role', 'roles', 'scope'];
    const spellings = [...names.map((name) => `x-auth-${name}`), ...foreignPaths].flatMap(spellingsOf);
    const forged = Object.fromEntries(spellings.map((spelling) => [spelling, 'root']));
    const others = { 'x-forwarded-host': 'evil.example' };
    const { headers } = echoOf(
      await agent.request(`${app}/x`, { headers: { ...script, ...others, ...forged } }),
    );
    expect(Object.entries(headers).filter(([, value]) => value === 'root')).toEqual([]);
    expect(Object.keys(headers).filter((name) => /^x.*_/.test(name) && headers[name] !== '')).toEqual([]);
    expect(headers['cookie']).toBe('mine=1');
    expect(headers['x-auth-user']).not.toBe('root');
    expect(headers['x-auth-roles'] ?? '').toBe('');
  });

  it('a cookie of one host opens no other, and a page of one writes nothing on another', async () => {
    const cookie = await agent.jar.getCookieString(app);
    expect(
      (await rawRequest(proxy.url, { path: '/x', headers: { ...script, host: new URL(app).host, cookie } }))
        .status,
    ).toBe(200);
    for (const origin of [wiki, proxy.url]) {
      const { host } = new URL(origin);
      const path = origin === wiki ? '/x' : '/auth/session';
      expect((await rawRequest(proxy.url, { path, headers: { ...script, host, cookie } })).status).toBe(401);
    }
    const post = (origin: string) =>
      agent.request(`${app}/x`, { method: 'POST', body: 'x', headers: { origin } });
    expect((await post(app)).status).toBe(200);
    expect((await post(wiki)).status).toBe(403);
    expect((await post(proxy.url)).status).toBe(403);
  });

  it('a host in the request line that is not the one of the Host header opens neither application [W02]', async () => {
    const cookie = await agent.jar.getCookieString(wiki);
    const opened = async (target: string, host: string) =>
      (await rawRequest(proxy.url, { path: target, headers: { ...script, host, cookie } })).status;
    const { host } = new URL(wiki);
    // Caddy's example takes no whole URL for a path. nginx chooses the server by it, and the gateway is asked about the Host header;
    // to Traefik, the URL's host is the only one.
    const [consistent, mixed] = {
      nginx: [200, 421],
      caddy: [400, 400],
      traefik: [200, 401],
      envoy: [200, 401],
    }[name];
    for (const spelt of [host, host.toUpperCase()]) {
      expect([spelt, await opened('/x', spelt)]).toEqual([spelt, 200]);
      expect([spelt, await opened(`http://${spelt}/x`, host)]).toEqual([spelt, consistent]);
      expect([spelt, await opened(`${wiki}/x`, spelt)]).toEqual([spelt, consistent]);
    }
    const other = new URL(app).host;
    for (const target of [`${app}/x`, `${app}/admin`, `http://${other.toUpperCase()}/x`]) {
      expect([target, await opened(target, host)]).toEqual([target, mixed]);
    }
    expect(await opened(`${proxy.url}/auth/session`, host)).toBe(name === 'nginx' ? 421 : 401);
  });

  it('a WebSocket opens, and an application is never asked to switch to another protocol [W02]', async () => {
    const { host } = new URL(app);
    const cookie = await agent.jar.getCookieString(app);
    const key = {
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': '13',
      origin: app,
    };
    const asked = { host, cookie, ...key, upgrade: 'websocket' };
    const opened = await requestUpgrade(proxy.url, { path: '/x', headers: asked });
    expect([opened.status, opened.received]).toEqual([101, expect.stringMatching(/[0-9a-f-]{36}$/)]);
    for (const upgrade of foreignUpgrades) {
      const headers = { host, cookie, upgrade };
      const { status } = await requestUpgrade(proxy.url, { path: '/x', headers });
      const isIgnored = name === 'nginx' || name === 'caddy' || (name === 'envoy' && status === 200);
      expect([upgrade, status]).toEqual([upgrade, isIgnored ? 200 : name === 'traefik' ? 400 : 403]);
    }
  });

  it('the Connection header of a caller takes none of the gateway’s headers away [W03]', async () => {
    const cookie = await agent.jar.getCookieString(app);
    const connection = 'X-Auth-User, X-Auth-Scope, Authorization';
    const sent = { ...script, host: new URL(app).host, cookie, connection };
    const answer = await rawRequest(proxy.url, { path: '/x', headers: sent });
    expect(answer.status).toBe(200);
    const { headers } = echoSchema.parse(await answer.json());
    expect(headers['x-auth-user']).toBeTruthy();
    expect(headers['authorization']).toMatch(/^Bearer ey/);
  });

  it('a path with a requirement of its own is for administrators and their keys', async () => {
    const open = async (path: string): Promise<readonly [path: string, status: number]> => [
      path,
      (await agent.request(app + path, { headers: script })).status,
    ];
    // To most applications `/admin` and `/admin/` are one page.
    const guarded = ['/admin', '/admin?x=1', '/admin/', '/admin/x'];
    for (const path of guarded) {
      expect(await open(path)).toEqual([path, 403]);
    }
    const page = await agent.navigate(`${app}/admin`);
    expect([page.status, page.html().querySelectorAll('body > header nav a').length]).toEqual([403, 0]);
    // What many frameworks take for it: they route whatever the capitals, and cut off parameters or a format.
    const alike = [
      '/Admin',
      '/ADMIN/x',
      '/admin;x',
      '/Admin;a=1/x',
      '/admin.json',
      '/%61dmin/x',
      '/admin%3bx',
      '/index.php/admin',
    ];
    for (const path of alike) {
      expect(await open(path)).toEqual([path, 403]);
    }
    for (const path of ['/administrators', '/Admin-guide', '/x/admin', '/index.php/x']) {
      expect(await open(path)).toEqual([path, 200]);
    }
    const { query } = stack.app().get(Database, { strict: false });
    const user = query.updateTable('users').set({ role: 'admin' }).where('email', '=', person.email);
    const { id } = await user.returning('id').executeTakeFirstOrThrow();
    const key = await keyOf(stack.app(), id, 'api');
    const headers = { host: new URL(app).host, 'x-api-key': key };
    for (const path of [...guarded, '/Admin/a%3Fb/100%25?x=1&y=%2f', '/admin;x=1/y?x=1']) {
      const answer = await rawRequest(proxy.url, { path, headers });
      expect([path, answer.status]).toEqual([path, 200]);
      const echoed = echoSchema.parse(await answer.json());
      expect(echoed).toMatchObject({ url: path, headers: { 'x-auth-roles': 'admin' } });
      expect(decodeJwt(String(echoed.headers['authorization']).replace('Bearer ', '')).aud).toBe(app);
      expect(JSON.stringify(echoed)).not.toContain(key);
    }
  });

  it.each(['evil.localhost', 'app.localhost.evil.example', 'xapp.localhost'])(
    '%s is refused',
    async (host) => {
      const { port } = new URL(proxy.url);
      const answer = await rawRequest(proxy.url, { path: '/', headers: { host: `${host}:${port}` } });
      expect([404, 421]).toContain(answer.status);
      expect(answer.headers.has('location')).toBe(false);
    },
  );

  it.each(['/public/..%2fadmin/x', '/;x/admin/x', '/%252e%252e/admin/x', '/%2561dmin/x'])(
    '%s is refused on a host [W02] [H04]',
    async (path) => {
      const { host } = new URL(app);
      expect((await rawRequest(proxy.url, { path, headers: { host } })).status).toBe(400);
    },
  );

  it.each(['/..;/admin/x', '/a/..\\admin/x'])(
    '%s is refused on a host, or guarded as what Envoy makes of it [W02] [H04]',
    async (path) => {
      const cookie = await agent.jar.getCookieString(app);
      const headers = { ...script, host: new URL(app).host, cookie };
      expect((await rawRequest(proxy.url, { path: '/x', headers })).status).toBe(200);
      expect((await rawRequest(proxy.url, { path, headers })).status).toBe(name === 'envoy' ? 403 : 400);
    },
  );

  it('no outside client can ask on any host', async () => {
    expect((await agent.fetch('/auth/verify')).status).toBe(404);
    // There it is a path of the application.
    const page = await agent.request(`${app}/auth/verify`, { headers: script });
    expect(echoOf(page).url).toBe('/auth/verify');
    expect(page.headers.has('authorization')).toBe(false);
  });

  it('a renewal on a host reaches the browser there', async () => {
    const cookieOf = async () =>
      (await agent.jar.getCookies(app)).find(({ key }) => key === 'vestibule')?.value;
    const before = await cookieOf();
    try {
      stack.shiftClock(700);
      const renewed = await agent.request(`${app}/cached`, { headers: script });
      expect(renewed.status).toBe(200);
      const caching = renewed.headers.get('cache-control');
      expect(caching?.includes('private, no-store')).toBe(name === 'nginx' || name === 'caddy');
      expect(await cookieOf()).not.toBe(before);
      expect((await agent.request(`${app}/x`, { headers: script })).status).toBe(200);
    } finally {
      stack.shiftClock(0);
    }
  });

  it('a session that has ended at Kratos opens no further host', async () => {
    const leaver = await loggedIn(`${proxy.url}/auth/login`);
    expect((await leaver.fetch('/auth/session')).status).toBe(200);
    await new OryAdmin(stack.env).endSessionOf(leaver);
    expect((await open(leaver, `${app}/x`)).status).toBe(403);
    expect((await leaver.request(`${app}/x`, { headers: script })).status).toBe(401);
  });

  it('a logout on one host ends the session on all', async () => {
    const leaver = await loggedIn(`${app}/x`);
    expect((await open(leaver, `${wiki}/x`)).url).toMatch(/wiki\.localhost|auth\.localhost/);
    const kept = await leaver.jar.getCookieString(app);
    const answer = await leaver.request(`${app}/.vestibule/logout`, {
      method: 'POST',
      headers: { ...script, accept: 'application/json', origin: app },
    });
    expect(answer.status).toBe(200);
    expect((await leaver.fetch('/auth/session')).status).toBe(401);
    const headers = { ...script, host: new URL(app).host, cookie: kept };
    expect((await rawRequest(proxy.url, { path: '/x', headers })).status).toBe(401);
    expect(new URL((await open(leaver, `${app}/x`)).url).pathname).toBe('/ui/login');
  });
});
