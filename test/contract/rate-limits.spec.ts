import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuditService } from '../../src/directory/audit/audit.service.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { exchange, makeKey } from '../support/api.caller.js';
import { type Gateway, type GatewayAnswer, type HeldSession, startGateway } from '../support/gateway.js';
import { type DiscoveredProvider, startDiscoveredProvider } from '../support/discovered.provider.js';
import { waitUntil } from '../support/stack.js';

const on = { RATE_LIMIT: 'true', TRUST_PROXY: 'loopback' };
const three = {
  ...on,
  RATE_LIMIT_POLICIES:
    'credential-address=3/1h,token-address=3/1h,logout-address=3/1h,signal-address=3/1h,start-address=3/1h,login-address=3/1h',
};
const formType = { 'content-type': 'application/x-www-form-urlencoded' };
const sessionGrant = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token_type: 'urn:vestibule:params:oauth:token-type:session',
};

let provider: DiscoveredProvider;
let env: Record<string, string>;
let gateway: Gateway;
let lastHost = 0;

beforeAll(async () => {
  provider = await startDiscoveredProvider();
  env = { ...provider.env, ...three, SIGNAL_TRANSMITTERS: 'https://signals.example.test' };
  gateway = await startGateway(env);
});

afterAll(async () => {
  await gateway?.stop();
  await provider?.stop();
});

/** An address that nobody has used before. */
function newAddress(): string {
  lastHost += 1;
  return `198.51.100.${lastHost}`;
}

const from = (address: string): Record<string, string> => ({ 'x-forwarded-for': address });

/** Statuses of as many requests, one after the other. */
async function statuses(count: number, ask: () => Promise<GatewayAnswer>): Promise<number[]> {
  const seen: number[] = [];
  for (let index = 0; index < count; index += 1) {
    seen.push((await ask()).status);
  }
  return seen;
}

const guess = (address: string, at = gateway): Promise<GatewayAnswer> =>
  at.request('/api/v1/me', { headers: { ...from(address), authorization: 'Bearer a.b.c' } });

const guessKey = (address: string): Promise<GatewayAnswer> =>
  gateway.request('/api/v1/me', { headers: { ...from(address), 'x-api-key': 'vst_wrong' } });

const startLogin = (address: string, path = '/auth/login'): Promise<GatewayAnswer> =>
  gateway.request(path, { headers: from(address) });

const badExchange = (address: string): Promise<GatewayAnswer> =>
  gateway.request('/auth/token', {
    method: 'POST',
    headers: { ...from(address), ...formType },
    body: 'grant_type=nonsense',
  });

const badLogout = (address: string): Promise<GatewayAnswer> =>
  gateway.request('/auth/backchannel-logout', {
    method: 'POST',
    headers: { ...from(address), ...formType },
    body: 'logout_token=a.b.c',
  });

const badSignal = (address: string): Promise<GatewayAnswer> =>
  gateway.request('/ssf/events', {
    method: 'POST',
    headers: { ...from(address), 'content-type': 'application/secevent+jwt' },
    body: 'a.b.c',
  });

const badLogin = (address: string): Promise<GatewayAnswer> =>
  gateway.request('/auth/login', {
    method: 'POST',
    headers: { ...from(address), origin: 'https://auth.example.test', 'content-type': 'application/json' },
    body: '{}',
  });

describe('what is tried too often from one address', () => {
  it.each([
    ['bearer tokens', guess, 401],
    ['API keys', guessKey, 401],
    ['token exchanges', badExchange, 400],
    ['logins with an access token', badLogin, 400],
    ['logout tokens', badLogout, 400],
    ['signals', badSignal, 400],
    ['starts of a login', startLogin, 302],
  ])('%s: 429 after as many as the policy says, and nowhere else', async (_what, ask, before) => {
    const address = newAddress();
    expect(await statuses(5, () => ask(address))).toEqual([before, before, before, 429, 429]);
    expect((await ask(newAddress())).status).toBe(before);
  });

  it('the answer says how long to wait, and which limit it was', async () => {
    const address = newAddress();
    const first = await badExchange(address);
    expect(first.headers['ratelimit-policy']).toBe('"token-address";q=3;w=3600');
    expect(first.headers['ratelimit']).toBe('"token-address";r=2;t=3600');
    await statuses(2, () => badExchange(address));
    const answer = await badExchange(address);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({ status: 429, code: 'rate_limited' });
    const seconds = Number(answer.headers['retry-after']);
    expect(seconds).toBeGreaterThan(3500);
    expect(seconds).toBeLessThanOrEqual(3600);
    expect(answer.headers['ratelimit-policy']).toBe('"token-address";q=3;w=3600');
    expect(answer.headers['ratelimit']).toBe(`"token-address";r=0;t=${seconds}`);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('a person gets a page', async () => {
    const address = newAddress();
    await statuses(3, () => startLogin(address));
    const answer = await gateway.request('/auth/login', {
      headers: { ...from(address), accept: 'text/html', 'sec-fetch-mode': 'navigate' },
    });
    expect(answer.status).toBe(429);
    expect(answer.headers['content-type']).toMatch(/^text\/html/);
    expect(answer.text).toContain('rate_limited');
  });

  it('no other spelling of the path or method passes [W02]', async () => {
    const address = newAddress();
    await statuses(3, () => startLogin(address));
    const spellings = [
      '/auth/login?x',
      '/auth/log%69n',
      '/%61uth/login',
      '/auth%2Flogin',
      '/auth%2flogin',
      '//auth/login',
      '/auth//login',
      '/auth/login/',
      '/auth/./login',
      '/x/../auth/login',
      '/auth/login/.',
      '/auth/login;x',
      '/auth/login%00',
      '/auth/login#x',
      '/AUTH/LOGIN',
      '/auth/login%20',
      '/auth/login\\',
      '/auth/signup',
    ];
    for (const path of spellings) {
      for (const method of ['GET', 'HEAD'] as const) {
        const { status } = await gateway.request(path, { method, headers: from(address) });
        expect([429, 404, 400], `${method} ${path}`).toContain(status);
      }
    }
    expect((await gateway.request('/auth/log%69n', { headers: from(newAddress()) })).status).toBe(302);
  });

  it('all addresses of an IPv6 /64 are one, those of the next are not; mapped IPv4 is IPv4 [W14]', async () => {
    const own = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::2', '2001:DB8:1:2:0:0:0:3'];
    for (const address of own) {
      expect((await guess(address)).status).toBe(401);
    }
    expect((await guess('2001:db8:1:2:aaaa:bbbb:cccc:dddd')).status).toBe(429);
    expect((await guess('2001:db8:1:3::1')).status).toBe(401);
    const address = newAddress();
    await statuses(3, () => guess(address));
    expect((await guess(`::ffff:${address}`)).status).toBe(429);
  });

  it('an address counts without the port that a proxy adds to it, also behind a second proxy [W14]', async () => {
    const address = newAddress();
    for (const given of [`${address}:1234`, `${address}:99, 127.0.0.1:5`, `${address}, [::1]:7`]) {
      expect((await guess(given)).status).toBe(401);
    }
    expect((await guess(`${address}:8`)).status).toBe(429);
    expect(await statuses(3, () => guess('[2001:db8:9:1::1]:443'))).toEqual([401, 401, 401]);
    expect((await guess('2001:db8:9:1::2')).status).toBe(429);
    expect((await guess('[2001:db8:9:2::1]:443')).status).toBe(401);
  });

  it('who is logged in is counted as themselves, from wherever they come', async () => {
    const [one, other] = [await gateway.session(), await gateway.session()];
    const tooMuch = ({ cookie }: HeldSession): Promise<GatewayAnswer> =>
      exchange(gateway, { ...sessionGrant, scope: 'orgs:raed' }, { ...from(newAddress()), cookie });
    expect(await statuses(4, () => tooMuch(one))).toEqual([400, 400, 400, 429]);
    expect((await tooMuch(one)).headers['ratelimit-policy']).toBe('"token-address";q=3;w=3600');
    expect((await tooMuch(other)).status).toBe(400);
  });

  it('many at once are not let through together', async () => {
    const address = newAddress();
    const answers = await Promise.all(Array.from({ length: 20 }, () => badExchange(address)));
    expect(answers.filter(({ status }) => status !== 429)).toHaveLength(3);
  });
});

describe('who is let through', () => {
  it('a live session, a good bearer and a good API key, at an address where everything is over', async () => {
    const address = newAddress();
    const { cookie, bearer } = await gateway.session();
    const { key } = await makeKey(gateway, { cookie });
    for (const ask of [guess, badExchange, badLogout, badLogin, startLogin]) {
      await statuses(4, () => ask(address));
    }
    for (const credential of [{ cookie }, { authorization: bearer }, { 'x-api-key': key }]) {
      const answer = await gateway.request('/api/v1/me', { headers: { ...from(address), ...credential } });
      expect(answer.status).toBe(200);
      expect(answer.headers).not.toHaveProperty('ratelimit');
    }
    const page = await gateway.request('/auth/session', { headers: { ...from(address), cookie } });
    expect(page.status).toBe(200);
    const token = await exchange(gateway, sessionGrant, { ...from(address), cookie });
    expect(token.status).toBe(200);
    const logout = await gateway.request('/auth/logout', {
      method: 'POST',
      headers: { ...from(address), cookie },
    });
    expect(logout.status).toBe(200);
  });

  it('what is no guess at a token or a key: a cookie that is none, nothing at all, a request that is malformed', async () => {
    const headers = from(newAddress());
    const me = (sent: Readonly<Record<string, string>>): Promise<GatewayAnswer> =>
      gateway.request('/api/v1/me', { headers: { ...headers, ...sent } });
    const authorization = 'Bearer a.b.c';
    expect(await statuses(4, () => me({ cookie: `${gateway.cookieName}=nonsense` }))).not.toContain(429);
    expect(await statuses(4, () => me({}))).not.toContain(429);
    expect(await statuses(4, () => me({ authorization, 'x-api-key': 'vst_wrong' }))).not.toContain(429);
    expect(await statuses(4, () => me({ authorization }))).toEqual([401, 401, 401, 429]);
  });

  it('what succeeds costs nothing: exchanges beyond the limit, one after the other', async () => {
    const address = newAddress();
    const { cookie } = await gateway.session();
    const { key } = await makeKey(gateway, { cookie });
    const form = {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:vestibule:params:oauth:token-type:api_key',
      subject_token: key,
    };
    for (let count = 0; count < 8; count += 1) {
      const answer = await exchange(gateway, form, from(address));
      expect(answer.status, answer.text).toBe(200);
    }
    // The hour began with the first of them.
    expect((await badExchange(address)).headers['ratelimit']).toMatch(/^"token-address";r=2;t=3[56]\d\d$/);
  });

  it('a program that polls with a token that is over', async () => {
    const address = newAddress();
    const { bearer } = await gateway.session();
    await gateway.request('/auth/logout', { method: 'POST', headers: { authorization: bearer } });
    const ask = (): Promise<GatewayAnswer> =>
      gateway.request('/api/v1/me', { headers: { ...from(address), authorization: bearer } });
    expect(await statuses(6, ask)).toEqual([401, 401, 401, 401, 401, 401]);
  });
});

describe('the trail', () => {
  it('has one event for each limit and window, not one for each request', async () => {
    const address = newAddress();
    await statuses(12, () => badExchange(address));
    await gateway.app.get(AuditService, { strict: false }).flush();
    const rows = await gateway.app
      .get(Database, { strict: false })
      .query.selectFrom('audit_events')
      .selectAll()
      .where('type', '=', 'rate_limited')
      .where('remote_address', '=', address)
      .execute();
    expect(rows.map(({ reason, outcome }) => ({ reason, outcome }))).toEqual([
      { reason: 'limit_token_address', outcome: 'failure' },
    ]);
    const lines = gateway.log.filter((line) => line.includes('"reason":"limit_token_address"'));
    expect(lines.length).toBeGreaterThan(0);
  });
});

describe('settings', () => {
  async function withSettings(
    settings: Record<string, string>,
    act: (at: Gateway) => Promise<void>,
  ): Promise<void> {
    const at = await startGateway({ ...env, ...settings });
    try {
      await act(at);
    } finally {
      await at.stop();
    }
  }

  it('RATE_LIMIT=false: no limit and no header', async () => {
    await withSettings({ RATE_LIMIT: 'false' }, async (at) => {
      expect(await statuses(6, () => guess('198.51.100.1', at))).toEqual([401, 401, 401, 401, 401, 401]);
      expect((await guess('198.51.100.1', at)).headers).not.toHaveProperty('ratelimit');
    });
  });

  it('RATE_LIMIT_ALLOW: addresses and ranges without a limit, and only these', async () => {
    await withSettings({ RATE_LIMIT_ALLOW: '198.51.100.7,203.0.113.0/24,2001:db8::/32' }, async (at) => {
      for (const address of ['198.51.100.7', '::ffff:203.0.113.9', '203.0.113.255', '2001:db8:ffff::1']) {
        expect(await statuses(5, () => guess(address, at)), address).toEqual([401, 401, 401, 401, 401]);
      }
      for (const address of ['198.51.100.8', '203.0.114.1', '2001:db9::1']) {
        expect(await statuses(4, () => guess(address, at)), address).toEqual([401, 401, 401, 429]);
      }
    });
  });

  it('an address that a peer made up is not believed without TRUST_PROXY', async () => {
    await withSettings({ TRUST_PROXY: '' }, async (at) => {
      const seen: number[] = [];
      for (const address of ['198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.4']) {
        seen.push((await guess(address, at)).status);
      }
      expect(seen).toEqual([401, 401, 401, 429]);
    });
  });

  it('when the window is over it is counted anew', async () => {
    await withSettings({ RATE_LIMIT_POLICIES: 'credential-address=1/1s' }, async (at) => {
      const started = performance.now();
      expect(await statuses(2, () => guess('198.51.100.1', at))).toEqual([401, 429]);
      await waitUntil(
        async () => (await guess('198.51.100.1', at)).status === 401,
        'the window to pass',
        5000,
      );
      expect(performance.now() - started).toBeGreaterThan(900);
    });
  });

  it('the limits are on by default', async () => {
    await withSettings({ RATE_LIMIT: '', RATE_LIMIT_POLICIES: '' }, async (at) => {
      expect((await guess('198.51.100.1', at)).headers['ratelimit']).toBe('"credential-address";r=99;t=600');
    });
  });
});
