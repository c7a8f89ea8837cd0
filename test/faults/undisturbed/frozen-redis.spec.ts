import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { recordFault } from '../../support/fault.record.js';
import { type GatewayProcess, startGatewayProcess } from '../../support/gateway.process.js';
import { readHealth } from '../../support/health.js';
import { startLoad } from '../../support/load.js';
import { logIn, newPerson, signUp } from '../../support/person.js';
import { type RedisServer, startRedis } from '../../support/redis.server.js';
import { type Stack, startStack, waitUntil } from '../../support/stack.js';
import { timed } from '../../support/timed.js';
import { UserAgent } from '../../support/user-agent.js';

let redis: RedisServer;
let stack: Stack;
let gateway: GatewayProcess;

beforeAll(async () => {
  redis = await startRedis(inject('redisServerPath'));
  stack = await startStack({
    database: 'postgres',
    postgresUrl: inject('postgresUrl'),
    env: { REDIS_URL: redis.url, RATE_LIMIT: 'true', RATE_LIMIT_ALLOW: '192.0.2.1' },
  });
  gateway = await startGatewayProcess(stack.env);
});

afterAll(async () => {
  redis?.thaw();
  await gateway?.stop();
  await stack?.stop();
  await redis?.remove();
});

it(
  'Redis that is frozen, with limits on: no guarded request fails, a login and a logout are not kept waiting, and an end reaches the other replica by SQL [F05]',
  { timeout: 120_000 },
  async () => {
    const person = newPerson();
    const agent = new UserAgent(stack.url);
    await signUp(agent, person);
    const leaver = new UserAgent(stack.url);
    await logIn(leaver, person);
    const elsewhere = new UserAgent(stack.url, gateway.url);
    for (const cookie of await leaver.jar.getCookies(stack.url)) {
      await elsewhere.jar.setCookie(cookie, stack.url);
    }
    const load = startLoad(4, async () => {
      const { status } = await agent.fetch('/api/v1/me');
      return status === 200 ? undefined : String(status);
    });
    redis.freeze();
    const login = await timed(async () => {
      const visitor = new UserAgent(stack.url);
      await logIn(visitor, person);
      return (await visitor.fetch('/auth/session')).status;
    });
    expect(login.value).toBe(200);
    expect(login.ms).toBeLessThan(3000);
    const logout = await timed(async () => leaver.post('/auth/logout', {}));
    expect(logout.value.status).toBe(200);
    expect(logout.ms).toBeLessThan(2500);
    const known = await timed(async () =>
      waitUntil(async () => (await elsewhere.fetch('/api/v1/me')).status === 401, 'the end by SQL', 5000),
    );
    redis.thaw();
    await waitUntil(async () => (await readHealth(stack.url)).status === 'ok', 'all to be well', 10_000);
    const report = await load.stop();
    expect(report.failures).toEqual([]);
    recordFault('F05', {
      what: 'frozen',
      loginMs: login.ms,
      logoutMs: logout.ms,
      knownElsewhereMs: known.ms,
      requests: report.requests,
      failed: report.failures.length,
    });
  },
);
