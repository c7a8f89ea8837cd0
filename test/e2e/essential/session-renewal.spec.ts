import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { OryAdmin } from '../../support/ory.admin.js';
import { newPerson, signUp } from '../../support/person.js';
import { type Stack, startStack } from '../../support/stack.js';
import { UserAgent } from '../../support/user-agent.js';

const tokenTtl = 600;
const hour = 3600;
const day = 86_400;
const sessionSchema = z.looseObject({
  session: z.looseObject({ id: z.string(), expiresAt: z.string() }),
  claims: z.looseObject({ exp: z.number(), jti: z.string() }),
});
let stack: Stack;
let ory: OryAdmin;

beforeAll(async () => {
  stack = await startStack({ env: { SESSION_IDLE_TTL: '7d', SESSION_MAX_TTL: '20d' } });
  ory = new OryAdmin(stack.env);
});

afterEach(() => {
  stack.shiftClock(0);
});

afterAll(async () => {
  await stack?.stop();
});

async function loggedIn(): Promise<UserAgent> {
  const agent = new UserAgent(stack.url);
  await signUp(agent, newPerson());
  return agent;
}

async function sessionOf(agent: UserAgent): Promise<z.output<typeof sessionSchema>> {
  const answer = await agent.fetch('/auth/session');
  expect(answer.status).toBe(200);
  return sessionSchema.parse(answer.json());
}

async function statusWith(cookie: string | undefined): Promise<number> {
  return (await fetch(`${stack.url}/auth/session`, { headers: { cookie: `vestibule=${cookie}` } })).status;
}

describe('a token that is over in a session that lives', () => {
  it('is renewed by the first request: another cookie, the same session', async () => {
    const agent = await loggedIn();
    const [before, cookie] = [await sessionOf(agent), await agent.cookie('vestibule')];
    stack.shiftClock(tokenTtl + 100);
    const renewed = await agent.fetch('/api/v1/me');
    expect(renewed.status).toBe(200);
    expect(renewed.headers.getSetCookie().join()).toMatch(/^vestibule=/);
    expect(renewed.headers.get('cache-control')).toBe('no-store');
    const after = await sessionOf(agent);
    expect(after.session.id).toBe(before.session.id);
    expect(after.claims.jti).not.toBe(before.claims.jti);
    expect(after.claims.exp).toBeGreaterThan(before.claims.exp);
    expect(await agent.cookie('vestibule')).not.toBe(cookie);
    // And from then on nothing is set again.
    expect((await agent.fetch('/api/v1/me')).headers.getSetCookie()).toEqual([]);
  });

  it('is renewed for 40 requests at once, and all of them are answered', async () => {
    const agent = await loggedIn();
    const seen = stack.log.length;
    stack.shiftClock(tokenTtl + 100);
    const cookie = `vestibule=${await agent.cookie('vestibule')}`;
    const answers = await Promise.all(
      Array.from({ length: 40 }, async () => fetch(`${stack.url}/auth/session`, { headers: { cookie } })),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const bodies = await Promise.all(answers.map(async (answer) => sessionSchema.parse(await answer.json())));
    expect(new Set(bodies.map(({ session }) => session.id)).size).toBe(1);
    expect(stack.log.slice(seen).some((line) => /"level":"error"/.test(line))).toBe(false);
  });

  it('is not renewed for a bearer, which gets 401', async () => {
    const agent = await loggedIn();
    const before = await sessionOf(agent);
    stack.shiftClock(tokenTtl + 100);
    const answer = await agent.fetch('/auth/session', { headers: { authorization: 'Bearer x.y.z' } });
    expect(answer.status).toBe(401);
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect((await sessionOf(agent)).session.id).toBe(before.session.id);
  });
});

describe('no renewal', () => {
  it.each([
    ['the Kratos session was ended', async (agent: UserAgent) => ory.endSessionOf(agent)],
    ['the identity was disabled', async (agent: UserAgent) => ory.disableIdentityOf(agent)],
  ])('after %s: 401, and the session is ended for good', async (_case, end) => {
    const agent = await loggedIn();
    const cookie = await agent.cookie('vestibule');
    await end(agent);
    expect(await statusWith(cookie)).toBe(200);
    stack.shiftClock(tokenTtl + 100);
    expect(await statusWith(cookie)).toBe(401);
    stack.shiftClock(0);
    expect(await statusWith(cookie)).toBe(401);
  });

  it('after a logout, with a cookie from before: 401, also once the token has expired', async () => {
    const agent = await loggedIn();
    const cookie = await agent.cookie('vestibule');
    await agent.post('/auth/logout', {});
    for (const seconds of [0, tokenTtl + 100, hour, day, 8 * day]) {
      stack.shiftClock(seconds);
      expect(await statusWith(cookie), `${seconds} s later`).toBe(401);
    }
  });

  it('by 20 requests that race a logout: none of them brings the session back', async () => {
    const agent = await loggedIn();
    const cookie = await agent.cookie('vestibule');
    stack.shiftClock(tokenTtl + 100);
    const race = Array.from({ length: 20 }, async () => statusWith(cookie));
    await agent.post('/auth/logout', {});
    await Promise.all(race);
    expect(await statusWith(cookie)).toBe(401);
    expect((await agent.fetch('/auth/session')).status).toBe(401);
  });

  it('after the idle limit', async () => {
    const agent = await loggedIn();
    stack.shiftClock(7 * day + 1);
    expect((await agent.fetch('/auth/session')).status).toBe(401);
  });

  it('after the absolute limit, however often it was used', async () => {
    const agent = await loggedIn();
    for (const days of [6, 12, 18]) {
      stack.shiftClock(days * day);
      const { session } = await sessionOf(agent);
      const left = (Date.parse(session.expiresAt) - (Date.now() + days * day * 1000)) / (day * 1000);
      expect(left).toBeLessThanOrEqual(Math.min(7, 20 - days) + 0.01);
    }
    stack.shiftClock(20 * day + 1);
    expect((await agent.fetch('/auth/session')).status).toBe(401);
  });
});

describe('while Kratos cannot be asked', () => {
  it('a session goes on for an hour after its last renewal, and says so in the audit trail; then 503', async () => {
    const agent = await loggedIn();
    await stack.ory.children.kratos.stop();
    try {
      stack.shiftClock(tokenTtl + 100);
      expect((await agent.fetch('/auth/session')).status).toBe(200);
      expect(stack.log.some((line) => line.includes('renewal_grace'))).toBe(true);
      stack.shiftClock(tokenTtl + 100 + hour + tokenTtl);
      const answer = await agent.fetch('/auth/session');
      expect([401, 503]).toContain(answer.status);
    } finally {
      await stack.ory.children.kratos.restart();
    }
    expect((await agent.fetch('/auth/session')).status).toBe(200);
  });

  it('the grace has an end, however often it is used', async () => {
    const agent = await loggedIn();
    await stack.ory.children.kratos.stop();
    try {
      const statuses: number[] = [];
      for (let seconds = 0; seconds < 3 * hour; seconds += tokenTtl + 60) {
        stack.shiftClock(seconds);
        statuses.push((await agent.fetch('/auth/session')).status);
      }
      expect(statuses[1]).toBe(200);
      expect(statuses.at(-1)).toBe(503);
    } finally {
      await stack.ory.children.kratos.restart();
    }
  });
});
