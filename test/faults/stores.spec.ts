import pg from 'pg';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { DatabaseConnection } from '../../src/platform/database/database.connection.js';
import { recordFault } from '../support/fault.record.js';
import { timed } from '../support/timed.js';
import { type FreshDatabase, freshDatabase } from '../support/fresh.database.js';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway.process.js';
import { readHealth } from '../support/health.js';
import { startLoad } from '../support/load.js';
import { logIn, newPerson, signUp } from '../support/person.js';
import { type RedisServer, startRedis } from '../support/redis.server.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { TcpRelay } from '../support/tcp.relay.js';
import { UserAgent } from '../support/user-agent.js';

const timeout = { timeout: 120_000 };

describe('a PostgreSQL server', () => {
  let fresh: FreshDatabase;
  let relay: TcpRelay;
  let url: string;
  const connections: DatabaseConnection[] = [];

  beforeAll(async () => {
    fresh = await freshDatabase('postgres', inject('postgresUrl'));
    ({ relay, url } = await TcpRelay.start(fresh.url));
  });

  afterAll(async () => {
    await Promise.all(connections.map((connection) => connection.close()));
    await relay?.cut();
    await fresh?.drop();
  });

  function connect(target: string): DatabaseConnection {
    const connection = new DatabaseConnection(target);
    connections.push(connection);
    return connection;
  }

  const ask = async (connection: DatabaseConnection): Promise<unknown> =>
    sql`select 1`.execute(connection.query).then(
      () => 'answer',
      (error: unknown) => Reflect.get(Object(error), 'code'),
    );

  it(
    'that falls silent: each question ends, soon at once, and dead connections are not used again',
    timeout,
    async () => {
      const connection = connect(url);
      await Promise.all(Array.from({ length: 10 }, () => ask(connection)));
      relay.silence();
      const first = await timed(async () => Promise.all(Array.from({ length: 20 }, () => ask(connection))));
      expect(new Set(first.value)).toEqual(new Set(['database_unavailable']));
      // Those that had a connection wait for their answer (6 s), the others for a connection (2 s).
      expect(first.ms).toBeLessThan(8000);
      expect(connection.breaker?.state).toBe('open');
      // One of them may be the one that tries; the others don't wait.
      const refused = await Promise.all(Array.from({ length: 5 }, () => timed(async () => ask(connection))));
      expect(new Set(refused.map(({ value }) => value))).toEqual(new Set(['database_unavailable']));
      expect(refused.filter(({ ms }) => ms < 500).length).toBeGreaterThanOrEqual(4);
      relay.speak();
      const back = await timed(async () =>
        waitUntil(async () => (await ask(connection)) === 'answer', 'an answer', 10_000),
      );
      const answers = await Promise.all(Array.from({ length: 30 }, () => ask(connection)));
      expect(new Set(answers)).toEqual(new Set(['answer']));
      recordFault('F06', {
        what: 'silent',
        longestMs: first.ms,
        refusedMs: Math.min(...refused.map(({ ms }) => ms)),
        recoveredMs: back.ms,
      });
    },
  );

  it(
    'that has no connection to give (53300): 503 and not 500, and well again when there is one',
    timeout,
    async () => {
      const target = new URL(fresh.url);
      const database = target.pathname.slice(1);
      const role = `narrow_${database}`;
      const admin = new pg.Client({ connectionString: fresh.url });
      await admin.connect();
      try {
        await admin.query(`create role ${role} login superuser connection limit 2 password 'narrow'`);
        await admin.query(`alter role ${role} nosuperuser`);
        target.username = role;
        target.password = 'narrow';
        const holders = [0, 1].map(() => new pg.Client({ connectionString: target.href }));
        await Promise.all(holders.map((holder) => holder.connect()));
        const connection = connect(target.href);
        const answers = [];
        for (let asked = 0; asked < 6; asked += 1) {
          answers.push(await ask(connection));
        }
        expect(new Set(answers)).toEqual(new Set(['database_unavailable']));
        await Promise.all(holders.map((holder) => holder.end()));
        const back = await timed(async () =>
          waitUntil(async () => (await ask(connection)) === 'answer', 'a connection', 10_000),
        );
        recordFault('F06', { what: 'connections exhausted', recoveredMs: back.ms });
        await connection.close();
        connections.splice(connections.indexOf(connection), 1);
      } finally {
        await admin.query(`drop role if exists ${role}`);
        await admin.end();
      }
    },
  );

  it(
    'that ends a statement at its limit (57014) is no reason to ask nobody: anyone who asks too much asked alone',
    timeout,
    async () => {
      const connection = connect(fresh.url);
      for (let asked = 0; asked < 6; asked += 1) {
        const outcome = await connection.query
          .transaction()
          .execute(async (transaction) => {
            await sql`set local statement_timeout = 20`.execute(transaction);
            await sql`select pg_sleep(1)`.execute(transaction);
          })
          .catch((error: unknown) => Reflect.get(Object(error), 'code'));
        expect(outcome).toBe('database_unavailable');
      }
      expect(connection.breaker?.state).toBe('closed');
      expect(await ask(connection)).toBe('answer');
    },
  );
});

describe('Redis that is frozen, with limits on', () => {
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
    'no guarded request fails, a login and a logout are not kept waiting, and an end reaches the other replica by SQL [F05]',
    timeout,
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
});
