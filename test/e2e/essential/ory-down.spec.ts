import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OAuthApp } from '../../support/oauth.app.js';
import { logIn, newPerson, signUp } from '../../support/person.js';
import { type Stack, startStack, waitUntil } from '../../support/stack.js';
import { UserAgent } from '../../support/user-agent.js';
import { timed } from '../../support/timed.js';

const person = newPerson();
let stack: Stack;
let agent: UserAgent;
let accessToken: string;

beforeAll(async () => {
  stack = await startStack();
  agent = new UserAgent(stack.url);
  await signUp(agent, person);
  accessToken = (await OAuthApp.spa(stack.url).login(agent)).access_token;
});

afterAll(async () => {
  await stack?.stop();
});

/** Guarded requests, 20 at once, while something else goes on. @returns the statuses seen. */
async function guardedRequests(count: number): Promise<Set<number>> {
  const statuses = new Set<number>();
  for (let done = 0; done < count; done += 20) {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => agent.fetch(index % 2 === 0 ? '/api/v1/me' : '/auth/session')),
    );
    answers.forEach(({ status }) => statuses.add(status));
  }
  return statuses;
}

async function expectLoginUnavailable(limitMs: number): Promise<void> {
  const visitor = new UserAgent(stack.url);
  for (const path of ['/auth/login', '/auth/signup', '/ui/login?flow=00000000-0000-4000-8000-000000000000']) {
    const { value: page, ms } = await timed(async () => visitor.navigate(path));
    expect(page.status, path).toBe(503);
    expect(page.html().querySelector('code')?.text, path).toBe('provider_unavailable');
    expect(ms, path).toBeLessThan(limitMs);
  }
  const { value: page, ms } = await timed(async () => visitor.post('/auth/login', { accessToken }));
  expect(page.status).toBe(503);
  expect(page.headers.get('content-type')).toContain('application/problem+json');
  expect(page.json()).toMatchObject({ code: 'provider_unavailable' });
  expect(ms).toBeLessThan(limitMs);
  expect(await visitor.cookie('vestibule')).toBeUndefined();
}

async function expectRecovered(): Promise<void> {
  await waitUntil(
    async () => {
      const visitor = new UserAgent(stack.url);
      const page = await logIn(visitor, person).catch(() => undefined);
      return page?.url === `${stack.url}/` && (await visitor.fetch('/auth/session')).status === 200;
    },
    'a login to work again',
    10_000,
  );
  const ready = await agent.fetch('/health/ready');
  expect(ready.json()).toMatchObject({ status: 'ok' });
}

describe('Kratos and Hydra both down [F01]', () => {
  beforeAll(async () => {
    await Promise.all([stack.ory.children.kratos.stop(), stack.ory.children.hydra.stop()]);
  });

  it('no guarded request fails', async () => {
    expect([...(await guardedRequests(400))]).toEqual([200]);
  });

  it('logins answer 503 within a second, as a page or as problem+json', async () => {
    await expectLoginUnavailable(1000);
  });

  it('readiness reports degraded with 200, liveness ok, and public pages are served', async () => {
    const ready = await agent.fetch('/health/ready');
    expect(ready.status).toBe(200);
    expect(ready.json()).toMatchObject({ status: 'degraded', details: { provider: { status: 'degraded' } } });
    for (const path of ['/health/live', '/', '/docs', '/.well-known/jwks.json']) {
      expect((await agent.fetch(path)).status, path).toBe(200);
    }
  });

  it('logout works, and the session stays ended when Ory is back', async () => {
    const cookie = `vestibule=${await agent.cookie('vestibule')}`;
    expect((await agent.post('/auth/logout', {})).status).toBe(200);
    expect((await agent.fetch('/auth/session')).status).toBe(401);
    await Promise.all([stack.ory.children.kratos.restart(), stack.ory.children.hydra.restart()]);
    await expectRecovered();
    expect((await fetch(`${stack.url}/auth/session`, { headers: { cookie } })).status).toBe(401);
  });
});

describe.each(['kratos', 'hydra'] as const)('%s alone', (name) => {
  beforeAll(async () => {
    agent = new UserAgent(stack.url);
    await logIn(agent, person);
    accessToken = (await OAuthApp.spa(stack.url).login(agent)).access_token;
  });

  it('killed: guarded requests continue, and logins recover by themselves', async () => {
    stack.ory.children[name].kill('SIGKILL');
    expect([...(await guardedRequests(100))]).toEqual([200]);
    await expectRecovered();
    expect((await agent.fetch('/auth/session')).status).toBe(200);
  });

  it('frozen: logins give up within five seconds, guarded requests don’t wait for it [F02]', async () => {
    stack.ory.children[name].kill('SIGSTOP');
    try {
      const login = timed(async () => new UserAgent(stack.url).post('/auth/login', { accessToken }));
      const guarded = await timed(async () => agent.fetch('/auth/session'));
      expect(guarded.value.status).toBe(200);
      // It doesn't wait for the two seconds of the other.
      expect(guarded.ms).toBeLessThan(1900);
      const { value: page, ms } = await login;
      expect(page.status).toBe(503);
      // A late call of an upstream that is well may take six.
      expect(ms).toBeLessThan(5000);
    } finally {
      stack.ory.children[name].kill('SIGCONT');
    }
    await expectRecovered();
  });
});
