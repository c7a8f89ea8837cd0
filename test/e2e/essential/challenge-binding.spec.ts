import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OAuthApp } from '../../support/oauth.app.js';
import { newPerson, signUp } from '../../support/person.js';
import { type Stack, startStack } from '../../support/stack.js';
import { type Page, UserAgent } from '../../support/user-agent.js';

let stack: Stack;
let spa: OAuthApp;
/** Both are logged in at Kratos. */
let victim: UserAgent;
let attacker: UserAgent;

beforeAll(async () => {
  stack = await startStack();
  spa = OAuthApp.spa(stack.url);
  victim = new UserAgent(stack.url);
  attacker = new UserAgent(stack.url);
  await signUp(victim, newPerson());
  await signUp(attacker, newPerson());
});

afterAll(async () => {
  await stack?.stop();
});

async function challenge(agent: UserAgent, kind: 'login' | 'consent'): Promise<string> {
  const { path } = spa.authorize();
  const next = await agent.followUntil(path, ({ searchParams }) => searchParams.has(`${kind}_challenge`));
  return next.searchParams.get(`${kind}_challenge`) ?? '';
}

function expectRefused(page: Page): void {
  expect(page.status).toBe(403);
  expect(page.html().querySelector('code')?.text).toBe('challenge_rejected');
  expect(page.headers.has('location')).toBe(false);
}

it("a victim's login challenge with an attacker's cookies is refused, and stays the victim's [L09]", async () => {
  const given = await challenge(victim, 'login');
  expectRefused(await attacker.navigate(`/auth/ory/login?login_challenge=${given}`));
  const page = await victim.navigate(`/auth/ory/login?login_challenge=${given}`);
  expect(new URL(page.url).pathname).toBe('/demo');
  expect(new URL(page.url).searchParams.has('code')).toBe(true);
});

it("an attacker's login challenge in a victim's browser is refused", async () => {
  const given = await challenge(attacker, 'login');
  expectRefused(await victim.navigate(`/auth/ory/login?login_challenge=${given}`));
});

it('a login challenge that was answered before logs nobody in again', async () => {
  const agent = new UserAgent(stack.url);
  await agent.jar.setCookie(await kratosCookie(victim), stack.url);
  const given = await agent.followUntil('/auth/login', ({ searchParams }) =>
    searchParams.has('login_challenge'),
  );
  await agent.navigate(given.href);
  expect((await agent.fetch('/auth/session')).status).toBe(200);
  await agent.jar.setCookie('vestibule=; Max-Age=0; Path=/', stack.url);
  const page = await agent.navigate(given.href);
  expect([200, 400, 403]).toContain(page.status);
  expect((await agent.fetch('/auth/session')).status).toBe(401);
});

it('a consent challenge of another browser is refused on every route that takes one', async () => {
  const given = await challenge(victim, 'consent');
  expectRefused(await attacker.navigate(`/auth/ory/consent?consent_challenge=${given}`));
  expectRefused(await attacker.navigate(`/ui/consent?consent_challenge=${given}`));
  for (const decision of ['allow', 'deny']) {
    const body = new URLSearchParams({ consent_challenge: given, decision, grant_scope: 'openid' });
    expectRefused(await attacker.navigate('/auth/ory/consent', { method: 'POST', body }));
  }
  const page = await victim.navigate(`/auth/ory/consent?consent_challenge=${given}`);
  expect(new URL(page.url).searchParams.has('code')).toBe(true);
});

it("the binding cookie of another browser's challenge does not open this one", async () => {
  const given = await challenge(victim, 'login');
  const own = await attacker.cookie(cookieOf(await challenge(attacker, 'login')));
  expect(own).toMatch(/^\d{13}\.[\w-]{43}$/);
  const headers = { cookie: `${cookieOf(given)}=${own}` };
  const page = await attacker.request(`/auth/ory/login?login_challenge=${given}`, { headers });
  expect(page.status).toBe(403);
});

it.each([
  '',
  'x',
  'a'.repeat(5000),
  '../../admin/clients',
  '%00',
  '<script>alert(1)</script>',
  'a&login_challenge=b&consent_challenge=b&logout_challenge=b',
])('challenge %j is refused everywhere, without a server error', async (given) => {
  const routes = [
    '/auth/ory/login?login',
    '/auth/ory/consent?consent',
    '/auth/ory/logout?logout',
    '/ui/consent?consent',
    '/ui/logout?logout',
  ];
  for (const route of routes) {
    const page = await victim.navigate(`${route}_challenge=${given}`);
    expect(page.status, route).toBe(403);
    expect(page.text).not.toContain('<script>alert');
  }
});

it('seven logins at once in one browser: the newest continue', async () => {
  const agent = new UserAgent(stack.url);
  await agent.jar.setCookie(await kratosCookie(victim), stack.url);
  const open: string[] = [];
  for (let count = 0; count < 7; count += 1) {
    open.push(await challenge(agent, 'login'));
  }
  expectRefused(await agent.navigate(`/auth/ory/login?login_challenge=${open[0]}`));
  const page = await agent.navigate(`/auth/ory/login?login_challenge=${open[6]}`);
  expect(new URL(page.url).searchParams.has('code')).toBe(true);
});

/** Name of the cookie that binds a challenge to a browser. */
function cookieOf(given: string): string {
  return `vestibule-challenge.${createHash('sha256').update(given).digest('base64url').slice(0, 16)}`;
}

async function kratosCookie(agent: UserAgent): Promise<string> {
  return `ory_kratos_session=${await agent.cookie('ory_kratos_session')}; Path=/`;
}
