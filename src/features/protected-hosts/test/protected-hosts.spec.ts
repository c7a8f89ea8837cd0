import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../../platform/database/database.schema.js';
import { HostDatabase } from '../host.schema.js';
import { isBackground, recordStatements } from '../../../../test/support/call.counter.js';
import { administratorAt, promote } from '../../../../test/support/administrator.js';
import { plantConnection, plantOrg, send } from '../../../../test/support/api.caller.js';
import {
  type Gateway,
  type GatewayAnswer,
  expectProblem,
  newIdentity,
  startGateway,
} from '../../../../test/support/gateway.js';
import { HostBrowser } from '../../../../test/support/host.browser.js';
import { rawRequest } from '../../../../test/support/raw.request.js';
import { type World, keyOf, makeWorld } from '../../../../test/support/world.js';

const publicUrl = 'https://auth.example.org';
const app = 'https://app.example.com';
const wiki = 'https://wiki.example.net';
const [appHost, wikiHost] = [new URL(app).host, new URL(wiki).host];

let gateway: Gateway;
let world: World;
/** SQL of every statement. */
let statements: string[];
/** Number of statements so far, without what a gateway reads and writes by itself. */
const asked = (): number => statements.filter((statement) => !isBackground(statement)).length;

beforeAll(async () => {
  gateway = await startGateway({
    PUBLIC_URL: publicUrl,
    TRUST_PROXY: 'loopback',
    PROTECTED_HOSTS: [
      'app.example.com',
      'wiki.example.net',
      'admin.example.com?role=admin',
      'safe.example.com?acr=aal2',
      'proven.example.com?verified=true',
      '*.apps.example.com',
      '*.deep.apps.example.com?role=admin',
      'one.deep.apps.example.com',
    ].join('\n'),
  });
  statements = recordStatements(gateway.app.get(Database, { strict: false }));
  world = await makeWorld(gateway);
});

afterAll(async () => {
  await gateway?.stop();
});

afterEach(() => gateway.shiftClock(0));

const rowsOf = async (table: 'host_codes' | 'session_hosts'): Promise<number> =>
  (await gateway.app.get(HostDatabase, { strict: false }).query.selectFrom(table).selectAll().execute())
    .length;

const isCallback = ({ pathname }: URL): boolean => pathname === '/.vestibule/callback';

/** A browser that is logged in at the gateway. */
const newBrowser = async (evidence = {}): Promise<HostBrowser> =>
  new HostBrowser(gateway, await gateway.session({}, {}, evidence));

/** What a proxy asks about a request of a host. */
const ask = (host: string, headers: Readonly<Record<string, string>>, query = ''): Promise<GatewayAnswer> =>
  gateway.request(`/auth/verify${query}`, {
    headers: { host, 'x-forwarded-for': '203.0.113.9', 'x-forwarded-method': 'GET', ...headers },
  });

const tokenOf = (answer: GatewayAnswer): string =>
  answer.headers['authorization']?.replace('Bearer ', '') ?? '';

describe('a login on two hosts', () => {
  it('gives each host a cookie of its own, for one session, without a second login', async () => {
    const session = await gateway.session();
    const browser = new HostBrowser(gateway, session);
    const first = await browser.go(`${app}/list?a=1&b=%20x`);
    expect([first.status, first.url]).toEqual([200, `${app}/list?a=1&b=%20x`]);
    expect(first.headers['x-auth-user']).toBe(session.user.id);
    expect(decodeJwt(tokenOf(first))).toMatchObject({ aud: app, iss: publicUrl, sid: session.claims.sid });
    const second = await browser.go(`${wiki}/`);
    expect([second.status, second.url]).toEqual([200, `${wiki}/`]);
    expect(decodeJwt(tokenOf(second))).toMatchObject({ aud: wiki, sid: session.claims.sid });
    expect(browser.history.some((url) => url.includes('/auth/login'))).toBe(false);
    // The cookies of the attempt are gone; what stays is the session's.
    expect([...(browser.cookies.get(appHost)?.keys() ?? [])]).toEqual(['__Host-vestibule']);
  });

  it('sets host cookies only, and never a cookie of one host on another', async () => {
    const browser = await newBrowser();
    const callback = await browser.go(`${app}/x`, isCallback);
    const { cookies, headers } = await browser.load(callback.url);
    expect(cookies.length).toBe(2);
    for (const cookie of cookies) {
      expect(cookie).toMatch(/^__Host-vestibule/);
      expect(cookie).toMatch(/; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    }
    expect(headers['cache-control']).toBe('no-store');
  });

  it('sends a browser without a session to log in, and from there back to the request for a code', async () => {
    const browser = new HostBrowser(gateway);
    const { url } = await browser.go(`${app}/x?y=1`, ({ pathname }) => pathname === '/auth/login');
    const returnTo = new URL(url).searchParams.get('return_to') ?? '';
    expect(new URL(url).origin).toBe(publicUrl);
    expect(returnTo).toMatch(/^\/auth\/hosts\/authorize\?host=app\.example\.com&challenge=/);
    browser.plant('auth.example.org', gateway.cookieName, (await gateway.session()).sealed);
    const back = await browser.go(publicUrl + returnTo);
    expect([back.status, back.url]).toEqual([200, `${app}/x?y=1`]);
  });

  it('works in several tabs at once, and keeps a bounded number of attempts', async () => {
    const browser = await newBrowser();
    const tabs: string[] = [];
    for (const path of ['/a', '/b', '/c']) {
      tabs.push((await browser.go(app + path, isCallback)).url);
    }
    const arrived: string[] = [];
    for (const tab of tabs) {
      arrived.push((await browser.go(tab)).url);
    }
    expect(arrived).toEqual([`${app}/a`, `${app}/b`, `${app}/c`]);
    for (let count = 0; count < 9; count += 1) {
      await browser.load(`${app}/.vestibule/login`);
    }
    const names = [...(browser.cookies.get(appHost)?.keys() ?? [])];
    expect(names.filter((name) => name.includes('host-login'))).toHaveLength(4);
  });

  it('begins behind a proxy with buffers of 4 kB too when many attempts are open, and deletes the rest at the next ones', async () => {
    const browser = await newBrowser();
    const prefix = '__Host-vestibule-host-login.';
    for (let count = 0; count < 150; count += 1) {
      browser.plant(appHost, prefix + String(count).padStart(16, 'x'), 'x');
    }
    for (let count = 0; count < 9; count += 1) {
      const { headers, status } = await browser.load(`${app}/.vestibule/login`);
      expect(status).toBe(303);
      expect(JSON.stringify(headers).length).toBeLessThan(4096);
    }
    expect([...(browser.cookies.get(appHost)?.keys() ?? [])]).toHaveLength(4);
    expect((await browser.go(`${app}/x`)).url).toBe(`${app}/x`);
  });

  it('goes on by a page of its own after a form, whose policy would block a redirect to the host', async () => {
    const browser = await newBrowser();
    const { url } = await browser.go(`${app}/x`, ({ pathname }) => pathname === '/auth/hosts/authorize');
    const page = await browser.load(url);
    expect(page.status).toBe(200);
    expect(page.headers).not.toHaveProperty('location');
    expect(page.text).toContain(`url=${app}/.vestibule/callback?code=`);
  });

  it('is in the list of sessions and in the audit trail', async () => {
    const session = await gateway.session();
    const browser = new HostBrowser(gateway, session);
    await browser.go(`${wiki}/`);
    await browser.go(`${app}/`);
    await browser.go(`${app}/again`);
    const list = await gateway.request('/auth/sessions', { headers: { cookie: session.cookie } });
    const { items } = z
      .object({ items: z.array(z.object({ hosts: z.array(z.string()) })) })
      .parse(list.json());
    expect(items).toEqual([{ hosts: [appHost, wikiHost] }]);
    const told = gateway.log.filter(
      (line) => line.includes('"host_login"') && line.includes(session.claims.sid),
    );
    expect(told).toHaveLength(2);
    const page = await gateway.request('/', {
      headers: { cookie: session.cookie, accept: 'text/html', 'accept-language': 'en' },
    });
    expect(page.text).toContain('Also on app.example.com, wiki.example.net');
  });

  it('costs memory only at each request, whatever the host requires', async () => {
    const browser = await newBrowser({ acr: 'aal2' });
    await browser.go('https://safe.example.com/');
    const before = asked();
    for (let count = 0; count < 3; count += 1) {
      expect((await browser.load('https://safe.example.com/x')).status).toBe(200);
    }
    expect(asked()).toBe(before);
  });
});

describe('a logout', () => {
  it.each([
    ['one host', app],
    ['the other host', wiki],
  ])('at %s ends the session on both, and at the gateway', async (_name, origin) => {
    const browser = await newBrowser();
    await browser.go(`${app}/`);
    await browser.go(`${wiki}/`);
    const kept = [browser.cookieHeader(appHost), browser.cookieHeader(wikiHost)];
    const answer = await browser.load(`${origin}/.vestibule/logout`, {
      method: 'POST',
      headers: {
        origin,
        accept: 'application/json',
        'sec-fetch-mode': 'cors',
        'sec-fetch-site': 'same-origin',
      },
    });
    expect(answer.status).toBe(200);
    expect(answer.json()).toHaveProperty('logoutUrl');
    expect(browser.sessionOn(new URL(origin).host)).toBeUndefined();
    const [atApp = '', atWiki = ''] = kept;
    expect((await ask(appHost, { cookie: atApp })).status).toBe(401);
    expect((await ask(wikiHost, { cookie: atWiki })).status).toBe(401);
    const own = await gateway.request('/auth/session', {
      headers: { cookie: browser.cookieHeader('auth.example.org') },
    });
    expect(own.status).toBe(401);
  });

  it('needs the cookie of the host: the bearer that its application gets, or a key, ends nothing', async () => {
    const session = await gateway.session();
    const browser = new HostBrowser(gateway, session);
    const token = tokenOf(await browser.go(`${app}/`));
    const key = await keyOf(gateway.app, world.userIds.administrator, 'api');
    const post = (headers: Readonly<Record<string, string>>): Promise<GatewayAnswer> =>
      gateway.request('/.vestibule/logout', {
        method: 'POST',
        headers: { host: appHost, accept: 'application/json', ...headers },
      });
    for (const headers of [{ authorization: `Bearer ${token}` }, { 'x-api-key': key }]) {
      const answer = await post(headers);
      expectProblem(answer, 403, 'forbidden');
      expect(answer.cookies).toEqual([]);
    }
    expect((await ask(appHost, { cookie: browser.cookieHeader(appHost) })).status).toBe(200);
    expect((await gateway.request('/auth/session', { headers: { cookie: session.cookie } })).status).toBe(
      200,
    );
    // Without any session there is nothing to end, and the cookie goes.
    expect((await post({})).status).toBe(200);
  });

  it('at the gateway ends the session on the hosts', async () => {
    const browser = await newBrowser();
    await browser.go(`${app}/`);
    await gateway.request('/auth/logout', {
      method: 'POST',
      headers: { cookie: browser.cookieHeader('auth.example.org'), origin: publicUrl },
    });
    expect((await ask(appHost, { cookie: browser.cookieHeader(appHost) })).status).toBe(401);
  });

  it('of another site, of another host and of the gateway’s own origin is refused, and a GET does nothing', async () => {
    const browser = await newBrowser();
    await browser.go(`${app}/`);
    for (const origin of ['https://evil.example', wiki, publicUrl, 'https://x.app.example.com', 'null']) {
      const answer = await browser.load(`${app}/.vestibule/logout`, { method: 'POST', headers: { origin } });
      expect([origin, answer.status]).toEqual([origin, 403]);
    }
    expect((await browser.load(`${app}/.vestibule/logout`)).status).toBe(405);
    expect((await browser.load(`${app}/`)).status).toBe(200);
  });
});

describe('a code', () => {
  const codeOf = (url: string): string => new URL(url).searchParams.get('code') ?? '';

  it('for one host is refused at another, whose own attempt is open', async () => {
    const browser = await newBrowser();
    const { url } = await browser.go(`${app}/`, isCallback);
    await browser.go(`${wiki}/`, isCallback);
    const answer = await browser.load(`${wiki}/.vestibule/callback?code=${codeOf(url)}`);
    expect(answer.status).toBe(403);
    expect(browser.sessionOn(wikiHost)).toBeUndefined();
    // It is used up.
    expect((await browser.load(url)).status).toBe(403);
  });

  it('is redeemed once, also when many try at the same time', async () => {
    const browser = await newBrowser();
    const { url } = await browser.go(`${app}/`, isCallback);
    const cookie = browser.cookieHeader(appHost);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => browser.load(url, { headers: { cookie } })),
    );
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(19);
    expect((await browser.load(url, { headers: { cookie } })).status).toBe(403);
  });

  it('is of no use in another browser, with or without an attempt of its own [login CSRF]', async () => {
    const attacker = await newBrowser();
    const { url } = await attacker.go(`${app}/`, isCallback);
    const victim = new HostBrowser(gateway);
    expect((await victim.load(url)).status).toBe(403);
    await victim.load(`${app}/.vestibule/login`);
    expect((await victim.load(url)).status).toBe(403);
    expect(victim.sessionOn(appHost)).toBeUndefined();
  });

  it('of a browser that is logged in there already, as by the back button, leads to its path and sets no session', async () => {
    const browser = await newBrowser();
    const { url: request } = await browser.go(
      `${app}/page`,
      ({ pathname }) => pathname === '/auth/hosts/authorize',
    );
    await browser.go(request);
    const kept = browser.sessionOn(appHost);
    expect((await browser.go(request)).url).toBe(`${app}/page`);
    expect(browser.sessionOn(appHost)).toBe(kept);
    // Not with the code of another session.
    const attacker = await newBrowser();
    const { url } = await attacker.go(`${app}/`, isCallback);
    expect((await browser.load(url)).status).toBe(403);
    expect(browser.sessionOn(appHost)).toBe(kept);
  });

  it('that is shown in another browser is good for no one, not even for an attacker who began the login [chosen challenge]', async () => {
    const attacker = new HostBrowser(gateway);
    const { url: request } = await attacker.go(
      `${app}/`,
      ({ pathname }) => pathname === '/auth/hosts/authorize',
    );
    const victim = await newBrowser();
    const { url } = await victim.go(request, isCallback);
    expect((await victim.load(url)).status).toBe(403);
    // It has leaked, by a log or a script on that page.
    expect((await attacker.load(url)).status).toBe(403);
    expect(attacker.sessionOn(appHost)).toBeUndefined();
    expect(victim.sessionOn(appHost)).toBeUndefined();
  });

  it('expires after 30 seconds', async () => {
    const browser = await newBrowser();
    const inTime = await browser.go(`${app}/`, isCallback);
    gateway.shiftClock(28);
    expect((await browser.load(inTime.url)).status).toBe(303);
    gateway.shiftClock(0);
    const late = await browser.go(`${app}/.vestibule/login`, isCallback);
    gateway.shiftClock(31);
    expect((await browser.load(late.url)).status).toBe(403);
  });

  it('of a session that was ended meanwhile, or whose user was disabled, is refused', async () => {
    const session = await gateway.session();
    const browser = new HostBrowser(gateway, session);
    const { url } = await browser.go(`${app}/`, isCallback);
    await gateway.request('/auth/logout', { method: 'POST', headers: { cookie: session.cookie } });
    expect((await browser.load(url)).status).toBe(403);
    const other = await gateway.session();
    const second = new HostBrowser(gateway, other);
    const callback = await second.go(`${app}/`, isCallback);
    const { query } = gateway.app.get(Database, { strict: false });
    await query
      .updateTable('users')
      .set({ disabled_at: Date.now() })
      .where('id', '=', other.user.id)
      .execute();
    expect((await second.load(callback.url)).status).toBe(403);
    expect(second.sessionOn(appHost)).toBeUndefined();
  });

  it('of a login by an organisation’s connection, whose user is a member elsewhere by now, is refused [A08]', async () => {
    const issuer = await plantConnection(gateway, await plantOrg(gateway, 'home', {}));
    const session = await gateway.session({ issuer });
    const browser = new HostBrowser(gateway, session);
    const { url } = await browser.go(`${app}/`, isCallback);
    await plantOrg(gateway, 'elsewhere', { member: session });
    expect((await browser.load(url)).status).toBe(403);
    expect(browser.sessionOn(appHost)).toBeUndefined();
  });

  it('is in the database as a hash only, and leads to the path of its row alone', async () => {
    const browser = await newBrowser();
    const { url } = await browser.go(`${app}/mine`, isCallback);
    const rows = await gateway.app
      .get(HostDatabase, { strict: false })
      .query.selectFrom('host_codes')
      .selectAll()
      .execute();
    expect(JSON.stringify(rows)).not.toContain(codeOf(url));
    expect(JSON.stringify(gateway.log)).not.toContain(codeOf(url));
    const answer = await browser.load(`${url}&return_to=/evil`);
    expect(answer.headers['location']).toBe(`${app}/mine`);
  });

  it.each(['', 'x', 'a'.repeat(43), 'ü', '%00', 'x&code=y'])('made up, %j, is refused', async (code) => {
    const browser = await newBrowser();
    await browser.load(`${app}/.vestibule/login`);
    expect((await browser.load(`${app}/.vestibule/callback?code=${code}`)).status).toBe(403);
  });

  it('that is made up costs one statement if it has the form of a code, none otherwise, and adds no row', async () => {
    const browser = new HostBrowser(gateway);
    const before = await rowsOf('host_codes');
    const costOf = async (code: string): Promise<number> => {
      const start = asked();
      await browser.load(`${app}/.vestibule/callback?code=${code}`);
      return asked() - start;
    };
    for (const open of [false, true]) {
      if (open) {
        await browser.load(`${app}/.vestibule/login`);
      }
      expect(await costOf('a'.repeat(42))).toBe(0);
      for (let count = 0; count < 50; count += 1) {
        expect(await costOf(String(count).padStart(43, 'b'))).toBe(1);
      }
    }
    expect(await rowsOf('host_codes')).toBe(before);
  });

  it('that expired is removed when the next one is made', async () => {
    const browser = await newBrowser();
    await browser.go(`${app}/`, isCallback);
    expect(await rowsOf('host_codes')).toBeGreaterThan(0);
    gateway.shiftClock(31);
    await browser.go(`${app}/.vestibule/login`, isCallback);
    expect(await rowsOf('host_codes')).toBe(1);
  });
});

const hostile = [
  '//evil.test',
  '/\\evil.test',
  '/%2Fevil.test',
  '/%252fevil.test',
  '/%5cevil.test',
  '/%09/evil.test',
  'https://evil.test',
  'https://app.example.com@evil.test',
  'javascript:alert(1)',
  '/.//evil.test',
  '/@evil.test',
  '/%0d%0aLocation:%20https://evil.test',
  '/\u2028/evil.test',
  '/.vestibule/login',
  '/.vestibule/callback?code=x',
  '/.%76estibule/logout',
  '/x/../.vestibule/login',
  '',
];

describe('a return_to', () => {
  it.each(hostile)('%j leads to / of the host, at the login and at the request for a code', async (value) => {
    const browser = await newBrowser();
    const login = `${app}/.vestibule/login?${new URLSearchParams({ return_to: value })}`;
    expect((await browser.go(login)).url).toBe(`${app}/`);
    const { url } = await browser.go(
      `${app}/.vestibule/login`,
      ({ pathname }) => pathname === '/auth/hosts/authorize',
    );
    const forged = new URL(url);
    forged.searchParams.set('return_to', value);
    expect((await browser.go(forged.href)).url).toBe(`${app}/`);
  });

  it('that is given twice, or too long for the way through the login, leads to /', async () => {
    const browser = await newBrowser();
    expect((await browser.go(`${app}/.vestibule/login?return_to=/a&return_to=/b`)).url).toBe(`${app}/`);
    expect((await (await newBrowser()).go(`${app}/${'%C3%BC'.repeat(250)}`)).url).toBe(`${app}/`);
    const long = `${app}/${'a'.repeat(1500)}?q=%C3%BC`;
    expect((await (await newBrowser()).go(long)).url).toBe(long);
  });

  it.each(['/auth/login', '/ui/login?x=1', '/docs?next=https://example.test/a', '/a;b=c,d:e'])(
    '%s, a path of the application, is kept',
    async (path) => {
      expect((await (await newBrowser()).go(app + path)).url).toBe(app + path);
    },
  );
});

describe('a host', () => {
  it.each([
    'evil.example.com',
    'xapp.example.com',
    'app.example.com.evil.net',
    'app.example.com.',
    'app.example.com:8443',
    'app.example.com:443',
    'app.example.com@evil.net',
    'apps.example.com',
    'evilapps.example.com',
    'a.apps.example.com.evil.net',
    '.apps.example.com',
    'a..apps.example.com',
    '-a.apps.example.com',
    'a_b.apps.example.com',
    'ä.apps.example.com',
    '*.apps.example.com',
    'auth.example.org.',
  ])('%s is none of them: 421, and no code for it', async (host) => {
    const answer = await ask(host, { accept: 'text/html' }, '?redirect=true');
    expect([400, 421]).toContain(answer.status);
    expect(answer.headers).not.toHaveProperty('location');
    const login = await gateway.request('/.vestibule/login', { headers: { host } });
    expect([400, 421]).toContain(login.status);
    const browser = await newBrowser();
    const challenge = 'a'.repeat(43);
    const code = await browser.load(
      `${publicUrl}/auth/hosts/authorize?${new URLSearchParams({ host, challenge })}`,
    );
    expect(code.status).toBe(421);
    expect(code.headers).not.toHaveProperty('location');
  });

  it.each([
    'APP.example.com',
    'a.apps.example.com',
    'A.b.APPS.example.com',
    'xn--bcher-kva.apps.example.com',
  ])('%s is one of them, in lower case', async (host) => {
    const answer = await gateway.request('/.vestibule/login', { headers: { host, accept: 'text/html' } });
    expect(answer.status).toBe(303);
    expect(new URL(answer.headers['location'] ?? '').searchParams.get('host')).toBe(host.toLowerCase());
  });

  it('is told by X-Forwarded-Host of a trusted proxy alone', async () => {
    const forged = { host: 'auth.example.org', 'x-forwarded-host': 'app.example.com' };
    expect(
      (await gateway.request('/.vestibule/login', { headers: { ...forged, accept: 'text/html' } })).status,
    ).toBe(303);
    const stranger = await startGateway({ PUBLIC_URL: publicUrl, PROTECTED_HOSTS: 'app.example.com' });
    try {
      expectProblem(await stranger.request('/.vestibule/login', { headers: forged }), 404, 'not_found');
      const named = { host: 'app.example.com', 'x-forwarded-host': 'evil.example', accept: 'text/html' };
      expect((await stranger.request('/.vestibule/login', { headers: named })).status).toBe(303);
    } finally {
      await stranger.stop();
    }
  });

  it('is not told by the request line, nor by a second Host header', async () => {
    await gateway.app.listen(0, '127.0.0.1');
    const { port } = z.looseObject({ port: z.number() }).parse(gateway.app.getHttpServer().address());
    const at = async (path: string, host: string) => {
      const headers = { host, accept: 'text/html' };
      const { status, headers: answered } = await rawRequest(`http://127.0.0.1:${port}`, { path, headers });
      return [status, answered.has('location')];
    };
    expect(await at('/.vestibule/login', appHost)).toEqual([303, true]);
    for (const host of ['evil.example', appHost, 'auth.example.org']) {
      const [status, leads] = await at(`${app}/.vestibule/login`, host);
      expect([400, 404, 421]).toContain(status);
      expect(leads).toBe(false);
    }
    // As Node joins the values of two headers.
    for (const host of [
      `${appHost}, evil.example`,
      `evil.example, ${appHost}`,
      `user@${appHost}`,
      `${appHost}/x`,
    ]) {
      const [status, leads] = await at('/.vestibule/login', host);
      expect([400, 421]).toContain(status);
      expect(leads).toBe(false);
    }
  });

  it('serves its own routes and the question, and nothing else of the gateway', async () => {
    const session = await gateway.session();
    for (const path of [
      '/',
      '/auth/login',
      '/auth/session',
      '/auth/logout',
      '/auth/verifyx',
      '/ui/login',
      '/api/v1/me',
      '/auth/hosts/authorize',
    ]) {
      const answer = await gateway.request(path, { headers: { host: appHost, cookie: session.cookie } });
      expect([path, answer.status]).toEqual([path, 421]);
    }
    for (const path of [
      '/.vestibule/nothing',
      '/.vestibule/../auth/session',
      '/.vestibule/%2e%2e/auth/session',
    ]) {
      expect([path, (await gateway.request(path, { headers: { host: appHost } })).status]).not.toEqual([
        path,
        200,
      ]);
    }
    for (const path of ['/.vestibule/login', '/.vestibule/callback?code=x']) {
      expectProblem(
        await gateway.request(path, { headers: { accept: 'application/json' } }),
        404,
        'not_found',
      );
    }
  });

  it('that a longer pattern or its own name matches has those requirements', async () => {
    const browser = await newBrowser();
    expect((await browser.go('https://x.apps.example.com/')).status).toBe(200);
    expect((await browser.go('https://x.deep.apps.example.com/')).status).toBe(403);
    expect((await browser.go('https://one.deep.apps.example.com/')).status).toBe(200);
  });
});

describe('a cookie, bearer or key', () => {
  it('of one host is refused at another and at the gateway, in either order [cookie tossing]', async () => {
    const browser = await newBrowser();
    const atApp = tokenOf(await browser.go(`${app}/`));
    const atWiki = tokenOf(await browser.go(`${wiki}/`));
    // Twice each, so that the second answer could come from the cache.
    for (let round = 0; round < 3; round += 1) {
      const cookie = browser.cookieHeader(appHost);
      expect((await ask(appHost, { cookie })).status).toBe(200);
      expect((await ask(wikiHost, { cookie })).status).toBe(401);
      expect((await ask('auth.example.org', { cookie })).status).toBe(401);
      expect((await gateway.request('/auth/session', { headers: { cookie } })).status).toBe(401);
      expect((await ask(appHost, { cookie: browser.cookieHeader(wikiHost) })).status).toBe(401);
      expect((await ask(appHost, { cookie: browser.cookieHeader('auth.example.org') })).status).toBe(401);
      expect((await ask(appHost, { authorization: `Bearer ${atApp}` })).status).toBe(200);
      expect((await ask(wikiHost, { authorization: `Bearer ${atApp}` })).status).toBe(401);
      expect((await ask(appHost, { authorization: `Bearer ${atWiki}` })).status).toBe(401);
      for (const path of ['/auth/session', '/api/v1/me', '/auth/sessions']) {
        const answer = await gateway.request(path, { headers: { authorization: `Bearer ${atApp}` } });
        expect([path, answer.status]).toEqual([path, 401]);
      }
    }
  });

  it('of one host can’t be exchanged at the token endpoint, and shows no one on the pages', async () => {
    const browser = await newBrowser();
    const token = tokenOf(await browser.go(`${app}/`));
    const exchanged = await gateway.request('/auth/token', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      }).toString(),
    });
    expect(exchanged.status).toBeGreaterThanOrEqual(400);
    const cookie = browser.cookieHeader(appHost);
    const page = await gateway.request('/', { headers: { cookie, accept: 'text/html' } });
    expect(page.text).not.toContain('action="/auth/logout"');
  });

  it('of the gateway itself is no bearer on a host: its upstream would get a token for the gateway', async () => {
    const { token } = await gateway.session();
    expect((await ask('auth.example.org', { authorization: `Bearer ${token}` })).status).toBe(200);
    expect((await ask(appHost, { authorization: `Bearer ${token}` })).status).toBe(401);
  });

  it('that is planted beside the real one, as from a sub-domain, opens nothing', async () => {
    const browser = await newBrowser();
    await browser.go(`${app}/`);
    const own = browser.cookieHeader(appHost);
    const attacker = await newBrowser();
    await attacker.go(`${app}/`);
    const planted = attacker.cookieHeader(appHost);
    for (const cookie of [`${own}; ${planted}`, `${planted}; ${own}`]) {
      expect((await ask(appHost, { cookie })).status).toBe(401);
    }
    const name = `__Host-vestibule-host-login.${'a'.repeat(16)}`;
    const callback = await gateway.request('/.vestibule/callback?code=x', {
      headers: { host: appHost, cookie: `${name}=x; ${name}=y`, accept: 'text/html' },
    });
    expect(callback.status).toBe(403);
  });

  it('an API key opens every host whose requirements its owner meets, and each host gets a bearer of its own', async () => {
    const key = await keyOf(gateway.app, world.userIds.administrator, 'api');
    for (const origin of [app, wiki, 'https://admin.example.com', app]) {
      const answer = await ask(new URL(origin).host, { 'x-api-key': key });
      expect(answer.status).toBe(200);
      expect(decodeJwt(tokenOf(answer)).aud).toBe(origin);
    }
    const own = await ask('auth.example.org', { 'x-api-key': key });
    expect(decodeJwt(tokenOf(own)).aud).toBe(publicUrl);
    const plain = await keyOf(gateway.app, world.userIds.stranger, 'api');
    expect((await ask('admin.example.com', { 'x-api-key': plain })).status).toBe(403);
    const narrow = await keyOf(gateway.app, world.userIds.administrator, 'profile:read');
    expect((await ask('admin.example.com', { 'x-api-key': narrow })).status).toBe(403);
    expect((await ask('admin.example.com', { 'x-api-key': narrow }, '?scope=profile:read')).status).toBe(200);
  });
});

describe('a renewal', () => {
  it('keeps each host’s audience, also when all hosts renew at once', async () => {
    const browser = await newBrowser();
    await browser.go(`${app}/`);
    await browser.go(`${wiki}/`);
    // Kratos isn't there in this test: the grace period renews.
    gateway.shiftClock(700);
    const [atApp, atWiki, own] = await Promise.all([
      browser.load(`${app}/`),
      browser.load(`${wiki}/`),
      browser.load(`${publicUrl}/auth/session`, {
        headers: { accept: 'application/json', 'sec-fetch-mode': 'cors' },
      }),
    ]);
    expect([atApp.status, atWiki.status, own.status]).toEqual([200, 200, 200]);
    expect(atApp.cookies[0]).toMatch(/^__Host-vestibule=/);
    expect(atApp.headers['cache-control']).toBe('no-store');
    expect(decodeJwt(tokenOf(atApp)).aud).toBe(app);
    expect(decodeJwt(tokenOf(atWiki)).aud).toBe(wiki);
    expect(own.json()).toMatchObject({ claims: { aud: publicUrl } });
    expect((await browser.load(`${app}/`)).status).toBe(200);
    expect((await browser.load(`${wiki}/`)).status).toBe(200);
  });
});

describe('what a host requires', () => {
  it('is decided before there is a code: a user without the role is told, and not sent back and forth', async () => {
    const browser = await newBrowser();
    const answer = await browser.go('https://admin.example.com/');
    expect([answer.status, new URL(answer.url).origin]).toEqual([403, publicUrl]);
    expect(browser.sessionOn('admin.example.com')).toBeUndefined();
  });

  it('that a user loses is a 403 at the next renewal, without a redirect', async () => {
    const identity = newIdentity();
    const session = await gateway.session(identity);
    await promote(gateway.app, session.user.id);
    const { query } = gateway.app.get(Database, { strict: false });
    const browser = new HostBrowser(gateway, await gateway.session(identity));
    expect((await browser.go('https://admin.example.com/')).status).toBe(200);
    await query.updateTable('users').set({ role: 'user' }).where('id', '=', session.user.id).execute();
    gateway.shiftClock(700);
    const answer = await browser.load('https://admin.example.com/');
    expect(answer.status).toBe(403);
    expect(answer.headers).not.toHaveProperty('location');
  });

  it('that a user loses by a change here is a 403 at the next request', async () => {
    const identity = newIdentity();
    const { user } = await gateway.session(identity);
    await promote(gateway.app, user.id);
    const browser = new HostBrowser(gateway, await gateway.session(identity));
    expect((await browser.go('https://admin.example.com/')).status).toBe(200);
    const { cookie } = await administratorAt(gateway);
    const as = { cookie, origin: publicUrl };
    const change = await send(gateway, 'PATCH', `/api/v1/users/${user.id}`, as, { role: 'user' });
    expect(change.status).toBe(200);
    expect((await browser.load('https://admin.example.com/')).status).toBe(403);
  });

  it('a second factor is asked for by a login with one, and then it opens', async () => {
    const browser = await newBrowser();
    const { url } = await browser.go(
      'https://safe.example.com/x',
      ({ pathname }) => pathname === '/auth/login',
    );
    expect(new URL(url).searchParams.get('acr_values')).toBe('aal2');
    browser.plant(
      'auth.example.org',
      gateway.cookieName,
      (await gateway.session({}, {}, { acr: 'aal2' })).sealed,
    );
    const back = await browser.go(publicUrl + String(new URL(url).searchParams.get('return_to')));
    expect([back.status, back.url]).toEqual([200, 'https://safe.example.com/x']);
  });

  it('a second factor that the proxy requires of a path is asked for in the same way', async () => {
    const browser = await newBrowser();
    expect((await browser.go(`${app}/`)).status).toBe(200);
    const { url } = await browser.go(`${app}/x`, ({ pathname }) => pathname === '/auth/login', '&acr=aal2');
    expect(new URL(url).searchParams.get('acr_values')).toBe('aal2');
    const script = await ask(appHost, { cookie: browser.cookieHeader(appHost) }, '?acr=aal2&redirect=true');
    expect(script.status).toBe(401);
    expect(script.json()).toMatchObject({
      code: 'reauthentication_required',
      loginUrl: '/.vestibule/login?acr_values=aal2',
    });
    expect(script.headers['www-authenticate']).toBe(
      `Bearer error="insufficient_user_authentication", acr_values="aal2", login_uri="${app}/.vestibule/login?acr_values=aal2"`,
    );
  });

  it.each([
    ['of the host', 'https://proven.example.com/x', ''],
    ['of a path', `${app}/x`, '&verified=true'],
  ])('a verified address %s is asked for at the gateway, and then it opens', async (_name, target, query) => {
    const identity = newIdentity({ emailVerified: false });
    const session = await gateway.session(identity);
    const browser = new HostBrowser(gateway, session);
    const { url } = await browser.go(target, ({ pathname }) => pathname === '/ui/verification', query);
    expect(new URL(url).pathname).toBe('/ui/verification');
    const returnTo = String(new URL(url).searchParams.get('return_to'));
    expect(returnTo).toMatch(/^\/auth\/hosts\/authorize\?/);
    const { query: database } = gateway.app.get(Database, { strict: false });
    await database
      .updateTable('users')
      .set({ email_verified: 1 })
      .where('id', '=', session.user.id)
      .execute();
    const verified = await gateway.session({ ...identity, emailVerified: true });
    expect(verified.claims.email_verified).toBe(true);
    browser.plant('auth.example.org', gateway.cookieName, verified.sealed);
    const back = await browser.go(publicUrl + returnTo, undefined, query);
    expect([back.status, back.url]).toEqual([200, target]);
  });
});

describe('a request without a session', () => {
  const fetched = { accept: '*/*', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' };
  const socket = { 'sec-websocket-key': 'x', upgrade: 'websocket', connection: 'upgrade', origin: app };

  it.each([
    ['fetch', fetched],
    ['a WebSocket', { ...socket, 'sec-fetch-mode': 'websocket' }],
    ['a WebSocket of an old browser', socket],
    ['a program', { accept: '*/*' }],
  ])('of %s gets a 401 that states where to log in, never a redirect', async (_name, headers) => {
    const answer = await ask(appHost, { ...headers, 'x-forwarded-uri': '/api' }, '?redirect=true');
    expect(answer.status).toBe(401);
    expect(answer.headers).not.toHaveProperty('location');
    expect(answer.json()).toMatchObject({ code: 'unauthenticated', loginUrl: '/.vestibule/login' });
    expect(answer.headers['www-authenticate']).toBe(`Bearer login_uri="${app}/.vestibule/login"`);
  });

  it('of a script gets the same at the login itself, and a bad bearer is named', async () => {
    const login = await gateway.request('/.vestibule/login', { headers: { host: appHost, ...fetched } });
    expect(login.status).toBe(401);
    expect(login.json()).toMatchObject({ loginUrl: '/.vestibule/login' });
    expect(login.cookies).toEqual([]);
    const bad = await ask(appHost, { ...fetched, authorization: 'Bearer x.y.z' });
    expect(bad.headers['www-authenticate']).toBe(
      `Bearer error="invalid_token", login_uri="${app}/.vestibule/login"`,
    );
  });

  it('a WebSocket and a POST of another origin are refused with a session, and those of the host’s own pass', async () => {
    const browser = await newBrowser();
    await browser.go(`${app}/`);
    const cookie = browser.cookieHeader(appHost);
    for (const origin of [
      'https://evil.example',
      wiki,
      publicUrl,
      'https://app.example.com:8443',
      'http://app.example.com',
    ]) {
      expect((await ask(appHost, { ...socket, cookie, origin })).status).toBe(403);
      expect((await ask(appHost, { cookie, origin, 'x-forwarded-method': 'POST' })).status).toBe(403);
      const envoy = await gateway.request('/auth/verify/session/x', {
        method: 'POST',
        headers: { host: appHost, cookie, origin },
      });
      expect(envoy.status).toBe(403);
    }
    expect((await ask(appHost, { ...socket, cookie })).status).toBe(200);
    expect((await ask(appHost, { cookie, origin: app, 'x-forwarded-method': 'POST' })).status).toBe(200);
    const envoy = await gateway.request('/auth/verify/session/x', {
      method: 'POST',
      headers: { host: appHost, cookie, origin: app },
    });
    expect(envoy.status).toBe(200);
  });
});

describe('the routes of a login', () => {
  const steps = async (browser: HostBrowser): Promise<readonly string[]> => {
    const { url: authorizeUrl } = await browser.go(
      `${app}/`,
      ({ pathname }) => pathname === '/auth/hosts/authorize',
    );
    const { url } = await browser.go(authorizeUrl, isCallback);
    return [`${app}/.vestibule/login`, authorizeUrl, url];
  };

  it.each([
    ['a frame', { 'sec-fetch-dest': 'iframe' }, 403],
    ['a picture', { 'sec-fetch-dest': 'image', 'sec-fetch-mode': 'no-cors' }, 403],
    ['a prefetch', { 'sec-purpose': 'prefetch' }, 403],
    ['a prerendered page', { 'sec-purpose': 'prefetch;prerender' }, 403],
    ['the script of a service worker', { 'service-worker': 'script' }, 403],
  ])('do nothing in %s', async (_name, headers, status) => {
    const browser = await newBrowser();
    const targets = await steps(browser);
    const before = await rowsOf('host_codes');
    for (const target of targets) {
      const answer = await browser.load(target, { headers });
      expect([401, status]).toContain(answer.status);
      expect(answer.headers).not.toHaveProperty('location');
      expect(answer.cookies).toEqual([]);
    }
    expect(await rowsOf('host_codes')).toBe(before);
    expect((await browser.go(targets[2] ?? '')).status).toBe(200);
  });

  it('do nothing for HEAD, and POST isn’t theirs', async () => {
    const browser = await newBrowser();
    const targets = await steps(browser);
    const before = await rowsOf('host_codes');
    for (const target of targets) {
      const { origin } = new URL(target);
      expect((await browser.load(target, { method: 'HEAD' })).status).toBe(405);
      expect((await browser.load(target, { method: 'POST', headers: { origin } })).status).toBe(405);
    }
    expect(await rowsOf('host_codes')).toBe(before);
    expect((await browser.go(targets[2] ?? '')).status).toBe(200);
  });

  it('are limited by address', async () => {
    const limited = await startGateway({
      PUBLIC_URL: publicUrl,
      PROTECTED_HOSTS: 'app.example.com',
      RATE_LIMIT: 'true',
      RATE_LIMIT_POLICIES: 'start-address=5/1m',
    });
    try {
      const browser = new HostBrowser(limited, await limited.session());
      const statuses: number[] = [];
      for (let count = 0; count < 8; count += 1) {
        statuses.push((await browser.load(`${app}/.vestibule/callback?code=${'c'.repeat(43)}`)).status);
      }
      expect(statuses).toEqual([403, 403, 403, 403, 403, 429, 429, 429]);
    } finally {
      await limited.stop();
    }
  });
});

describe('an error page on a host', () => {
  it('has the gateway’s files and links, no script and no form, and starts again on the host', async () => {
    const browser = await newBrowser();
    await browser.go(`${app}/`);
    const { status, text, headers } = await browser.load(`${app}/.vestibule/callback?code=x`);
    expect(status).toBe(403);
    expect(text).toContain(`<base href="${publicUrl}/"`);
    expect(text).toContain(`href="${app}/.vestibule/login"`);
    expect(text).not.toMatch(/<script|<form/);
    expect(headers['content-security-policy']).toBe(
      `default-src 'none';style-src ${publicUrl};img-src ${publicUrl};base-uri ${publicUrl};form-action 'none';frame-ancestors 'none'`,
    );
    const [, file = ''] = /rel="stylesheet" href="([^"]+)"/.exec(text) ?? [];
    const sheet = await gateway.request(file);
    expect([sheet.status, sheet.headers['cross-origin-resource-policy']]).toEqual([200, 'cross-origin']);
  });

  it('of the question says what is missing, and leads to the gateway or to the host’s login', async () => {
    const browser = await newBrowser();
    await browser.go(`${app}/`);
    const cookie = browser.cookieHeader(appHost);
    const page = { cookie, accept: 'text/html', 'sec-fetch-mode': 'navigate' };
    const role = await ask(appHost, page, '?role=admin&redirect=true');
    expect(role.status).toBe(403);
    expect(role.text).toContain(`<base href="${publicUrl}/"`);
    const factor = await ask(appHost, page, '?acr=aal2');
    expect(factor.status).toBe(401);
    expect(factor.text).toContain(`href="${app}/.vestibule/login?acr_values=aal2"`);
  });
});
