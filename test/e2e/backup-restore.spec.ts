import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import Sqlite from 'libsql';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { createApp } from '../../src/app/app-setup.js';
import { loadConfiguration } from '../../src/platform/config/configuration.js';
import { Clock } from '../../src/platform/time/clock.service.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { type OryStack, startOry } from '../../src/launcher/ory-stack.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { loadSecrets } from '../../src/launcher/secret.store.js';
import { createLogger } from '../../src/platform/logging/pino-logger.js';
import { RevocationService } from '../../src/session/revocation/revocation.service.js';
import { KeyRingError, explainStartError } from '../../src/platform/errors/start-errors.js';
import { databaseKinds } from '../support/database.kinds.js';
import { blockRunBy } from '../support/document.blocks.js';
import { newSecret } from '../support/gateway.js';
import { readHealth } from '../support/health.js';
import { OryAdmin } from '../support/ory.admin.js';
import { type Person, logIn, newPerson } from '../support/person.js';
import { type PostgresWithTools, postgresWithTools } from '../support/postgres.tools.js';
import { waitUntil } from '../support/stack.js';
import { TestDatabases } from '../support/test.database.js';
import { UserAgent } from '../support/user-agent.js';
import { ownFeatures } from '../../src/app/features.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const limit = 120_000;

/** The commands that docs/operations.md gives under this name: what is documented is what runs here. */
function commands(name: string): string {
  return blockRunBy('docs/operations.md', 'test/e2e/backup-restore.spec.ts', name);
}

/** A deployment's place: everything that has to be there again after a disaster. */
interface Site {
  readonly dataDir: string;
  /** Variables of the commands in the handbook. */
  readonly places: Readonly<Record<string, string>>;
  readonly databaseUrl: string | undefined;
  readonly dsn: { readonly kratos: string; readonly hydra: string } | undefined;
}

interface Running {
  readonly app: NestFastifyApplication;
  readonly ory: OryStack;
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

describe.each(databaseKinds)('backup and restore on %s, by the commands of docs/operations.md', (kind) => {
  let postgres: PostgresWithTools | undefined;
  let databases: TestDatabases | undefined;
  let backup: string;
  let port: number;
  let url: string;
  let shift = 0;
  let running: Running | undefined;
  let restored: Site;
  const folders: string[] = [];
  /** Logged in before the backup and since. */
  let ada: { agent: UserAgent; person: Person; key: string; bearer: string; userId: string };
  /** Logged out before the backup, after it, and signed up only after it. */
  let cookies: { readonly before: string; readonly after: string };
  let late: Person;
  let kidsBefore: readonly string[];

  async function newFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'vestibule-restore-'));
    folders.push(folder);
    return folder;
  }

  async function newSite(): Promise<Site> {
    const dataDir = await newFolder();
    if (databases === undefined) {
      return { dataDir, places: { DATA_DIR: dataDir }, databaseUrl: undefined, dsn: undefined };
    }
    const [gateway, kratos, hydra] = [
      await databases.create(),
      await databases.create(),
      await databases.create(),
    ];
    return {
      dataDir,
      places: { DATA_DIR: dataDir, GATEWAY_DB: gateway, KRATOS_DB: kratos, HYDRA_DB: hydra },
      databaseUrl: gateway,
      dsn: { kratos, hydra },
    };
  }

  function run(name: string, site: Site): void {
    execFileSync('sh', ['-euc', commands(name)], {
      cwd: root,
      env: {
        PATH: `${postgres === undefined ? '' : `${postgres.bin}:`}${process.env['PATH']}`,
        BACKUP: backup,
        ...site.places,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async function startGateway(env: Readonly<Record<string, string>>): Promise<NestFastifyApplication> {
    const configuration = loadConfiguration(env, ownFeatures);
    const app = await createApp(configuration, { logger: createLogger('silent') });
    app.get(Clock, { strict: false }).now = () => Date.now() + shift * 1000;
    await app.listen(configuration.PORT, configuration.HOST);
    return app;
  }

  async function start(site: Site): Promise<Running> {
    const secrets = await loadSecrets(site.dataDir);
    const ory = await startOry({
      dataDir: site.dataDir,
      publicUrl: url,
      environment: process.env,
      secrets,
      mail: false,
      ...(site.dsn === undefined ? {} : { dsn: site.dsn }),
      log: () => undefined,
      progress: { line: () => undefined, step: () => ({ done: () => undefined, failed: () => undefined }) },
    });
    const env = {
      PUBLIC_URL: url,
      PORT: String(port),
      DATA_DIR: site.dataDir,
      SECRETS: secrets.gateway.join(','),
      ...(site.databaseUrl === undefined ? {} : { DATABASE_URL: site.databaseUrl }),
      RATE_LIMIT: 'false',
      ...ory.env,
    };
    const app = await startGateway(env);
    await waitUntil(async () => (await readHealth(url)).status === 'ok', 'the gateway to be ready');
    return {
      app,
      ory,
      env,
      stop: async () => {
        await app.close();
        await ory.stop();
      },
    };
  }

  async function arrive(): Promise<{ agent: UserAgent; person: Person; cookie: string }> {
    const [agent, person] = [new UserAgent(url), newPerson()];
    await new OryAdmin(running?.env ?? {}).createPerson(person, { isVerified: true });
    await logIn(agent, person);
    return { agent, person, cookie: (await agent.cookie('vestibule')) ?? '' };
  }

  const statusOf = async (headers: Readonly<Record<string, string>>): Promise<number> =>
    (await fetch(`${url}/api/v1/me`, { headers })).status;
  const withCookie = (value: string): Promise<number> => statusOf({ cookie: `vestibule=${value}` });

  async function kids(): Promise<readonly string[]> {
    const { keys } = z
      .object({ keys: z.array(z.looseObject({ kid: z.string() })) })
      .parse(await (await fetch(`${url}/.well-known/jwks.json`)).json());
    return keys.map(({ kid }) => kid).sort();
  }

  beforeAll(async () => {
    if (kind === 'postgres') {
      postgres = await postgresWithTools(inject('postgresUrl'));
      databases = new TestDatabases(postgres.url);
    }
    [port = 0] = await findFreePorts(1);
    url = `http://localhost:${port}`;
    backup = join(await newFolder(), 'backup');
    await mkdir(backup, { mode: 0o700 });
    const site = await newSite();
    running = await start(site);

    const { agent, person } = await arrive();
    const made = await agent.post('/api/v1/api-keys', { name: 'Build', scope: 'profile:read' });
    const { key } = z.looseObject({ key: z.string() }).parse(made.json());
    const { user } = z
      .looseObject({ user: z.looseObject({ id: z.string() }) })
      .parse((await agent.fetch('/auth/session')).json());
    const issued = await agent.fetch('/auth/token', {
      method: 'POST',
      headers: { origin: url },
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:vestibule:params:oauth:token-type:session',
      }),
    });
    const { access_token: bearer } = z.looseObject({ access_token: z.string() }).parse(issued.json());
    ada = { agent, person, key, bearer, userId: user.id };
    kidsBefore = await kids();
    const gone = await arrive();
    await gone.agent.post('/auth/logout', {});
    const goesLater = await arrive();
    cookies = { before: gone.cookie, after: goesLater.cookie };

    // While everything runs: nobody is shut out for a backup.
    run(`backup on ${kind}`, site);

    await goesLater.agent.post('/auth/logout', {});
    late = (await arrive()).person;
    expect([await withCookie(cookies.before), await withCookie(cookies.after)]).toEqual([401, 401]);
    await running.stop();
    running = undefined;
    await rm(site.dataDir, { recursive: true });
    await databases?.drop();

    restored = await newSite();
    run(`restore on ${kind}`, restored);
  }, limit);

  afterAll(async () => {
    await running?.stop();
    await databases?.drop();
    await postgres?.remove();
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
  });

  it('with other SECRETS the gateway does not start, and says what to do', async () => {
    const failure: unknown = await startGateway({
      PUBLIC_URL: url,
      PORT: String(port),
      DATA_DIR: restored.dataDir,
      SECRETS: newSecret(),
      ...(restored.databaseUrl === undefined ? {} : { DATABASE_URL: restored.databaseUrl }),
      KRATOS_PUBLIC_URL: 'http://127.0.0.1:9',
      KRATOS_ADMIN_URL: 'http://127.0.0.1:9',
      HYDRA_PUBLIC_URL: 'http://127.0.0.1:9',
      HYDRA_ADMIN_URL: 'http://127.0.0.1:9',
    }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(KeyRingError);
    expect(explainStartError(failure)).toEqual({
      code: 78,
      message:
        'The signing key in the database was encrypted with a secret that SECRETS does not hold. Add the old secret behind the new one.',
    });
  });

  it('restored: old cookies, bearers, API keys and passwords are good', async () => {
    running = await start(restored);
    expect(await kids()).toEqual(kidsBefore);
    const session = await ada.agent.fetch('/auth/session');
    expect([session.status, session.json()]).toEqual([
      200,
      expect.objectContaining({ user: expect.objectContaining({ id: ada.userId }) }),
    ]);
    expect(await statusOf({ authorization: `Bearer ${ada.bearer}` })).toBe(200);
    expect(await statusOf({ 'x-api-key': ada.key })).toBe(200);
    const elsewhere = new UserAgent(url);
    await logIn(elsewhere, ada.person);
    expect((await elsewhere.fetch('/api/v1/me')).json()).toMatchObject({ email: ada.person.email });
  });

  it('a session continues after its token has expired: Kratos knows it too', async () => {
    shift = 700;
    const renewed = await ada.agent.fetch('/api/v1/me');
    shift = 0;
    expect([renewed.status, renewed.headers.getSetCookie().join()]).toEqual([
      200,
      expect.stringMatching(/^vestibule=/),
    ]);
  });

  it('a session that had been ended stays ended, also after its token has expired', async () => {
    expect(await withCookie(cookies.before)).toBe(401);
    shift = 700;
    expect(await withCookie(cookies.before)).toBe(401);
    shift = 0;
  });

  it('what happened after the backup is gone: an account, and a logout, until everything is ended', async () => {
    const agent = new UserAgent(url);
    await logIn(agent, late);
    expect((await agent.fetch('/auth/session')).status).toBe(401);
    expect(await withCookie(cookies.after)).toBe(200);
    await running?.app.get(RevocationService, { strict: false }).endEverythingBefore(Date.now());
    expect([await withCookie(cookies.after), (await ada.agent.fetch('/auth/session')).status]).toEqual([
      401, 401,
    ]);
    expect(await statusOf({ 'x-api-key': ada.key })).toBe(200);
  });

  it('SECRETS that are lost for good: without the old signing keys it starts anew, and people log in', async () => {
    const before = (await ada.agent.cookie('vestibule')) ?? '';
    await running?.app.get(Database, { strict: false }).query.deleteFrom('signing_keys').execute();
    await running?.app.close();
    const app = await startGateway({ ...running?.env, SECRETS: newSecret() });
    try {
      await waitUntil(async () => (await readHealth(url)).status === 'ok', 'the gateway to be ready');
      expect([await withCookie(before), await statusOf({ 'x-api-key': ada.key })]).toEqual([401, 200]);
      const agent = new UserAgent(url);
      await logIn(agent, ada.person);
      expect((await agent.fetch('/api/v1/me')).json()).toMatchObject({ email: ada.person.email });
    } finally {
      await app.close();
    }
  });
});

it('the backup on sqlite copies a schema with functions that are unknown here, as newer versions of Kratos have', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-backup-'));
  const [data, copies] = [join(folder, 'data'), join(folder, 'backup')];
  try {
    await Promise.all([data, copies].map((path) => mkdir(path)));
    await Promise.all(['ory', 'secrets'].map((name) => mkdir(join(data, name))));
    await writeFile(join(data, 'secrets', 'secrets.json'), '{}');
    const paths = ['vestibule.db', 'ory/kratos.sqlite', 'ory/hydra.sqlite'].map((name) => join(data, name));
    const [, kratos] = paths.map((path) => {
      const database = new Sqlite(path);
      database.exec('pragma journal_mode = wal');
      database.exec('create table flows (id integer primary key, text text)');
      database.exec('create index by_text on flows (iif(id > 1, text, null))');
      database.exec('pragma writable_schema = on');
      database.exec("update sqlite_schema set sql = replace(sql, 'iif(', 'newer_than_here(')");
      database.exec('pragma writable_schema = off');
      database.close();
      return new Sqlite(path);
    });
    // What is there is in the write-ahead log alone, and somebody is writing more.
    kratos?.exec('begin immediate');
    execFileSync('sh', ['-euc', commands('backup on sqlite')], {
      cwd: root,
      env: { PATH: process.env['PATH'] ?? '', DATA_DIR: data, BACKUP: copies },
    });
    const copy = new Sqlite(join(copies, 'kratos.sqlite'), { readonly: true });
    expect(copy.prepare("select sql from sqlite_schema where name = 'by_text'").get()).toMatchObject({
      sql: 'CREATE INDEX by_text on flows (newer_than_here(id > 1, text, null))',
    });
    copy.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it('an embedded copy without its secrets file does not start, and reports what to do', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-restore-'));
  try {
    await mkdir(join(folder, 'ory'));
    await writeFile(join(folder, 'ory', 'kratos.sqlite'), '');
    await expect(loadSecrets(folder)).rejects.toThrow(
      /The secrets file .* is missing, but databases made with it are there\. Restore it from a backup/,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
