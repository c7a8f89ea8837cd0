import fc from 'fast-check';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { headerText } from '../../src/forward-auth/identity-headers.js';
import { isBackground, recordStatements, withoutNotedUses } from '../support/call.counter.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { type Gateway, type GatewayAnswer, type GatewayRequest, startGateway } from '../support/gateway.js';
import { rawRequest } from '../support/raw.request.js';
import { type World, keyOf, makeWorld } from '../support/world.js';

const publicUrl = 'https://auth.example.test';
let gateway: Gateway;
let world: World;

beforeAll(async () => {
  gateway = await startGateway({ PUBLIC_URL: publicUrl, TRUST_PROXY: 'loopback' });
  world = await makeWorld(gateway);
});

afterAll(async () => {
  await gateway?.stop();
});

type Headers = Readonly<Record<string, string>>;

/** What a browser sends when a page is loaded. */
const pageLoad: Headers = {
  accept: 'text/html,application/xhtml+xml',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-site': 'none',
  'sec-fetch-dest': 'document',
};

interface Original {
  readonly method?: GatewayRequest['method'];
  readonly uri?: string;
  readonly headers?: Headers;
}

/** What each proxy sends to `address` for an original request; the sources are named in docs/forward-auth.md. */
const proxies = {
  // http://nginx.org/en/docs/http/ngx_http_auth_request_module.html: always a GET; the headers are the example's.
  nginx: (query: string, { method = 'GET', uri = '/app/', headers = {} }: Original) =>
    gateway.request(`/auth/verify${query}`, {
      headers: {
        ...headers,
        host: 'auth.example.test',
        'x-forwarded-for': '203.0.113.9',
        'x-forwarded-proto': 'https',
        'x-forwarded-method': method,
        'x-forwarded-uri': uri,
      },
    }),
  // Caddy's forward_auth: GET with the original Host.
  caddy: (query: string, { method = 'GET', uri = '/app/', headers = {} }: Original) =>
    gateway.request(`/auth/verify${query}`, {
      headers: {
        ...headers,
        host: 'auth.example.test',
        'x-forwarded-for': '203.0.113.9',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'auth.example.test',
        'x-forwarded-method': method,
        'x-forwarded-uri': uri,
      },
    }),
  // Traefik's ForwardAuth: GET, the Host is the one of its `address`.
  traefik: (query: string, { method = 'GET', uri = '/app/', headers = {} }: Original) =>
    gateway.request(`/auth/verify${query}`, {
      headers: {
        ...headers,
        host: 'vestibule:3000',
        'x-forwarded-for': '203.0.113.9',
        'x-forwarded-proto': 'https',
        'x-forwarded-port': '443',
        'x-forwarded-host': 'auth.example.test',
        'x-forwarded-server': 'traefik-1',
        'x-forwarded-method': method,
        'x-forwarded-uri': uri,
      },
    }),
  // Envoy's ext_authz over HTTP: the original method, the path behind `path_prefix`, no body.
  envoy: (query: string, { method = 'GET', uri = '/app/', headers = {} }: Original) =>
    gateway.request(`/auth/verify/${query === '' ? 'session' : query.slice(1)}${uri}`, {
      method,
      headers: {
        ...headers,
        host: 'auth.example.test',
        'content-length': '0',
        'x-forwarded-for': '203.0.113.9',
        'x-envoy-internal': 'true',
      },
    }),
} satisfies Record<string, (query: string, original: Original) => Promise<GatewayAnswer>>;

const tokenOf = (answer: GatewayAnswer): string =>
  answer.headers['authorization']?.replace('Bearer ', '') ?? '';

describe.each(Object.entries(proxies))('as %s asks', (_name, ask) => {
  it('a session passes, with who it is and the token that is in its cookie', async () => {
    const { cookie, token } = world.sessions.owner;
    const answer = await ask('', { headers: { cookie } });
    expect(answer.status).toBe(200);
    expect(answer.text).toBe('');
    expect(answer.cookies).toEqual([]);
    expect(tokenOf(answer)).toBe(token);
    expect(answer.headers).toMatchObject({
      'x-auth-user': world.userIds.owner,
      'x-auth-email': world.sessions.owner.claims.email,
      'x-auth-name': 'Ada Lovelace',
      'x-auth-org-id': world.orgId,
      'x-auth-org-role': 'owner',
      'x-auth-scope': 'openid api',
      'cache-control': 'no-store',
    });
    expect(answer.headers).not.toHaveProperty('x-auth-roles');
  });

  it('nobody gets a 401 with a challenge; a page load is redirected when that is asked for, and nothing else is', async () => {
    const uri = '/app/list?a=1&b=ü%20x&return_to=//evil.example';
    for (const original of [{}, { headers: pageLoad }, { uri, headers: { accept: 'application/json' } }]) {
      const answer = await ask('', original);
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(answer.headers).not.toHaveProperty('authorization');
    }
    expect((await ask('?redirect=true', { headers: { accept: '*/*' } })).status).toBe(401);
    expect((await ask('?redirect=true', { method: 'POST', headers: pageLoad })).status).toBe(401);
    const sent = await ask('?redirect=true', { uri: encodeURI(decodeURI(uri)), headers: pageLoad });
    expect(sent.status).toBe(302);
    const location = new URL(sent.headers['location'] ?? '');
    expect(location.origin + location.pathname).toBe(`${publicUrl}/auth/login`);
    expect(location.searchParams.get('return_to')).toBe(encodeURI(decodeURI(uri)));
    expect([...location.searchParams]).toHaveLength(1);
  });

  it.each(['//evil.example/x', '/\\evil.example', '/auth/login?x', 'https://evil.example@x/', ''])(
    'a login never comes back to %j',
    async (path) => {
      const uri = ask === proxies.envoy && !path.startsWith('/') ? '//x' : path;
      const answer = await ask('?redirect=true', { uri, headers: pageLoad });
      const location = new URL(answer.headers['location'] ?? publicUrl);
      expect(location.origin).toBe(publicUrl);
      expect(location.searchParams.get('return_to') ?? '/').toBe('/');
    },
  );

  it('the role, the organisation and the role in it are held', async () => {
    const slug = `org-${world.orgId.slice(-12)}`;
    const statuses = async (query: string): Promise<number[]> =>
      Promise.all(
        (['stranger', 'member', 'orgAdmin', 'owner', 'otherOwner', 'administrator'] as const).map(
          async (who) => (await ask(query, { headers: { cookie: world.sessions[who].cookie } })).status,
        ),
      );
    expect(await statuses('?role=admin')).toEqual([403, 403, 403, 403, 403, 200]);
    expect(await statuses(`?org=${slug}`)).toEqual([403, 200, 200, 200, 403, 403]);
    expect(await statuses(`?org=${world.orgId}&org_role=admin`)).toEqual([403, 403, 200, 200, 403, 403]);
    expect(await statuses('?org_role=owner')).toEqual([403, 403, 403, 200, 200, 403]);
    expect(await statuses(`?role=admin&org=${slug}`)).toEqual([403, 403, 403, 403, 403, 403]);
  });

  it('a second factor is held, and a page load is redirected to give it', async () => {
    const [one, two] = [await gateway.session(), await gateway.session({}, {}, { acr: 'aal2' })];
    expect((await ask('?acr=aal2', { headers: { cookie: two.cookie } })).status).toBe(200);
    const refused = await ask('?acr=aal2&redirect=true', { headers: { cookie: one.cookie } });
    expect([refused.status, refused.json()]).toMatchObject([401, { code: 'reauthentication_required' }]);
    expect(refused.headers['www-authenticate']).toContain('acr_values="aal2"');
    const sent = await ask('?acr=aal2&redirect=true', { headers: { ...pageLoad, cookie: one.cookie } });
    expect(sent.headers['location']).toBe(
      `${publicUrl}/auth/login?acr_values=aal2&return_to=${encodeURIComponent('/app/')}`,
    );
  });

  it('the application’s own cookies are in the answer where that is asked for, and no others', async () => {
    const { cookie } = world.sessions.owner;
    const asked = async (headers: Headers) =>
      (await ask('?redirect=true&cookies=application', { headers })).headers['cookie'];
    expect(await asked({ cookie: `a=1; ${cookie}; __Host-ory_kratos_session=x; b="2"` })).toBe('a=1; b="2"');
    expect(await asked({ cookie })).toBe('');
    expect(await asked({ authorization: `Bearer ${world.sessions.owner.token}` })).toBeUndefined();
    const unasked = await ask('', { headers: { cookie: `a=1; ${cookie}` } });
    expect(unasked.status).toBe(200);
    expect(unasked.headers).not.toHaveProperty('cookie');
    const refused = await ask('?role=admin&cookies=application', { headers: { cookie: `a=1; ${cookie}` } });
    expect(refused.status).toBe(403);
    expect(refused.headers).not.toHaveProperty('cookie');
  });

  it('a slip in the configuration opens no door', async () => {
    const { cookie } = world.sessions.administrator;
    for (const query of [
      '?rol=admin',
      '?role=amdin',
      '?role=',
      '?role',
      '?Role=admin',
      '?role=admin&role=admin',
      '?role[]=admin',
      '?role=admin;org=x',
      '?org=',
      '?org=a,b',
      '?org=a%2Fb',
      '?org_role=boss',
      '?acr=aal1',
      '?acr=',
      '?acr=aal2&acr=aal2',
      '?scope=',
      '?scope=orgs:raed',
      '?scope=a,b',
      '?redirect=yes',
      '?redirect=1',
      '?cookies=all',
      '?cookies=',
      '?__proto__=x',
      '?constructor=x',
      '?x',
      '?=admin',
    ]) {
      const answer = await ask(query, { headers: { cookie } });
      expect([query, answer.status]).toEqual([query, 400]);
      expect(answer.json()).toMatchObject({ code: 'validation_failed' });
      expect(answer.headers).not.toHaveProperty('x-auth-user');
    }
  });

  it('a state-changing request of another site is refused, also of a signed-in browser', async () => {
    const { cookie } = world.sessions.owner;
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
      for (const evil of [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
      ] satisfies Headers[]) {
        const answer = await ask('', { method, headers: { cookie, ...evil } });
        expect([method, evil, answer.status]).toEqual([method, evil, 403]);
        expect(answer.json()).toMatchObject({ code: 'cross_site_request' });
      }
      const own = { cookie, origin: publicUrl, 'sec-fetch-site': 'same-origin' };
      expect((await ask('', { method, headers: own })).status).toBe(200);
    }
    const link = { cookie, ...pageLoad, 'sec-fetch-site': 'cross-site' };
    expect((await ask('', { headers: link })).status).toBe(200);
  });

  it("a WebSocket that another site's page opens is refused", async () => {
    const { cookie } = world.sessions.owner;
    const handshake = { cookie, 'sec-websocket-key': 'eA==', 'sec-websocket-version': '13' };
    expect((await ask('', { headers: { ...handshake, origin: publicUrl } })).status).toBe(200);
    const evil = await ask('', { headers: { ...handshake, origin: 'https://evil.example' } });
    expect(evil.status).toBe(403);
    const mode = { cookie, 'sec-fetch-mode': 'websocket', origin: 'https://evil.example' };
    expect((await ask('', { headers: mode })).status).toBe(403);
  });

  it('what a caller says of itself is not believed', async () => {
    const spoofed = {
      'x-auth-user': world.userIds.administrator,
      'x-auth-email': 'root@example.test',
      'x-auth-roles': 'admin',
    };
    expect((await ask('', { headers: spoofed })).status).toBe(401);
    const { cookie } = world.sessions.member;
    const answer = await ask('', { headers: { ...spoofed, cookie } });
    expect(answer.headers['x-auth-user']).toBe(world.userIds.member);
    expect(answer.headers).not.toHaveProperty('x-auth-roles');
    expect((await ask('?role=admin', { headers: { ...spoofed, cookie } })).status).toBe(403);
  });

  it('a header that PHP reads as one of ours is refused', async () => {
    const { cookie } = world.sessions.member;
    for (const name of ['x.auth.roles', 'x-auth.email', 'x~auth-user', 'x_auth!org']) {
      expect([name, (await ask('', { headers: { cookie, [name]: 'admin' } })).status]).toEqual([name, 400]);
    }
    expect((await ask('', { headers: { cookie, 'x.authority': 'x', 'x.forwarded.for': 'x' } })).status).toBe(
      200,
    );
  });

  it('an API key gets a token of its own scope, and passes only where that scope is named', async () => {
    const full = await keyOf(gateway.app, world.userIds.owner, 'api');
    const narrow = await keyOf(gateway.app, world.userIds.owner, 'documents:read orgs:read');
    const answer = await ask('', { headers: { 'x-api-key': full } });
    expect(answer.status).toBe(200);
    expect(decodeJwt(tokenOf(answer))).toMatchObject({
      sub: world.userIds.owner,
      scope: 'api',
      client_id: 'api-key',
    });
    expect((await ask('', { headers: { 'x-api-key': narrow } })).status).toBe(403);
    expect((await ask('?scope=documents:write', { headers: { 'x-api-key': narrow } })).status).toBe(403);
    const named = await ask('?scope=documents:read', { headers: { authorization: `Bearer ${narrow}` } });
    expect(named.status).toBe(200);
    expect(named.headers['x-auth-scope']).toBe('documents:read orgs:read');
    const me = await gateway.request('/auth/session', {
      headers: { authorization: `Bearer ${tokenOf(named)}` },
    });
    expect(me.status).toBe(200);
    expect((await ask('?scope=documents:read+orgs:write', { headers: { 'x-api-key': narrow } })).status).toBe(
      403,
    );
  });

  it('a bearer passes as it is; one that was revoked, and none at all, do not', async () => {
    const { bearer } = await gateway.session();
    expect((await ask('', { headers: { authorization: bearer } })).headers['authorization']).toBe(bearer);
    await gateway.request('/auth/logout', { method: 'POST', headers: { authorization: bearer } });
    for (const authorization of [bearer, 'Bearer x', 'Basic eDp4', 'Bearer vst_x']) {
      const answer = await ask('', { headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(answer.headers).not.toHaveProperty('x-auth-user');
    }
  });

  it('asks neither the database nor a provider', async () => {
    const { cookie, bearer } = await gateway.session();
    const key = await keyOf(gateway.app, world.userIds.owner, 'api');
    await ask('', { headers: { 'x-api-key': key } });
    const database = gateway.app.get(Database, { strict: false });
    const statements = recordStatements(database);
    const tokens = new Set<string>();
    for (let index = 0; index < 50; index += 1) {
      expect((await ask('', { headers: { cookie } })).status).toBe(200);
      expect((await ask('', { headers: { authorization: bearer } })).status).toBe(200);
      tokens.add(tokenOf(await ask('', { headers: { 'x-api-key': key } })));
      expect((await ask('', {})).status).toBe(401);
    }
    expect(withoutNotedUses(statements.filter((statement) => !isBackground(statement)))).toEqual([]);
    expect(tokens.size).toBe(1);
    expect(decodeJwt([...tokens][0] ?? '')).toMatchObject({ sub: world.userIds.owner });
  });
});

describe('what a peer that is no trusted proxy says [W03]', () => {
  let untrusting: Gateway;

  beforeAll(async () => {
    untrusting = await startGateway({ PUBLIC_URL: publicUrl });
  });

  afterAll(async () => {
    await untrusting?.stop();
  });

  const forwarded = {
    'x-forwarded-for': '203.0.113.9',
    'x-forwarded-method': 'GET',
    'x-original-method': 'GET',
    'x-forwarded-uri': '/app/',
    'x-original-url': `${publicUrl}/app/`,
  };

  it('of the path is no place to come back to', async () => {
    const answer = await untrusting.request('/auth/verify?redirect=true', {
      headers: { ...pageLoad, ...forwarded },
    });
    expect(answer.headers['location']).toBe(`${publicUrl}/auth/login?return_to=%2F`);
  });

  it('of the method is not believed: any request of another site is refused', async () => {
    const { cookie } = await untrusting.session();
    const evil = { ...forwarded, cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    expect((await untrusting.request('/auth/verify', { headers: evil })).status).toBe(403);
    expect((await untrusting.request('/auth/verify', { headers: { ...forwarded, cookie } })).status).toBe(
      200,
    );
  });

  it('of the host is not believed', async () => {
    const { cookie } = await untrusting.session();
    const headers = { cookie, host: 'vestibule:3000', 'x-forwarded-host': 'auth.example.test' };
    expect((await untrusting.request('/auth/verify', { headers })).status).toBe(421);
  });
});

describe('a trusted proxy', () => {
  it.each([
    ['two methods', { 'x-forwarded-method': 'GET, POST' }],
    ['a method in lower case', { 'x-forwarded-method': 'get' }],
    ['no method', {}],
  ] satisfies [string, Headers][])('that sends %s is taken to ask about a change', async (_what, extra) => {
    const { cookie } = world.sessions.owner;
    const headers = { ...extra, cookie, 'x-forwarded-for': '203.0.113.9', origin: 'https://evil.example' };
    expect((await gateway.request('/auth/verify', { headers })).status).toBe(403);
  });

  it("believes ingress-nginx's names too, but X-Forwarded-Method first", async () => {
    const { cookie } = world.sessions.owner;
    const base = { cookie, 'x-forwarded-for': '203.0.113.9', 'sec-fetch-site': 'cross-site' };
    const status = async (extra: Headers): Promise<number> =>
      (await gateway.request('/auth/verify', { headers: { ...base, ...extra } })).status;
    expect(await status({ 'x-original-method': 'GET' })).toBe(200);
    expect(await status({ 'x-original-method': 'GET', 'x-forwarded-method': 'POST' })).toBe(403);
    const answer = await gateway.request('/auth/verify?redirect=true', {
      headers: { ...pageLoad, 'x-forwarded-for': '203.0.113.9', 'x-original-url': `${publicUrl}/app/?x=1` },
    });
    expect(new URL(answer.headers['location'] ?? '').searchParams.get('return_to')).toBe('/app/?x=1');
  });

  it('for another host gets no answer', async () => {
    const { cookie } = world.sessions.owner;
    const answer = await proxies.traefik('', { headers: { cookie } });
    expect(answer.status).toBe(200);
    const headers = { cookie, 'x-forwarded-for': '203.0.113.9', 'x-forwarded-host': 'other.example.test' };
    expect((await gateway.request('/auth/verify', { headers })).status).toBe(421);
  });
});

describe('paths behind /auth/verify', () => {
  it.each([
    '/auth/verify/',
    '/auth/verify/?role=admin',
    '/auth/verify//app/',
    '/auth/verify/app/page',
    '/auth/verify/SESSION/app/',
    '/auth/verify/session%2Fx/app/',
    '/auth/verify/session?x',
    '/auth/verify?role=admin/app/',
    '/auth/%76erify?role=admin',
    '/auth/%76erify',
    '/auth/%76erify/session/x',
    '/auth/verify/role=admin&role=admin/app/',
  ])('%s is never 200 for who is no administrator', async (path) => {
    const { cookie } = world.sessions.owner;
    expect([400, 403, 404]).toContain((await gateway.request(path, { headers: { cookie } })).status);
  });

  it('dots in the original path change nothing', async () => {
    const { cookie } = world.sessions.owner;
    await gateway.app.listen(0, '127.0.0.1');
    const url = await gateway.app.getUrl();
    for (const path of [
      '/auth/verify/role=admin/../session/x',
      '/auth/verify/role=admin/..%2fsession/x',
      '/auth/verify/x/../session/x',
    ]) {
      const answer = await rawRequest(url, { path, headers: { host: 'auth.example.test', cookie } });
      expect([400, 403]).toContain(answer.status);
    }
  });

  it("the original query is the upstream's own and never a requirement", async () => {
    const { cookie } = world.sessions.owner;
    const uri = '/app/?role=admin&redirect=maybe&x=%zz';
    expect((await proxies.envoy('', { uri, headers: { cookie } })).status).toBe(200);
    expect((await proxies.envoy('?role=admin', { uri, headers: { cookie } })).status).toBe(403);
  });

  it('every method is answered, without a look at a body', async () => {
    const { cookie } = world.sessions.owner;
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const) {
      expect((await proxies.envoy('', { method, headers: { cookie } })).status).toBe(200);
      expect((await proxies.envoy('', { method })).status).toBe(401);
    }
  });
});

describe('renewal in a sub-request', () => {
  it('sets the new cookie, hands on the new token, and leaves the old cookie good', async () => {
    const held = await gateway.session();
    const soon = Math.ceil(held.claims.exp - Date.now() / 1000);
    try {
      // Tokens are accepted for 60 s more, while a late renewal goes on.
      gateway.shiftClock(soon + 61);
      const answer = await proxies.nginx('', { headers: { cookie: held.cookie } });
      // The provider isn't there: its grace applies.
      expect(answer.status).toBe(200);
      expect(answer.cookies).toHaveLength(1);
      expect(tokenOf(answer)).not.toBe(held.token);
      expect(decodeJwt(tokenOf(answer))).toMatchObject({ sid: held.claims.sid });
      // The browser never saw the new cookie: nothing is lost.
      expect((await proxies.nginx('', { headers: { cookie: held.cookie } })).status).toBe(200);
      expect((await gateway.request('/auth/session', { headers: { cookie: held.cookie } })).status).toBe(200);
    } finally {
      gateway.shiftClock(0);
    }
  });
});

describe('limits', () => {
  it('never refuse a good credential, however much is refused at the address of the proxy', async () => {
    const limited = await startGateway({
      PUBLIC_URL: publicUrl,
      RATE_LIMIT: 'true',
      RATE_LIMIT_POLICIES: 'credential-address=3/10m,start-address=3/10m',
    });
    try {
      const { cookie, bearer } = await limited.session();
      const status = async (headers: Headers): Promise<number> =>
        (await limited.request('/auth/verify', { headers })).status;
      for (let index = 0; index < 20; index += 1) {
        expect(await status({})).toBe(401);
        expect([401, 429]).toContain(await status({ authorization: `Bearer a.b.${index}` }));
        expect(await status({ cookie })).toBe(200);
        expect(await status({ authorization: bearer })).toBe(200);
      }
      expect(await status({ authorization: 'Bearer a.b.c' })).toBe(429);
    } finally {
      await limited.stop();
    }
  });
});

describe('the headers of an identity', () => {
  it('have no address that is not verified', async () => {
    const { cookie } = await gateway.session({ email: 'somebody@example.test', emailVerified: false });
    const answer = await proxies.nginx('', { headers: { cookie } });
    expect(answer.status).toBe(200);
    expect(answer.headers).not.toHaveProperty('x-auth-email');
    expect(answer.text + JSON.stringify(answer.headers)).not.toContain('somebody@');
  });

  it('have names of any script, without a line of their own', async () => {
    const name = 'Ædà 株式会社 100%, "x"; y';
    const { cookie } = await gateway.session({ name });
    const answer = await proxies.nginx('', { headers: { cookie } });
    expect(answer.headers['x-auth-name']).toBe(
      '%C3%86d%C3%A0 %E6%A0%AA%E5%BC%8F%E4%BC%9A%E7%A4%BE 100%25, "x"; y',
    );
    expect(decodeURIComponent(answer.headers['x-auth-name'] ?? '')).toBe(name);
  });

  it('are printable ASCII for any text, and decode to it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const value = headerText(text);
        expect(value).toMatch(/^[\x20-\x7e]*$/);
        expect(value.trim()).toBe(value);
        expect(decodeURIComponent(value)).toBe(text);
      }),
    );
    expect(headerText('a\r\nx-auth-roles: admin')).toBe('a%0D%0Ax-auth-roles: admin');
    expect(headerText('\uD800x')).toBe('%EF%BF%BDx');
    expect(headerText(' ')).toBe('%20');
  });
});

it('is in the OpenAPI document with its headers, once', async () => {
  const document = z
    .looseObject({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
    .parse((await gateway.request('/docs/openapi.json')).json());
  expect(Object.keys(document.paths).filter((path) => path.startsWith('/auth/verify'))).toEqual([
    '/auth/verify',
  ]);
  expect(JSON.stringify(document.paths['/auth/verify'])).toContain('X-Auth-Org-Role');
});
