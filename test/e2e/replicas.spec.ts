import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Database } from '../../src/platform/database/database.schema.js';
import { newPerson, signUp } from '../support/person.js';
import { type RedisServer, startRedis } from '../support/redis.server.js';
import { type Replica, startReplicas } from '../support/replicas.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

const minute = 60;

/** The same browser at another replica: a proxy in front would choose. */
async function at(replica: { readonly url: string }, origin: string, from: UserAgent): Promise<UserAgent> {
  const agent = new UserAgent(origin, replica.url);
  for (const cookie of await from.jar.getCookies(origin)) {
    await agent.jar.setCookie(cookie, origin);
  }
  return agent;
}

describe.each([
  { how: 'with Redis', withRedis: true, limit: 1000 },
  { how: 'without Redis', withRedis: false, limit: 5000 },
])('three replicas on one PostgreSQL $how', ({ withRedis, limit }) => {
  let redis: RedisServer | undefined;
  let stack: Stack;
  let replicas: Replica[];

  beforeAll(async () => {
    redis = withRedis ? await startRedis(inject('redisServerPath')) : undefined;
    stack = await startStack({
      database: 'postgres',
      postgresUrl: inject('postgresUrl'),
      sharedOry: true,
      env: redis === undefined ? {} : { REDIS_URL: redis.url },
    });
    replicas = await startReplicas(stack, 3);
  });

  afterAll(async () => {
    await Promise.all((replicas ?? []).map((replica) => replica.stop()));
    await stack?.stop();
    await redis?.remove();
  });

  const shiftAll = (seconds: number): void => replicas.forEach((replica) => replica.shiftClock(seconds));

  /** Somebody who has just signed up, as a browser at each replica and as the bearer of a token. */
  async function member(): Promise<{ agents: UserAgent[]; bearer: string; sessionId: string }> {
    const agent = new UserAgent(stack.url);
    await signUp(agent, newPerson());
    const session: unknown = (await agent.fetch('/auth/session')).json();
    const sessionId = String(Reflect.get(Object(Reflect.get(Object(session), 'session')), 'id'));
    const exchange = await agent.fetch('/auth/token', {
      method: 'POST',
      headers: { origin: stack.url },
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:vestibule:params:oauth:token-type:session',
      }),
    });
    const token = String(Reflect.get(Object(exchange.json()), 'access_token'));
    const agents = await Promise.all(replicas.map((replica) => at(replica, stack.url, agent)));
    return { agents, bearer: `Bearer ${token}`, sessionId };
  }

  const statusOf = async (agent: UserAgent | undefined): Promise<number | undefined> =>
    (await agent?.fetch('/api/v1/me'))?.status;

  it(`a logout on one is a 401 on the others within ${limit} ms, by cookie and by bearer, and stays so`, async () => {
    const { agents, bearer } = await member();
    const [first, second, third] = agents;
    const bearers = replicas.map((replica) => new UserAgent(stack.url, replica.url));
    const withBearer = async (): Promise<number[]> =>
      Promise.all(
        bearers.map(
          async (agent) => (await agent.fetch('/api/v1/me', { headers: { authorization: bearer } })).status,
        ),
      );
    expect(await Promise.all(agents.map(statusOf))).toEqual([200, 200, 200]);
    expect(await withBearer()).toEqual([200, 200, 200]);
    await first?.post('/auth/logout', {});
    await waitUntil(
      async () => (await statusOf(second)) === 401 && (await statusOf(third)) === 401,
      'the logout to be known',
      limit,
    );
    expect(await withBearer()).toEqual([401, 401, 401]);
  });

  it('200 requests at the instant of expiry: no error, one session row, at most one renewal a replica', async () => {
    const { agents, sessionId } = await member();
    const database = stack.app().get(Database, { strict: false });
    // Past the token's life and the tolerance for clocks: nothing but a renewal helps.
    shiftAll(11 * minute + 5);
    try {
      const answers = await Promise.all(
        Array.from({ length: 200 }, async (_value, index) => {
          // A browser of its own each, or the first answer's cookie would serve the others.
          const agent = agents[index % 3] ?? new UserAgent(stack.url);
          const own = await at(replicas[index % 3] ?? stack, stack.url, agent);
          const answer = await own.fetch('/auth/session');
          const claims = Reflect.get(Object(answer.json()), 'claims');
          const token = `${index % 3} ${String(Reflect.get(Object(claims), 'jti'))}`;
          return { status: answer.status, cookies: answer.headers.getSetCookie().length, token };
        }),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(new Set(answers.map(({ cookies }) => cookies))).toEqual(new Set([1]));
      expect(new Set(answers.map(({ token }) => token)).size).toBe(3);
      const rows = await database.query
        .selectFrom('sessions')
        .select('id')
        .where('id', '=', sessionId)
        .execute();
      expect(rows).toHaveLength(1);
    } finally {
      shiftAll(0);
    }
  });

  it('a renewal in flight when the session is ended on another replica brings nothing back', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { agents } = await member();
      shiftAll(11 * minute + 5);
      const [first, second, third] = agents;
      await Promise.all([statusOf(first), second?.post('/auth/logout', {}), statusOf(third)]);
      await waitUntil(
        async () => (await Promise.all(agents.map(statusOf))).every((status) => status === 401),
        'everybody to be out',
        limit,
      );
      expect(await Promise.all(agents.map(statusOf))).toEqual([401, 401, 401]);
      shiftAll(0);
    }
  });

  it('clocks that are 30 seconds apart either way: nobody is logged out, and an end is an end', async () => {
    [-30, 0, 30].forEach((seconds, index) => replicas[index]?.shiftClock(seconds));
    try {
      const { agents } = await member();
      for (const moment of [0, 8, 11, 16, 25]) {
        [-30, 0, 30].forEach((skew, index) => replicas[index]?.shiftClock(moment * minute + skew));
        // The browser goes from the slowest to the fastest and back, with the cookie of the last answer.
        const walk = [...agents, ...agents.toReversed()];
        let last = agents[0];
        for (const agent of walk) {
          if (last !== undefined && last !== agent) {
            for (const cookie of await last.jar.getCookies(stack.url)) {
              await agent.jar.setCookie(cookie, stack.url);
            }
          }
          expect(await statusOf(agent)).toBe(200);
          last = agent;
        }
      }
      await agents[2]?.post('/auth/logout', {});
      await waitUntil(
        async () => (await Promise.all(agents.map(statusOf))).every((status) => status === 401),
        'the logout to be known',
        limit,
      );
      expect(await Promise.all(agents.map(statusOf))).toEqual([401, 401, 401]);
    } finally {
      shiftAll(0);
    }
  });

  it('no token outlives the absolute limit of its session by more than the tolerance, on any clock', async () => {
    const { agents } = await member();
    const days = 24 * 60 * minute;
    for (const skew of [-30, 0, 30]) {
      shiftAll(30 * days + 61 + skew + 30);
      expect(await Promise.all(agents.map(statusOf))).toEqual([401, 401, 401]);
    }
    shiftAll(0);
  });
});
