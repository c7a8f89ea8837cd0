import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { recordFault } from '../support/fault.record.js';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway.process.js';
import { readHealth } from '../support/health.js';
import { startLoad } from '../support/load.js';
import { logIn, newPerson, signUp } from '../support/person.js';
import { type RedisFailover, startCluster, startSentinels } from '../support/redis.failover.js';
import type { RedisProgram } from '../support/redis.server.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { TestDatabases } from '../support/test.database.js';
import { timed } from '../support/timed.js';
import { UserAgent } from '../support/user-agent.js';

/** Milliseconds within which a message reaches the other gateway; SQL alone takes up to two seconds. */
const byMessage = 1000;
/** Milliseconds within which the other gateway has read an end in SQL. */
const bySql = 5000;
/** Milliseconds within which gateways are well, and count together, once another server has taken over. */
const recovery = 10_000;
/** Milliseconds between two guarded requests of a user. */
const loadPause = 50;
/** Requests to the token endpoint that one address may make. */
const allowed = 6;

describe.each([
  { kind: 'Redis with Sentinel', begin: startSentinels },
  { kind: 'a Redis Cluster', begin: startCluster },
])('two gateways and $kind', ({ kind, begin }) => {
  let redis: RedisFailover;
  let databases: TestDatabases;
  let stack: Stack;
  let gateways: GatewayProcess[];
  let lastHost = 0;

  beforeAll(async () => {
    redis = await begin();
    databases = new TestDatabases(inject('postgresUrl'));
    stack = await startStack({
      env: {
        ...redis.env,
        // The gateways' own alone: what is said here is said between them.
        DATABASE_URL: await databases.create(),
        RATE_LIMIT: 'true',
        TRUST_PROXY: 'loopback',
        RATE_LIMIT_POLICIES: `token-address=${allowed}/1h`,
      },
    });
    gateways = await Promise.all([startGatewayProcess(stack.env), startGatewayProcess(stack.env)]);
  });

  afterAll(async () => {
    await Promise.all((gateways ?? []).map((gateway) => gateway.stop()));
    await stack?.stop();
    await databases?.drop();
    await redis?.stop();
  });

  const at = async (index: number, from: UserAgent): Promise<UserAgent> => from.copyAt(gateways[index]?.url);

  async function member(): Promise<UserAgent> {
    const agent = new UserAgent(stack.url);
    await signUp(agent, newPerson());
    return agent;
  }

  const statusOf = async (agent: UserAgent): Promise<number> => (await agent.fetch('/api/v1/me')).status;

  /** Logs a user out at the first gateway, and waits until the second refuses them. */
  async function endsWithin(limit: number): Promise<UserAgent> {
    const agent = await member();
    const [here, elsewhere] = [await at(0, agent), await at(1, agent)];
    expect(await statusOf(elsewhere)).toBe(200);
    expect((await here.post('/auth/logout', {})).status).toBe(200);
    await waitUntil(async () => (await statusOf(elsewhere)) === 401, 'the end to be known', limit);
    return agent;
  }

  /** Whether one address has one count at both gateways. */
  async function countsTogether(): Promise<boolean> {
    lastHost += 1;
    const statuses: number[] = [];
    for (let count = 0; count < allowed + 2; count += 1) {
      const agent = new UserAgent(stack.url, gateways[count % 2]?.url);
      const { status } = await agent.request('/auth/token', {
        method: 'POST',
        headers: { 'x-forwarded-for': `192.0.2.${lastHost}` },
        body: new URLSearchParams({ grant_type: 'nonsense' }),
      });
      statuses.push(status);
    }
    return statuses.filter((status) => status === 429).length === 2;
  }

  const allWell = async (): Promise<boolean> =>
    (await Promise.all(gateways.map(({ url }) => readHealth(url)))).every(({ status }) => status === 'ok');

  /** A server fails while people use the product, log in and out. @param fail what happens to it. @returns it, and guarded requests that failed. */
  async function failOver(
    fail: (server: RedisProgram) => Promise<void> | void,
    what: string,
  ): Promise<{ readonly server: RedisProgram; readonly failures: readonly string[] }> {
    const person = newPerson();
    await signUp(new UserAgent(stack.url), person);
    const users = await Promise.all([0, 1].map(async (index) => at(index, await member())));
    const load = startLoad(
      users.length,
      async (lane) => {
        const user = users[lane];
        const status = user === undefined ? 0 : await statusOf(user);
        return status === 200 ? undefined : `gateway ${lane}: ${status}`;
      },
      loadPause,
    );
    onTestFinished(async () => void (await load.stop()));
    const ended = [await endsWithin(byMessage)];
    const server = await redis.subscribed();
    await fail(server);
    ended.push(await endsWithin(bySql));
    const login = await timed(async () => {
      const visitor = new UserAgent(stack.url, gateways[1]?.url);
      await logIn(visitor, person);
      return statusOf(visitor);
    });
    expect(login.value).toBe(200);
    await redis.replaced(server);
    const back = await timed(async () => {
      // This process has a gateway too.
      await waitUntil(
        async () => (await redis.subscriptions()) >= 3,
        'every gateway to be subscribed again',
        recovery,
      );
      await waitUntil(allWell, 'every gateway to be well', recovery);
      await waitUntil(countsTogether, 'limits to be counted together', recovery);
    });
    expect(back.ms).toBeLessThan(recovery);
    for (let turn = 0; turn < 3; turn += 1) {
      ended.push(await endsWithin(byMessage));
    }
    const report = await load.stop();
    for (const session of ended) {
      expect([await statusOf(await at(0, session)), await statusOf(await at(1, session))]).toEqual([
        401, 401,
      ]);
    }
    recordFault('F05', {
      what: `${kind}, ${what}`,
      loginMs: login.ms,
      backMs: back.ms,
      requests: report.requests,
    });
    return { server, failures: report.failures };
  }

  it('messages and counts are shared, and ended sessions stay ended, while a server is killed and another takes over [F05]', async () => {
    expect(await countsTogether()).toBe(true);
    const { server, failures } = await failOver((found) => found.kill(), 'killed');
    expect(failures).toEqual([]);
    await server.start();
  });

  it('the same for a server that is frozen, whose connections stay open, until the others notice [F05]', async () => {
    await redis.hinder();
    const { server, failures } = await failOver((found) => found.freeze(), 'frozen');
    server.thaw();
    expect(failures).toEqual([]);
  });
});
