import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { logIn, newPerson, type Person, signUp } from '../../support/person.js';
import { type Stack, startStack } from '../../support/stack.js';
import { UserAgent } from '../../support/user-agent.js';

const origin = 'https://auth.example.test';
const own = '__Host-ory_kratos_session';
const meSchema = z.looseObject({ email: z.string() });
const attacker = newPerson();
let stack: Stack;
/** What Kratos calls the attacker's session. */
let planted: string;

const browser = (): UserAgent => new UserAgent(origin, stack.url);
const whoIs = async (agent: UserAgent): Promise<string> =>
  meSchema.parse((await agent.fetch('/api/v1/me')).json()).email;

beforeAll(async () => {
  stack = await startStack({ publicUrl: origin });
  const agent = browser();
  await signUp(agent, attacker);
  planted = (await agent.cookie(own)) ?? '';
  expect(planted).not.toBe('');
});

afterAll(async () => {
  await stack?.stop();
});

/** Cookies that a sibling host or a page of another path can set: whatever has no prefix. */
async function plant(agent: UserAgent): Promise<void> {
  for (const path of ['/', '/auth', '/ory/kratos/self-service']) {
    await agent.jar.setCookie(`ory_kratos_session=${planted}; Path=${path}; Secure`, origin);
  }
}

describe("an attacker's Kratos cookie that is planted [T22]", () => {
  it('logs no browser in', async () => {
    const victim = browser();
    await plant(victim);
    const page = await victim.navigate('/auth/login');
    expect([page.status, new URL(page.url).pathname]).toEqual([200, '/ui/login']);
    expect((await victim.fetch('/ory/kratos/sessions/whoami')).status).toBe(401);
    expect((await victim.fetch('/auth/session')).status).toBe(401);
  });

  it.each(['before a login', 'after it'])('%s does not change the victim’s session', async (when) => {
    const person: Person = newPerson();
    await signUp(browser(), person);
    const victim = browser();
    if (when === 'before a login') {
      await plant(victim);
    }
    await logIn(victim, person);
    await plant(victim);
    expect(await whoIs(victim)).toBe(person.email);
    // The next login, and a flow at Kratos, are still the victim's.
    await victim.navigate('/auth/login');
    expect(await whoIs(victim)).toBe(person.email);
    const settings = await victim.navigate('/ory/kratos/self-service/settings/browser');
    expect(settings.text).toContain(person.email);
    expect(settings.text).not.toContain(attacker.email);
  });

  it('counts as none beside the real one, when a browser sends two of the prefixed name', async () => {
    const victim = browser();
    await signUp(victim, newPerson());
    const real = `${own}=${await victim.cookie(own)}`;
    const whoami = '/ory/kratos/sessions/whoami';
    const statusOf = async (cookie: string): Promise<number> =>
      (await browser().fetch(whoami, { headers: { cookie } })).status;
    expect(await statusOf(real)).toBe(200);
    expect(await statusOf(`${own}=${planted}; ${real}`)).toBe(401);
    expect(await statusOf(`${real}; ${own}=${planted}`)).toBe(401);
  });
});

describe('cookies under https', () => {
  it('of Kratos and Hydra all have the prefix, and are Secure for this host and every path', async () => {
    const agent = browser();
    await signUp(agent, newPerson());
    const cookies = await agent.jar.getCookies(origin);
    expect(cookies.map(({ key }) => key).filter((key) => !key.startsWith('__Host-'))).toEqual([]);
    const names = cookies.map(({ key }) => key.replace(/_[0-9a-f]{20,}$/, ''));
    expect(names).toEqual(
      expect.arrayContaining(['__Host-vestibule', own, '__Host-csrf_token', '__Host-ory_hydra_session']),
    );
    expect(
      cookies.filter(({ secure, hostOnly, path }) => !secure || hostOnly === false || path !== '/'),
    ).toEqual([]);
  });

  it('of an earlier version, without the prefix: nobody is logged out, and a renewal works', async () => {
    const agent = browser();
    await signUp(agent, newPerson());
    for (const { key, value } of await agent.jar.getCookies(origin)) {
      if (/ory_|csrf_/.test(key)) {
        await agent.jar.setCookie(`${key}=; Path=/; Secure; Max-Age=0`, origin);
        await agent.jar.setCookie(`${key.slice('__Host-'.length)}=${value}; Path=/; Secure`, origin);
      }
    }
    expect(await agent.cookie(own)).toBeUndefined();
    expect((await agent.fetch('/auth/session')).status).toBe(200);
    stack.shiftClock(3600);
    try {
      const renewed = await agent.fetch('/auth/session');
      expect(renewed.status).toBe(200);
      expect(renewed.headers.getSetCookie().some((line) => line.startsWith('__Host-vestibule='))).toBe(true);
    } finally {
      stack.shiftClock(0);
    }
  });
});

it.each([
  'vestibule-login.a b',
  'vestibule-challenge.a b',
  'ory_hydra_login_csrf_a b',
  'vestibule-login.\u00E9',
])('cookies of names that no server can write stop no login: %s', async (name) => {
  const planted = Array.from({ length: 9 }, (_none, index) => `__Host-${name}${index}=1`).join('; ');
  const headers = { cookie: Buffer.from(planted).toString('latin1') };
  const start = await browser().request('/auth/login', { headers });
  expect([start.status, new URL(start.headers.get('location') ?? '').pathname]).toEqual([
    302,
    '/ory/hydra/oauth2/auth',
  ]);
  const next = await browser().request(start.headers.get('location') ?? '', { headers });
  expect([next.status, next.headers.get('location')]).toEqual([
    302,
    expect.stringContaining('login_challenge='),
  ]);
});
