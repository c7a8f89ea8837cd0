import { afterAll, beforeAll, expect, inject, it, onTestFinished } from 'vitest';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway.process.js';
import { startLoad } from '../support/load.js';
import { logIn, newPerson, signUp } from '../support/person.js';
import { type Pgbouncer, startPgbouncer } from '../support/pgbouncer.server.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { TestDatabases } from '../support/test.database.js';
import { UserAgent } from '../support/user-agent.js';

let pooler: Pgbouncer;
let databases: TestDatabases;
let stack: Stack;
let gateways: GatewayProcess[];

beforeAll(async () => {
  pooler = await startPgbouncer(inject('postgresUrl'));
  // Ory's programs keep prepared statements by default.
  stack = await startStack({
    database: 'postgres',
    postgresUrl: `${pooler.url}?default_query_exec_mode=cache_describe`,
  });
  // The stack has a gateway too, which has migrated its database.
  databases = new TestDatabases(pooler.url);
  const env = { ...stack.env, DATABASE_URL: await databases.create() };
  gateways = await Promise.all([startGatewayProcess(env), startGatewayProcess(env)]);
});

afterAll(async () => {
  await Promise.all((gateways ?? []).map((gateway) => gateway.stop()));
  await stack?.stop();
  await databases?.drop();
  await pooler?.stop();
});

it('behind PgBouncer in transaction mode, with four connections for all, two gateways migrate at once, and users sign up, log in and out', async () => {
  const people = Array.from({ length: 6 }, newPerson);
  await Promise.all(people.map(async (person) => signUp(new UserAgent(stack.url), person)));
  const load = startLoad(people.length, async (lane) => {
    const person = people[lane] ?? newPerson();
    const agent = new UserAgent(stack.url, gateways[lane % 2]?.url);
    await logIn(agent, person);
    const here = await agent.fetch('/api/v1/me');
    const out = await agent.post('/auth/logout', {});
    return here.status === 200 && out.status === 200 ? undefined : `${here.status}, ${out.status}`;
  });
  onTestFinished(async () => void (await load.stop()));
  await waitUntil(() => load.requests() >= 30, 'thirty logins', 120_000);
  const report = await load.stop();
  expect(report.failures).toEqual([]);
});
