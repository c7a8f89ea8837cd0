import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HeldSession } from '../support/gateway.js';
import { type PreparedHydra, startPreparedHydra } from '../support/prepared.hydra.js';
import { startWayIn, statusesOf, type WayIn, waysIn } from './way.in.js';

const attempts = 40;

describe.each(waysIn)('a request that comes %s', (way) => {
  let hydra: PreparedHydra;
  let door: WayIn;
  let ada: HeldSession;
  let eve: HeldSession;

  beforeAll(async () => {
    hydra = await startPreparedHydra();
    door = await startWayIn(way, {
      HYDRA_ADMIN_URL: hydra.url,
      RATE_LIMIT: 'true',
      RATE_LIMIT_POLICIES: `credential-address=${attempts}/1h`,
    });
    ada = await door.gateway.session({ name: 'Ada' });
    eve = await door.gateway.session({ name: 'Eve' });
  });

  afterAll(async () => {
    await door?.stop();
    await hydra?.stop();
  });

  /** One request. @param line its first line, without the version. @param headers each with its line end. */
  async function ask(line: string, headers = '', body = '', host = door.host): Promise<string> {
    const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
    return door.send(`${line} HTTP/1.1\r\n${host}Connection: close\r\n${length}${headers}\r\n${body}`);
  }

  const json = 'Content-Type: application/json\r\n';

  async function expectAlive(): Promise<void> {
    expect(statusesOf(await ask('GET /api/v1/me', `Cookie: ${ada.cookie}\r\n`))).toEqual([200]);
  }

  it.each([
    '//api/v1/me',
    '/%61pi/v1/me',
    '/api%2Fv1/me',
    '/api/v1/./me',
    '/docs/../api/v1/me',
    '/docs/..%2fapi/v1/me',
    '/docs/%2e%2e/api/v1/me',
    '/api/v1/me/',
    '/api/v1/me%00',
    '/api/v1/me;a',
    '/api/v1/me%3f',
    '/API/v1/me',
    '/\\api\\v1\\me',
    '/assets/..%5c..%5capi%2fv1%2fme',
  ])('%s opens no guarded route, whatever the method [W02]', async (path) => {
    for (const method of ['GET', 'HEAD', 'POST']) {
      const [status] = statusesOf(await ask(`${method} ${path}`));
      expect([400, 401, 403, 404, 405], `${method} ${path}`).toContain(status);
    }
  });

  it('an address in place of a path is no way around a guard [W02]', async () => {
    const { host } = new URL(door.gateway.configuration.PUBLIC_URL);
    for (const target of [`https://${host}/api/v1/me`, 'http://evil.example/api/v1/me', '*']) {
      const [status] = statusesOf(await ask(`GET ${target}`));
      expect([400, 401, 404, 421], target).toContain(status);
    }
  });

  it('who somebody is cannot be said by a header [W03]', async () => {
    for (const name of [
      'X-Auth-User',
      'X-Auth-Subject',
      'X-Auth-Roles',
      'X-Forwarded-User',
      'X_Auth_User',
      'X-Remote-User',
    ]) {
      expect(statusesOf(await ask('GET /api/v1/me', `${name}: ${ada.user.id}\r\n`))).toEqual([401]);
    }
  });

  it('what the request was cannot be said by a header [W03]', async () => {
    const said = ['X-Forwarded-Host: evil.example', 'Forwarded: host=evil.example;proto=http'];
    const answer = await ask('GET /auth/login', said.map((line) => `${line}\r\n`).join(''));
    expect(statusesOf(answer)).toEqual([302]);
    const { PUBLIC_URL: own } = door.gateway.configuration;
    const target = new URL(/^location: (.*)\r$/im.exec(answer)?.[1] ?? '');
    expect([target.origin, target.searchParams.get('redirect_uri')]).toEqual([own, `${own}/auth/callback`]);
    expect(answer).not.toContain('evil.example');
    const path =
      'X-Original-URL: /health/live\r\nX-Rewrite-URL: /health/live\r\nX-Forwarded-Uri: /health/live\r\n';
    expect(statusesOf(await ask('GET /api/v1/me', path))).toEqual([401]);
    const method = 'X-HTTP-Method-Override: POST\r\n';
    expect(statusesOf(await ask('GET /auth/logout', method))).toEqual([405]);
  });

  it('a foreign Host, none, or two are refused [W04]', async () => {
    const statusAt = async (host: string): Promise<number | undefined> =>
      statusesOf(await ask('GET /auth/login', '', '', host))[0];
    expect(await statusAt('Host: evil.example\r\n')).toBe(421);
    expect(await statusAt(`${door.host.trim()}.evil.example\r\n`)).toBe(421);
    expect([400, 421]).toContain(await statusAt(`Host: evil.example\r\nX-Forwarded-Host: localhost\r\n`));
    expect(await statusAt('')).toBe(400);
    expect([400, 421]).toContain(await statusAt(`${door.host}Host: evil.example\r\n`));
    expect([400, 421]).toContain(await statusAt(`Host: evil.example\r\n${door.host}`));
  });

  it.each(['Bearer %', 'Bearer %00', 'Bearer', 'Bearer a b', 'Basic YTpi'])(
    'Authorization: %s is 401, also beside a live cookie [W05]',
    async (value) => {
      const header = `Authorization: ${value}\r\n`;
      expect(statusesOf(await ask('GET /api/v1/me', header))).toEqual([401]);
      expect(statusesOf(await ask('GET /api/v1/me', `${header}Cookie: ${ada.cookie}\r\n`))).toEqual([401]);
    },
  );

  it('two cookies of one name, in either order, are nobody [T17]', async () => {
    for (const cookie of [
      `${ada.cookie}; ${eve.cookie}`,
      `${eve.cookie}; ${ada.cookie}`,
      `${door.gateway.cookieName}=; ${ada.cookie}`,
    ]) {
      expect(statusesOf(await ask('GET /api/v1/me', `Cookie: ${cookie}\r\n`))).toEqual([401]);
    }
    const headers = `Cookie: ${ada.cookie}\r\nCookie: ${eve.cookie}\r\n`;
    expect(statusesOf(await ask('GET /api/v1/me', headers))).toEqual([401]);
  });

  it('a cookie under a name that only looks like ours is nobody, and beside ours it does nothing [T18]', async () => {
    for (const disguised of [
      `=${eve.cookie}`,
      `\u00E2\u0080\u0080${eve.cookie}`,
      `\u00C2\u00A0${eve.cookie}`,
      eve.cookie.replace('__Host-', '__host-'),
    ]) {
      expect(statusesOf(await ask('GET /api/v1/me', `Cookie: ${disguised}\r\n`))).toEqual([401]);
      const beside = await ask('GET /api/v1/me', `Cookie: ${disguised}; ${ada.cookie}\r\n`);
      expect(statusesOf(beside)).toEqual([200]);
      expect(beside).toContain(ada.user.id);
    }
  });

  it('a logout by GET is 405, by another site 403, and the session goes on [L02] [L03]', async () => {
    const cookie = `Cookie: ${ada.cookie}\r\n`;
    expect(statusesOf(await ask('GET /auth/logout', cookie))).toEqual([405]);
    const { hostname, port } = new URL(door.gateway.configuration.PUBLIC_URL);
    for (const origin of ['null', `https://${hostname}:${port}0`, `https://${hostname}.evil.example`]) {
      const answer = await ask('POST /auth/logout', `${cookie}Origin: ${origin}\r\n`);
      expect(statusesOf(answer), origin).toEqual([403]);
      expect(answer).not.toMatch(/^(?:set-cookie|access-control)/im);
    }
    const site = 'Sec-Fetch-Site: cross-site\r\n';
    expect(statusesOf(await ask('POST /auth/logout', `${cookie}${site}`))).toEqual([403]);
    await expectAlive();
  });

  it('__proto__ in a header does nothing, in JSON it is 400 [W06]', async () => {
    expect(statusesOf(await ask('GET /api/v1/me', '__proto__: {"admin":true}\r\n'))).toEqual([401]);
    const body = '{"accessToken":"x","__proto__":{"admin":true}}';
    expect(statusesOf(await ask('POST /auth/login', json, body))).toEqual([400]);
    expect(Reflect.get({}, 'admin')).toBeUndefined();
    await expectAlive();
  });

  it('a body of 10 MB is 413, JSON 10,000 deep 400, a header of 64 kB 431 [W07]', async () => {
    expect(statusesOf(await ask('POST /auth/login', json, 'a'.repeat(10_000_000)))).toEqual([413]);
    const deep = `{"accessToken":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
    expect(statusesOf(await ask('POST /auth/login', json, deep))).toEqual([400]);
    expect(statusesOf(await ask('GET /', `X-Large: ${'a'.repeat(65_536)}\r\n`))).toEqual([431]);
    await expectAlive();
  });

  it.each([
    ['Content-Length with Transfer-Encoding', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'],
    ['Transfer-Encoding twice', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n'],
    ['a disguised Transfer-Encoding', 'Content-Length: 5\r\nTransfer-Encoding : chunked\r\n'],
    ['two lengths', 'Content-Length: 5\r\nContent-Length: 6\r\n'],
  ])('%s is one 400, and no second request is seen in it [W09]', async (_what, headers) => {
    const hidden = `GET /health/live HTTP/1.1\r\n${door.host}\r\n`;
    const received = await door.send(
      `POST /auth/logout HTTP/1.1\r\n${door.host}${headers}\r\n0\r\n\r\n${hidden}`,
    );
    expect(statusesOf(received)).toEqual([400]);
  });

  it('line ends and terminal sequences in a path stay inside one line of every log [W10]', async () => {
    const before = [door.gateway.log.length, (await door.nginx?.log())?.length ?? 0] as const;
    await ask('GET /first%0d%0aforged%1b[31m%c2%85');
    await ask('GET /second\u001B[2J');
    const lines = [
      ...door.gateway.log.slice(before[0]),
      ...((await door.nginx?.log()) ?? []).slice(before[1]),
    ];
    expect(lines.length).toBeGreaterThan(0);
    expect(
      lines.map((line) => line.trimEnd()).filter((line) => /[\p{Cc}\u2028]|^forged/u.test(line)),
    ).toEqual([]);
  });

  it('a key in a query is 400, and in no log [W11] [W15]', async () => {
    const key = 'vst_canary_of_a_key_that_nobody_has';
    expect(statusesOf(await ask(`GET /api/v1/me?api_key=${key}`, `Cookie: ${ada.cookie}\r\n`))).toEqual([
      400,
    ]);
    const lines = [...door.gateway.log, ...((await door.nginx?.log()) ?? [])].join('\n');
    expect(lines).not.toContain(key);
    expect(lines).not.toContain(ada.sealed);
  });

  // The last one: nothing but live credentials passes at this address from here on.
  it('an address that is made up for each guess passes no limit [W03] [W14]', async () => {
    const statuses: (number | undefined)[] = [];
    for (let count = 0; count < attempts + 5; count += 1) {
      const guess = `Authorization: Bearer guess${count}\r\nX-Forwarded-For: 203.0.113.${count}\r\n`;
      statuses.push(statusesOf(await ask('GET /api/v1/me', `${guess}X-Real-IP: 203.0.113.${count}\r\n`))[0]);
    }
    expect(statuses.at(-1)).toBe(429);
    await expectAlive();
  });
});
