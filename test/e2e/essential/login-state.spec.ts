import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PurposeCipher } from '../../../src/platform/crypto/purpose-cipher.js';
import { codeOf, OAuthApp } from '../../support/oauth.app.js';
import { newPerson, signUp } from '../../support/person.js';
import { type Stack, startStack } from '../../support/stack.js';
import { type Page, UserAgent } from '../../support/user-agent.js';

let stack: Stack;
let browser: UserAgent;

beforeAll(async () => {
  stack = await startStack();
  browser = await newBrowser();
});

afterAll(async () => {
  await stack?.stop();
});

/** Somebody's browser with a live Kratos session and no session of ours. */
async function newBrowser(): Promise<UserAgent> {
  const agent = new UserAgent(stack.url);
  await signUp(agent, newPerson());
  await agent.jar.setCookie('vestibule=; Max-Age=0; Path=/', stack.url);
  return agent;
}

/** Such a browser with the provider's answer in its hands. */
async function answered(by = browser): Promise<{ agent: UserAgent; callback: URL }> {
  const agent = await by.copyAt(stack.url);
  const callback = await agent.followUntil('/auth/login', ({ pathname }) => pathname === '/auth/callback');
  return { agent, callback };
}

function changed(url: URL, change: (parameters: URLSearchParams) => void): string {
  const copy = new URL(url);
  change(copy.searchParams);
  return copy.href;
}

async function expectRefused(agent: UserAgent, page: Page, code: string): Promise<void> {
  expect(page.status).toBe(403);
  expect(page.html().querySelector('code')?.text).toBe(code);
  expect(await agent.cookie('vestibule')).toBeUndefined();
  expect((await agent.fetch('/auth/session')).status).toBe(401);
}

it.each([
  ['left out', (parameters: URLSearchParams) => parameters.delete('state')],
  ['empty', (parameters: URLSearchParams) => parameters.set('state', '')],
  ['unknown', (parameters: URLSearchParams) => parameters.set('state', 'x'.repeat(43))],
  ['of 5 kB', (parameters: URLSearchParams) => parameters.set('state', 'x'.repeat(5000))],
  ['given twice', (parameters: URLSearchParams) => parameters.append('state', 'x')],
])('an answer whose state is %s is refused [L05]', async (_case, change) => {
  const { agent, callback } = await answered();
  await expectRefused(agent, await agent.navigate(changed(callback, change)), 'login_state_invalid');
});

it('an answer that another browser brings is refused, and the right browser can still use it [L05]', async () => {
  const { agent, callback } = await answered();
  const thief = new UserAgent(stack.url);
  await expectRefused(thief, await thief.navigate(callback.href), 'login_state_invalid');
  expect((await agent.navigate(callback.href)).url).toBe(`${stack.url}/`);
  expect((await agent.fetch('/auth/session')).status).toBe(200);
});

it('a state is taken once, also by a browser that kept its cookie [L05]', async () => {
  const { agent, callback } = await answered();
  const kept = await agent.jar.clone();
  await agent.navigate(callback.href);
  const replay = new UserAgent(stack.url);
  for (const cookie of await kept.getCookies(stack.url)) {
    await replay.jar.setCookie(cookie, stack.url);
  }
  await expectRefused(replay, await replay.navigate(callback.href), 'login_state_invalid');

  // A gateway that was started since doesn't know the state, but the code was used.
  for (const cookie of await kept.getCookies(stack.url)) {
    await replay.jar.setCookie(cookie, stack.url);
  }
  await stack.restartGateway();
  await expectRefused(replay, await replay.navigate(callback.href), 'login_refused');
});

it('a transaction that this deployment sealed for another provider is refused [L05]', async () => {
  const { agent, callback } = await answered();
  const state = callback.searchParams.get('state') ?? '';
  const cipher = new PurposeCipher(
    stack.secrets.gateway.map((secret) => new Uint8Array(Buffer.from(secret, 'hex'))),
    'login-transaction',
  );
  const transaction = {
    provider: 'auth0',
    state,
    nonce: 'n',
    codeVerifier: 'v'.repeat(43),
    returnTo: '/',
    expiresAt: 9_999_999_999,
  };
  const name = `vestibule-login.${createHash('sha256').update(state).digest('base64url').slice(0, 16)}`;
  expect(await agent.cookie(name)).toBeDefined();
  await agent.jar.setCookie(`${name}=${cipher.encrypt(JSON.stringify(transaction))}; Path=/`, stack.url);
  await expectRefused(agent, await agent.navigate(callback.href), 'login_state_invalid');
});

it('an answer that comes after half an hour is refused', async () => {
  const { agent, callback } = await answered();
  stack.shiftClock(1801);
  const page = await agent.navigate(callback.href);
  stack.shiftClock(0);
  await expectRefused(agent, page, 'login_state_invalid');
});

it.each(['https://evil.example', 'http://localhost/ory/hydra', 'https://evil.example/ory/hydra', ''])(
  'an answer whose iss is %j is refused [L06]',
  async (iss) => {
    const { agent, callback } = await answered();
    const page = await agent.navigate(changed(callback, (parameters) => parameters.set('iss', iss)));
    await expectRefused(agent, page, 'login_refused');
  },
);

it.each([
  ['changed', (parameters: URLSearchParams) => parameters.set('code', 'ory_ac_forged')],
  ['left out', (parameters: URLSearchParams) => parameters.delete('code')],
  ['empty', (parameters: URLSearchParams) => parameters.set('code', '')],
  ['given twice', (parameters: URLSearchParams) => parameters.append('code', 'x')],
  ['beside an implicit ID token', (parameters: URLSearchParams) => parameters.set('response', 'x.y.z')],
])('an answer whose code is %s is refused', async (_case, change) => {
  const { agent, callback } = await answered();
  await expectRefused(agent, await agent.navigate(changed(callback, change)), 'login_refused');
});

it("an attacker's code in a victim's answer, and a code of another client, are refused [L07]", async () => {
  const attacker = await answered(await newBrowser());
  const attackersCode = attacker.callback.searchParams.get('code') ?? '';
  const spa = OAuthApp.spa(stack.url);
  const spaCode = codeOf(await attacker.agent.navigate(spa.authorize().path));
  for (const code of [attackersCode, spaCode]) {
    const { agent, callback } = await answered();
    const page = await agent.navigate(changed(callback, (parameters) => parameters.set('code', code)));
    await expectRefused(agent, page, 'login_refused');
  }
});

it.each(['<script>alert(1)</script>', 'access_denied', '"><img src=x>', '%00', '__proto__', ''])(
  'an answer with error=%s is a page or problem+json, escaped, and never a server error [W12]',
  async (error) => {
    const text = '<script>alert(2)</script>';
    for (const route of ['navigate', 'fetch'] as const) {
      const { agent, callback } = await answered();
      const target = changed(callback, (parameters) => {
        parameters.delete('code');
        parameters.set('error', error);
        parameters.set('error_description', text);
      });
      const page = await agent[route](target);
      expect(page.status).toBe(403);
      expect(page.text).not.toContain('<script>alert');
      expect(page.text).not.toContain('<img src=x');
      expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
      expect(page.headers.get('content-type')).toMatch(route === 'fetch' ? /problem\+json/ : /html/);
      expect((await agent.fetch('/auth/session')).status).toBe(401);
    }
    const query = new URLSearchParams({
      error,
      error_description: text,
      error_hint: text,
      error_debug: text,
    });
    const page = await new UserAgent(stack.url).navigate(`/ui/error?${query}`);
    expect(page.status).toBe(400);
    expect(page.text).not.toContain('alert(');
  },
);
