import { afterAll, beforeAll, expect, it } from 'vitest';
import { Database } from '../../src/platform/database/database.schema.js';
import { logIn, newPerson, type Person, signUp } from '../support/person.js';
import { readHealth } from '../support/health.js';
import { type FaultyProxy, startFaultyProxy } from '../support/faulty.proxy.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

const administrator = newPerson();
const ordinary = newPerson();
let stack: Stack;
let wire: FaultyProxy | undefined;

beforeAll(async () => {
  stack = await startStack({ env: settingsOf(administrator) });
});

afterAll(async () => {
  await stack?.stop();
  await wire?.stop();
});

function settingsOf({ email, password }: Person): Record<string, string> {
  return { ADMIN_EMAIL: email, ADMIN_PASSWORD: password };
}

/** Whether somebody who logs in now may read all accounts. */
async function isAdministrator(person: Person): Promise<boolean> {
  const agent = new UserAgent(stack.url);
  await logIn(agent, person);
  const { status } = await agent.fetch('/api/v1/users');
  expect([200, 403]).toContain(status);
  return status === 200;
}

async function administratorsMade(): Promise<number> {
  const { query } = stack.app().get(Database, { strict: false });
  return (
    await query.selectFrom('audit_events').select('id').where('type', '=', 'administrator_created').execute()
  ).length;
}

/** Log lines of the gateway with this reason. */
const said = (reason: string): Record<string, unknown>[] =>
  stack.log.map((line) => JSON.parse(line)).filter((line) => line.reason === reason);

it('the first administrator is created once, and recorded in the audit trail once, however often the gateway starts', async () => {
  expect(await isAdministrator(administrator)).toBe(true);
  expect(await administratorsMade()).toBe(1);
  await stack.restartGateway();
  expect(await isAdministrator(administrator)).toBe(true);
  expect(await administratorsMade()).toBe(1);
  expect(said('administrator_not_made')).toEqual([]);
  await waitUntil(() => stack.log.filter((line) => line.includes('are set up')).length === 2, 'the set-up');
  expect(await readHealth(stack.url)).toMatchObject({ status: 'ok' });
});

/** Reasons in the trail for which no first administrator was made. */
async function refusals(): Promise<readonly (string | null)[]> {
  const { query } = stack.app().get(Database, { strict: false });
  const rows = await query
    .selectFrom('audit_events')
    .select('reason')
    .where('type', '=', 'administrator_not_made')
    .orderBy('id')
    .execute();
  return rows.map(({ reason }) => reason);
}

/** Starts the gateway again, and waits until it has done what it does at Ory. */
async function restart(env: Readonly<Record<string, string>> = {}): Promise<void> {
  const before = stack.log.filter((line) => line.includes('are set up')).length;
  await stack.restartGateway(env);
  await waitUntil(
    () => stack.log.filter((line) => line.includes('are set up')).length > before,
    'the set-up',
  );
}

it('a first administrator who was demoted is not raised again, at a start or at a login, and the trail tells [C03]', async () => {
  const { query } = stack.app().get(Database, { strict: false });
  await query.updateTable('users').set({ role: 'user' }).execute();
  expect(await isAdministrator(administrator)).toBe(false);
  await expect.poll(refusals).toEqual(['not_raised_again']);
  await restart();
  expect(await isAdministrator(administrator)).toBe(false);
  await expect.poll(refusals).toEqual(['not_raised_again', 'not_raised_again', 'not_raised_again']);
  expect(said('administrator_made_before').length).toBeGreaterThan(0);
  expect(await administratorsMade()).toBe(1);
});

it('a first administrator whose address was changed has no successor with the old one [C03]', async () => {
  const { query } = stack.app().get(Database, { strict: false });
  await query.updateTable('users').set({ role: 'admin' }).where('email', '=', administrator.email).execute();
  const { subject } = await query
    .selectFrom('identities')
    .innerJoin('users', 'users.id', 'identities.user_id')
    .select('subject')
    .where('users.email', '=', administrator.email)
    .executeTakeFirstOrThrow();
  const moved = newPerson();
  await changeEmail(subject, moved.email);
  await restart();
  await expect.poll(async () => (await refusals()).at(-1)).toBe('not_created_again');
  const outsider = new UserAgent(stack.url);
  await logIn(outsider, administrator);
  expect((await outsider.fetch('/auth/session')).status).toBe(401);
  expect(await isAdministrator({ ...administrator, email: moved.email })).toBe(true);
  await changeEmail(subject, administrator.email);
  expect(await isAdministrator(administrator)).toBe(true);
});

it('a first administrator who was deleted is not created again [C03]', async () => {
  const elsewhere = await startStack({ env: settingsOf(administrator) });
  try {
    const { query } = elsewhere.app().get(Database, { strict: false });
    const { subject } = await query.selectFrom('identities').select('subject').executeTakeFirstOrThrow();
    await fetch(`${elsewhere.env['KRATOS_ADMIN_URL']}/admin/identities/${subject}`, { method: 'DELETE' });
    await query.deleteFrom('users').execute();
    const before = elsewhere.log.filter((line) => line.includes('are set up')).length;
    await elsewhere.restartGateway();
    await waitUntil(
      () => elsewhere.log.filter((line) => line.includes('are set up')).length > before,
      'the set-up',
    );
    const { query: after } = elsewhere.app().get(Database, { strict: false });
    expect(await after.selectFrom('users').selectAll().execute()).toEqual([]);
    const found = await fetch(
      `${elsewhere.env['KRATOS_ADMIN_URL']}/admin/identities?credentials_identifier=${administrator.email}`,
    );
    expect(await found.json()).toEqual([]);
  } finally {
    await elsewhere.stop();
  }
});

async function changeEmail(subject: string, email: string): Promise<void> {
  const answer = await fetch(`${stack.env['KRATOS_ADMIN_URL']}/admin/identities/${subject}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ op: 'replace', path: '/traits/email', value: email }]),
  });
  expect(answer.status).toBe(200);
}

it('anyone who registered with the address of ADMIN_EMAIL is no administrator', async () => {
  await signUp(new UserAgent(stack.url), ordinary);
  await stack.restartGateway(settingsOf(ordinary));
  expect(await isAdministrator(ordinary)).toBe(false);
  expect(await administratorsMade()).toBe(1);
  expect(said('administrator_not_made')).toHaveLength(1);
});

it('one of the two alone creates no administrator', async () => {
  const nobody = newPerson();
  await stack.restartGateway({ ADMIN_EMAIL: nobody.email, ADMIN_PASSWORD: '' });
  await stack.restartGateway({ ADMIN_EMAIL: '', ADMIN_PASSWORD: nobody.password });
  expect(await administratorsMade()).toBe(1);
  expect(said('ory_bootstrap_pending')).toEqual([]);
});

it(
  'what Ory cannot do yet is tried again after 250 ms, then after twice as long each time; until then the gateway is degraded',
  { timeout: 30_000 },
  async () => {
    const [port = 0] = await findFreePorts(1);
    wire = await startFaultyProxy(port, stack.env['HYDRA_ADMIN_URL'] ?? '');
    wire.down();
    const restarted = stack.restartGateway({ HYDRA_ADMIN_URL: wire.url });
    await waitUntil(() => said('ory_bootstrap_pending').length >= 4, 'four attempts');
    expect(await readHealth(stack.url)).toMatchObject({
      status: 'degraded',
      details: { provider: { status: 'degraded' } },
    });
    wire.reset();
    await restarted;
    const waits = said('ory_bootstrap_pending').flatMap(({ retryMs }) =>
      retryMs === undefined ? [] : [retryMs],
    );
    expect(waits.slice(0, 4)).toEqual([250, 500, 1000, 2000]);
    expect(await isAdministrator(administrator)).toBe(true);
  },
);

it('while Ory is well and not set up, the gateway is degraded', { timeout: 30_000 }, async () => {
  const [port = 0] = await findFreePorts(1);
  const own = stack.env['KRATOS_ADMIN_URL'] ?? '';
  const kratos = await startFaultyProxy(port, own);
  try {
    const before = said('ory_bootstrap_pending').length;
    kratos.rewrite('/admin/identities', () => ({ nothing: 'that Kratos would say' }));
    const restarted = stack.restartGateway({ ...settingsOf(administrator), KRATOS_ADMIN_URL: kratos.url });
    await waitUntil(() => said('ory_bootstrap_pending').length >= before + 2, 'two attempts');
    expect(await readHealth(stack.url)).toMatchObject({
      status: 'degraded',
      details: { provider: { status: 'degraded' } },
    });
    kratos.reset();
    await restarted;
    await stack.restartGateway({ KRATOS_ADMIN_URL: own });
  } finally {
    await kratos.stop();
  }
});
