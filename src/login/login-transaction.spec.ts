import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AnsweringOry, startAnsweringOry } from '../../test/support/answering.ory.js';
import { type Gateway, newSecret, providerEnv, startGateway } from '../../test/support/gateway.js';

const SECRETS = newSecret();
let ory: AnsweringOry;
let gateway: Gateway;

beforeAll(async () => {
  ory = await startAnsweringOry({ SECRETS });
  gateway = ory.gateway;
});

afterAll(async () => {
  await ory?.stop();
});

/** A login that a browser has started. */
interface Started {
  readonly state: string;
  /** Cookie header of that browser. */
  readonly cookie: string;
}

async function start(cookie = ''): Promise<Started> {
  const answer = await gateway.request('/auth/login', { headers: { cookie } });
  expect(answer.status).toBe(302);
  const state = new URL(answer.headers['location'] ?? '').searchParams.get('state') ?? '';
  const set = answer.cookies.filter((header) => !header.includes('Max-Age=0'));
  return { state, cookie: set.map((header) => header.split(';', 1)[0]).join('; ') };
}

/**
 * The callback's verdict on a state and cookies: `taken` if the login was recognised. There is no Hydra, so a recognised login ends
 * in 503 at the next step.
 */
async function callback(query: string, cookie: string, at = gateway): Promise<string> {
  const answer = await at.request(`/auth/callback?code=x&iss=x&${query}`, { headers: { cookie } });
  const body = answer.json();
  const code: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'code') : undefined;
  return code === 'login_state_invalid' && answer.status === 403 ? 'refused' : 'taken';
}

describe('login transaction', () => {
  it('the browser that started a login can answer it, once', async () => {
    const { state, cookie } = await start();
    expect(await callback(`state=${state}`, cookie)).toBe('taken');
    expect(await callback(`state=${state}`, cookie)).toBe('refused');
  });

  it('of many answers with one state at once exactly one is taken', async () => {
    const { state, cookie } = await start();
    const answers = await Promise.all(Array.from({ length: 10 }, () => callback(`state=${state}`, cookie)));
    expect(answers.filter((answer) => answer === 'taken')).toHaveLength(1);
  });

  it('the answer makes the browser drop the cookie, and is no-store', async () => {
    const { state, cookie } = await start();
    const answer = await gateway.request(`/auth/callback?code=x&state=${state}`, { headers: { cookie } });
    const name = cookie.split('=', 1)[0] ?? '';
    expect(name).toMatch(/^__Host-vestibule-login\.[\w-]{16}$/);
    expect(answer.cookies.some((header) => header.startsWith(`${name}=; Max-Age=0`))).toBe(true);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('of a browser with very many open logins is answered behind a proxy with buffers of 4 kB too', async () => {
    const cookie = Array.from(
      { length: 150 },
      (_none, index) => `__Host-vestibule-login.${String(index).padStart(16, 'x')}=x`,
    ).join('; ');
    const { status, headers, cookies } = await gateway.request('/auth/login', { headers: { cookie } });
    expect(status).toBe(302);
    expect(cookies.filter((header) => header.includes('Max-Age=0'))).toHaveLength(20);
    expect(JSON.stringify(headers).length).toBeLessThan(4096);
  });

  it('a state that is missing, empty, given twice, unknown or huge is refused', async () => {
    const { state, cookie } = await start();
    const other = await start();
    for (const query of [
      '',
      'state=',
      `state=${state}&state=${state}`,
      'state=unknown',
      `state=${'a'.repeat(5000)}`,
      `state[]=${state}`,
      `state=${other.state}`,
      `state=${state.toUpperCase()}x`,
    ]) {
      expect(await callback(query, cookie)).toBe('refused');
    }
    expect(await callback(`state=${state}`, cookie)).toBe('taken');
  });

  it.each([
    ['state_missing', ''],
    ['state_missing', 'state='],
    ['state_missing', `state=${'a'.repeat(513)}`],
    ['state_unknown', `state=${'a'.repeat(512)}`],
    ['state_unknown', 'state=unknown'],
  ])('the log says %s of the query %.20s', async (reason, query) => {
    const { cookie } = await start();
    const lines = gateway.log.length;
    expect(await callback(query, cookie)).toBe('refused');
    const told = gateway.log.slice(lines).flatMap((line) => /"reason":"(state_\w+)"/.exec(line)?.[1] ?? []);
    expect(told).toEqual([reason]);
  });

  it("another browser's state, with no cookie or with a cookie of its own login, is refused", async () => {
    const victim = await start();
    const attacker = await start();
    expect(await callback(`state=${victim.state}`, '')).toBe('refused');
    expect(await callback(`state=${victim.state}`, attacker.cookie)).toBe('refused');
  });

  it("the attacker's sealed value under the victim's cookie name is refused", async () => {
    const victim = await start();
    const attacker = await start();
    const name = victim.cookie.split('=', 1)[0] ?? '';
    const value = attacker.cookie.slice(attacker.cookie.indexOf('=') + 1);
    expect(await callback(`state=${victim.state}`, `${name}=${value}`)).toBe('refused');
  });

  it('two cookies of the name, or a changed one, are refused', async () => {
    const { state, cookie } = await start();
    expect(await callback(`state=${state}`, `${cookie}; ${cookie}`)).toBe('refused');
    expect(await callback(`state=${state}`, `${cookie.slice(0, -2)}xx`)).toBe('refused');
    expect(await callback(`state=${state}`, `${cookie}${randomBytes(4).toString('hex')}`)).toBe('refused');
  });

  it('half an hour later it is refused', async () => {
    const [inTime, late] = [await start(), await start()];
    try {
      gateway.shiftClock(1790);
      expect(await callback(`state=${inTime.state}`, inTime.cookie)).toBe('taken');
      gateway.shiftClock(1810);
      expect(await callback(`state=${late.state}`, late.cookie)).toBe('refused');
    } finally {
      gateway.shiftClock(0);
    }
  });

  it('after the provider was changed, with the same secrets, it is refused', async () => {
    const { state, cookie } = await start();
    const other = await startGateway({ ...providerEnv.oidc, SECRETS });
    try {
      expect(await callback(`state=${state}`, cookie, other)).toBe('refused');
    } finally {
      await other.stop();
    }
  });

  it('several tabs at once work; beyond four the oldest give way', async () => {
    const tabs: Started[] = [];
    for (let index = 0; index < 3; index += 1) {
      tabs.push(await start(tabs.map(({ cookie }) => cookie).join('; ')));
    }
    const open = tabs.map(({ cookie }) => cookie).join('; ');
    for (const { state } of tabs) {
      expect(await callback(`state=${state}`, open)).toBe('taken');
    }
    const five = await Promise.all(Array.from({ length: 5 }, () => start()));
    const header = five.map(({ cookie }) => cookie).join('; ');
    const answer = await gateway.request('/auth/login', { headers: { cookie: header } });
    expect(answer.cookies.filter((set) => set.includes('Max-Age=0'))).toHaveLength(2);
  });

  it('state, nonce and PKCE challenge are random and strong', async () => {
    const urls = await Promise.all(
      Array.from(
        { length: 20 },
        async () => new URL((await gateway.request('/auth/login')).headers['location'] ?? ''),
      ),
    );
    for (const parameter of ['state', 'nonce', 'code_challenge']) {
      const values = urls.map(({ searchParams }) => searchParams.get(parameter) ?? '');
      expect(new Set(values).size).toBe(urls.length);
      expect(Math.min(...values.map(({ length }) => length))).toBeGreaterThanOrEqual(43);
    }
    expect(urls[0]?.searchParams.get('code_challenge_method')).toBe('S256');
  });
});
