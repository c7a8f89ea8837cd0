import { Client } from 'pg';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { recordFault } from '../support/fault.record.js';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway.process.js';
import { startLoad } from '../support/load.js';
import { type PatroniCluster, type PatroniNode, startPatroni } from '../support/patroni.cluster.js';
import { type Person, logIn, newPerson, signUp } from '../support/person.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { timed } from '../support/timed.js';
import { UserAgent } from '../support/user-agent.js';

/** Milliseconds after the new primary within which logins work again. */
const recovery = 10_000;
/** Milliseconds within which every gateway knows of an end that SQL has: a poll and a reading. */
const poll = 5000;

/** Milliseconds between two guarded requests of a user. */
const loadPause = 50;

let patroni: PatroniCluster;
let stack: Stack;
let gateways: GatewayProcess[];

beforeAll(async () => {
  patroni = await startPatroni();
  // Kratos' and Hydra's databases fail over as well.
  stack = await startStack({ database: 'postgres', postgresUrl: patroni.url });
  gateways = [await startGatewayProcess(stack.env), await startGatewayProcess(stack.env)];
});

afterAll(async () => {
  await Promise.all((gateways ?? []).map((gateway) => gateway.stop()));
  await stack?.stop();
  await patroni?.stop();
});

const at = async (index: number, from: UserAgent): Promise<UserAgent> => from.copyAt(gateways[index]?.url);

async function member(person: Person = newPerson()): Promise<UserAgent> {
  const agent = new UserAgent(stack.url);
  await signUp(agent, person);
  return agent;
}

const statusOf = async (agent: UserAgent): Promise<number> => (await agent.fetch('/api/v1/me')).status;

const everywhere = async (agent: UserAgent): Promise<number[]> =>
  Promise.all([0, 1].map(async (index) => statusOf(await at(index, agent))));

const logOut = async (agent: UserAgent): Promise<number> => (await agent.post('/auth/logout', {})).status;

/** How many sessions have ended, as one server has it. */
async function endedIn({ url }: PatroniNode): Promise<number> {
  const own = new URL(url);
  own.pathname = new URL(stack.env['DATABASE_URL'] ?? '').pathname;
  const client = new Client({ connectionString: own.href });
  await client.connect();
  const found = await client.query('select id from sessions where ended_at is not null');
  await client.end();
  return found.rows.length;
}

/** Whether a login by the pages works from the first to the last. */
async function logsIn(person: Person): Promise<boolean> {
  const agent = new UserAgent(stack.url, gateways[1]?.url);
  try {
    await logIn(agent, person);
    return (await statusOf(agent)) === 200;
  } catch {
    return false;
  }
}

/**
 * Ends sessions before, during and after a change of primary, under load.
 * @param change makes the other node the primary. @returns milliseconds that logins took from then on, and guarded requests that failed.
 */
async function failOver(
  change: (primary: PatroniNode, standby: PatroniNode) => Promise<void>,
): Promise<{ readonly ms: number; readonly failures: readonly string[] }> {
  const { primary, standby } = await patroni.pair();
  const person = newPerson();
  const [before, during, after] = [await member(person), await member(), await member()];
  const users = await Promise.all([0, 1, 0, 1].map(async (index) => at(index, await member())));
  const load = startLoad(
    users.length,
    async (lane) => {
      const user = users[lane];
      const status = user === undefined ? 0 : await statusOf(user);
      return status === 200 ? undefined : `gateway ${lane % 2}: ${status}`;
    },
    loadPause,
  );
  onTestFinished(async () => void (await load.stop()));
  const [stays, leaves] = [await at(1, before), await at(0, before)];
  expect(await statusOf(stays)).toBe(200);
  expect(await logOut(leaves)).toBe(200);
  await change(primary, standby);
  // The user sees an error and tries again; only an answer of 200 means that the session has ended.
  const leaving = await at(0, during);
  const ended = waitUntil(async () => (await logOut(leaving)) === 200, 'the logout to be recorded');
  await waitUntil(async () => (await standby.role()) === 'primary', 'the other one to be primary');
  const { ms } = await timed(async () => waitUntil(async () => logsIn(person), 'a login', recovery));
  expect(ms).toBeLessThan(recovery);
  await ended;
  expect(await logOut(await at(1, after))).toBe(200);
  for (const session of [before, during, after]) {
    await waitUntil(async () => String(await everywhere(session)) === '401,401', 'the end everywhere', poll);
  }
  const report = await load.stop();
  expect(report.requests).toBeGreaterThan(200);
  // What a gateway knows, it knows from SQL: one that starts now has heard nothing else.
  await gateways[1]?.stop();
  await gateways[1]?.start();
  for (const session of [before, during, after]) {
    expect(await everywhere(session)).toEqual([401, 401]);
  }
  return { ms, failures: report.failures };
}

it('the primary’s machine dies: no guarded request fails, logins are back within ten seconds of the new primary, and every ended session stays ended [F06]', async () => {
  let dead: PatroniNode | undefined;
  const { ms, failures } = await failOver(async (primary) => {
    dead = primary;
    await primary.kill();
  });
  expect(failures).toEqual([]);
  recordFault('F06', { what: 'the primary killed', loginsMs: ms });
  await dead?.start();
});

it('the operator switches the primary over, back to that machine: the same [F06]', async () => {
  const { ms, failures } = await failOver(async () => patroni.switchOver());
  expect(failures).toEqual([]);
  recordFault('F06', { what: 'a switchover', loginsMs: ms });
});

it('a logout that the standby has not confirmed is not reported as done: the standby becomes primary, and the session can still be ended [F06]', async () => {
  const { primary, standby } = await patroni.pair();
  const agent = await member();
  const leaver = await at(0, agent);
  const ended = await endedIn(primary);
  await primary.holdBack();
  expect(await logOut(leaver)).toBe(503);
  // The user tries again, to no avail.
  expect(await logOut(leaver)).toBe(503);
  expect(await statusOf(leaver)).toBe(200);
  await primary.kill();
  await waitUntil(async () => (await standby.role()) === 'primary', 'the standby to be primary');
  expect(await endedIn(standby)).toBe(ended);
  await waitUntil(async () => (await logOut(leaver)) === 200, 'the logout to be recorded');
  await waitUntil(async () => String(await everywhere(agent)) === '401,401', 'the end everywhere', poll);
  await primary.start();
  await patroni.pair();
});
