import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../src/platform/database/database.schema.js';
import { MigrationError } from '../../src/platform/database/migration-runner.js';
import { pinnedBinaries } from '../../src/launcher/binary-pins.js';
import { explainStartError } from '../../src/platform/errors/start-errors.js';
import { promote } from '../support/administrator.js';
import { databaseKinds } from '../support/database.kinds.js';
import { blockRunBy } from '../support/document.blocks.js';
import { keyOf } from '../support/world.js';
import { newSecret, startGateway } from '../support/gateway.js';
import { readHealth } from '../support/health.js';
import { OryAdmin } from '../support/ory.admin.js';
import { type Person, logIn, logInAtKratosAlone, newPerson, signUp } from '../support/person.js';
import { startReplicas } from '../support/replicas.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { TestDatabases } from '../support/test.database.js';
import { UserAgent } from '../support/user-agent.js';

const handbook = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
const source = new URL('../../src/', import.meta.url);
const migrations = new URL('platform/database/migrations/', source);

/** The commands that docs/operations.md gives under this name. */
function commands(name: string): string {
  return blockRunBy('docs/operations.md', 'test/e2e/operations.spec.ts', name);
}

/** Runs commands of the handbook beside this process, which is the gateway. */
async function run(
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn('sh', ['-euc', commands(name)], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (err += String(chunk)));
  await once(child, 'close');
  return { code: child.exitCode, out, err };
}

describe('a stolen laptop, by the commands of docs/operations.md', () => {
  let stack: Stack;
  let admin: { readonly key: string; readonly agent: UserAgent };
  let person: Person;
  let agent: UserAgent;
  let userId: string;
  let key: string;

  const userOf = async (browser: UserAgent): Promise<string> =>
    z
      .looseObject({ user: z.looseObject({ id: z.string() }) })
      .parse((await browser.fetch('/auth/session')).json()).user.id;
  const statusOf = async (headers: Readonly<Record<string, string>>): Promise<number> =>
    (await fetch(`${stack.url}/api/v1/me`, { headers })).status;

  beforeAll(async () => {
    stack = await startStack();
    const chief = new UserAgent(stack.url);
    await signUp(chief, newPerson());
    const chiefId = await userOf(chief);
    await promote(stack.app(), chiefId);
    await chief.navigate('/auth/login');
    admin = { agent: chief, key: await keyOf(stack.app(), chiefId, 'users:read users:write audit:read') };
    person = newPerson();
    agent = new UserAgent(stack.url);
    await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
    await logIn(agent, person);
    userId = await userOf(agent);
    const made = await agent.post('/api/v1/api-keys', { name: 'Laptop', scope: 'profile:read' });
    ({ key } = z.looseObject({ key: z.string() }).parse(made.json()));
  });

  afterAll(async () => {
    await stack?.stop();
  });

  it('sessions end here and at Kratos, keys are revoked, and the audit trail records it', async () => {
    const thief = new UserAgent(stack.url);
    await logInAtKratosAlone(thief, person);
    const cookie = `vestibule=${await agent.cookie('vestibule')}`;
    expect([await statusOf({ cookie }), await statusOf({ 'x-api-key': key })]).toEqual([200, 200]);
    const outcome = await run('stolen laptop', {
      URL: stack.url,
      ADMIN_KEY: admin.key,
      EMAIL: person.email,
    });
    expect(outcome).toMatchObject({ code: 0, err: '' });
    expect(outcome.out).toMatch(/^\{"ended":1\}/);
    expect(outcome.out).toContain('\tapi_key_created\t');
    expect(outcome.out).toContain('\tlogin_succeeded\t');
    expect([await statusOf({ cookie }), await statusOf({ 'x-api-key': key })]).toEqual([401, 401]);
    expect((await agent.fetch('/ory/kratos/sessions/whoami')).status).toBe(401);
    expect(new URL((await thief.navigate('/auth/login')).url).pathname).toBe('/ui/login');
  });

  it('a disabled account can’t log in, and an enabled one can again', async () => {
    const [shut = '', open = ''] = commands('shut and open').trim().split('\n');
    const env = { URL: stack.url, ADMIN_KEY: admin.key, PERSON: userId };
    const only = async (command: string): Promise<number | null> => {
      const child = spawn('sh', ['-euc', command], {
        env: { PATH: process.env['PATH'] ?? '', ...env },
        stdio: 'ignore',
      });
      await once(child, 'close');
      return child.exitCode;
    };
    const earlier = new UserAgent(stack.url);
    await logInAtKratosAlone(earlier, person);
    expect(await only(shut)).toBe(0);
    const thief = new UserAgent(stack.url);
    await logIn(thief, person);
    expect((await thief.fetch('/auth/session')).status).toBe(401);
    expect(await only(open)).toBe(0);
    expect(new URL((await earlier.navigate('/auth/login')).url).pathname).toBe('/ui/login');
    await logIn(thief, person);
    expect((await thief.fetch('/auth/session')).status).toBe(200);
  });

  it('a recovery code is for an administrator in person: a key gets none, a fresh login does', async () => {
    const path = `/api/v1/users/${userId}/recovery`;
    const byKey = await fetch(stack.url + path, { method: 'POST', headers: { 'x-api-key': admin.key } });
    expect(byKey.status).toBeGreaterThanOrEqual(401);
    expect(byKey.status).toBeLessThan(404);
    const inPerson = await admin.agent.fetch(path, { method: 'POST', headers: { origin: stack.url } });
    expect([inPerson.status, inPerson.json()]).toEqual([
      201,
      expect.objectContaining({ code: expect.any(String) }),
    ]);
  });

  it("another application's client secret is replaced at Hydra's admin port", async () => {
    const { id, secret } = await new OryAdmin(stack.env).createClient({
      grant_types: ['client_credentials'],
    });
    const tokenWith = async (password: string): Promise<number> =>
      (
        await fetch(`${stack.env['HYDRA_PUBLIC_URL']}/oauth2/token`, {
          method: 'POST',
          headers: { authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}` },
          body: new URLSearchParams({ grant_type: 'client_credentials' }),
        })
      ).status;
    expect(await tokenWith(secret)).toBe(200);
    const another = newSecret();
    const answer = await fetch(`${stack.env['HYDRA_ADMIN_URL']}/admin/clients/${id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([{ op: 'replace', path: '/client_secret', value: another }]),
    });
    expect(answer.status).toBe(200);
    expect([await tokenWith(secret), await tokenWith(another)]).toEqual([401, 200]);
  });

  it('the second round of new SECRETS: sessions go on, logins fail at replicas that have not had it yet', async () => {
    const [before = '', after] = [stack.env['SECRETS'], newSecret()];
    await stack.restartGateway({ SECRETS: `${before},${after}` });
    const browser = new UserAgent(stack.url);
    await logIn(browser, person);
    const [replica] = await startReplicas(stack, 1, { SECRETS: `${after},${before}` });
    try {
      await waitUntil(async () => (await readHealth(replica?.url ?? '')).status === 'ok', 'the replica');
      expect((await browser.fetch('/api/v1/me')).status).toBe(200);
      const early = new UserAgent(stack.url);
      await logIn(early, person);
      expect((await early.fetch('/auth/session')).status).toBe(401);
      await stack.restartGateway({ SECRETS: `${after},${before}` });
      expect((await browser.fetch('/api/v1/me')).status).toBe(200);
      await early.navigate('/auth/login');
      expect((await early.fetch('/auth/session')).status).toBe(200);
    } finally {
      await replica?.stop();
    }
  });

  it("Kratos' own sessions end by its admin port", async () => {
    const browser = new UserAgent(stack.url);
    await logIn(browser, person);
    const { identityId } = await new OryAdmin(stack.env).sessionOf(browser);
    const answer = await fetch(`${stack.env['KRATOS_ADMIN_URL']}/admin/identities/${identityId}/sessions`, {
      method: 'DELETE',
    });
    expect(answer.status).toBe(204);
    expect((await browser.fetch('/ory/kratos/sessions/whoami')).status).toBe(401);
  });
});

describe.each(databaseKinds)('upgrade and rollback on %s', (kind) => {
  it('a replica of the old version goes on beside a newer schema, and does not start on it again [F14]', async () => {
    const databases = new TestDatabases(inject('postgresUrl'));
    const env: Record<string, string> = {
      SECRETS: newSecret(),
      ...(kind === 'postgres' ? { DATABASE_URL: await databases.create() } : {}),
    };
    const gateway = await startGateway(env);
    try {
      const { query } = gateway.app.get(Database, { strict: false });
      await sql`alter table sessions add column of_a_later_version text`.execute(query);
      await sql`insert into vestibule_migrations (name, timestamp) values ('9999-later', '2099-01-01')`.execute(
        query,
      );
      const { cookie } = await gateway.session();
      expect((await gateway.request('/api/v1/me', { headers: { cookie } })).status).toBe(200);
      gateway.shiftClock(700);
      expect((await gateway.request('/api/v1/me', { headers: { cookie } })).status).toBe(200);
      const failure: unknown = await startGateway({
        ...env,
        DATABASE_URL: gateway.configuration.DATABASE_URL,
      }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(MigrationError);
      const { code, message } = explainStartError(failure);
      expect(code).toBe(78);
      expect(handbook).toContain(message);
    } finally {
      await gateway.stop();
      await databases.drop();
    }
  });

  it('SECRETS change in two rounds on two replicas: cookies of each are good at the other all the time [F14]', async () => {
    const databases = new TestDatabases(inject('postgresUrl'));
    const [before, later] = [newSecret(), newSecret()];
    const first = await startGateway({
      SECRETS: before,
      ...(kind === 'postgres' ? { DATABASE_URL: await databases.create() } : {}),
    });
    const { DATABASE_URL } = first.configuration;
    const running = [first];
    try {
      const start = async (SECRETS: string) => {
        const gateway = await startGateway({ SECRETS, DATABASE_URL });
        running.push(gateway);
        return gateway;
      };
      const second = await start(`${before},${later}`);
      const third = await start(`${later},${before}`);
      const careless = await start(before);
      const known = async (at: typeof first, { cookie }: { readonly cookie: string }): Promise<number> =>
        (await at.request('/api/v1/me', { headers: { cookie } })).status;
      const [old, between, fresh] = [await first.session(), await second.session(), await third.session()];
      expect([await known(second, old), await known(first, between)]).toEqual([200, 200]);
      expect([await known(third, between), await known(second, fresh)]).toEqual([200, 200]);
      // The reason for two rounds: a replica that doesn't have the new secret yet can't read what it sealed.
      expect(await known(careless, fresh)).toBe(401);
    } finally {
      await Promise.all(running.map((gateway) => gateway.stop()));
      await databases.drop();
    }
  });
});

describe('docs/operations.md', () => {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (name) => /\.tsx?$/.test(name) && !name.includes('.spec.'),
  );
  const code = files.map((name) => readFileSync(new URL(name, source), 'utf8')).join('\n');
  const rows = [...handbook.matchAll(/^- (`[a-z_]+`(?:, `[a-z_]+`)*) \((?:error|warn)\): /gm)];
  const reasons = rows.flatMap(([, names = '']) =>
    [...names.matchAll(/`([a-z_]+)`/g)].map(([, name = '']) => name),
  );

  it('names only existing reasons of the log', () => {
    expect(reasons.length).toBeGreaterThan(15);
    expect(reasons.filter((reason) => !code.includes(`reason: '${reason}'`))).toEqual([]);
  });

  it('states that migrations only add, and they do', () => {
    const names = readdirSync(migrations).filter((name) => name.endsWith('.ts'));
    expect(names.length).toBeGreaterThan(4);
    const takesAway = /\.drop\w+\(|\.rename\w+\(|\.alterColumn\(|drop (?:table|column|index)|delete from/i;
    expect(names.filter((name) => takesAway.test(readFileSync(new URL(name, migrations), 'utf8')))).toEqual([
      // It lets a column be empty, for which SQLite makes the table anew, with all of its rows.
      '0027-account-invites.migration.ts',
    ]);
  });

  it('supports the versions of Kratos and Hydra that are pinned', () => {
    for (const { title, version } of [pinnedBinaries.kratos, pinnedBinaries.hydra]) {
      expect(handbook).toContain(`${title} ${version} `);
    }
  });
});
