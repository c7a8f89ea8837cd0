import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../../../test/support/fresh.database.js';
import { DatabaseConnection } from './database-connection.js';
import { MigrationError, migrate } from './migration-runner.js';

/** Tables of the schema, sorted. */
async function tablesOf(connection: DatabaseConnection): Promise<string[]> {
  const tables = await connection.query.introspection.getTables();
  return tables
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('vestibule_'))
    .sort();
}

const expected = 'audit_events identities revocations sessions signing_keys used_tokens users'.split(' ');

describe.each(databaseKinds)('migrate on %s', (kind) => {
  let database: FreshDatabase;

  beforeEach(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
  });

  afterEach(async () => {
    await database?.drop();
  });

  it('makes every table in an empty database, and does nothing the second time', async () => {
    const connection = await database.connectMigrated();
    expect(await tablesOf(connection)).toEqual(expect.arrayContaining(expected));
    await migrate(connection);
    await migrate(database.connect());
    const { rows } = await sql<{ name: string }>`select name from vestibule_migrations`.execute(
      connection.query,
    );
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  });

  it('a database that a newer version made is refused with what to do, and left as it is', async () => {
    const connection = await database.connectMigrated();
    await sql`insert into vestibule_migrations (name, timestamp) values ('9999-future', '2099-01-01')`.execute(
      connection.query,
    );
    const failure: unknown = await migrate(database.connect()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MigrationError);
    expect(String(failure)).toContain(
      'The database was made by a newer version of Vestibule. Start that version or a newer one, or restore a backup.',
    );
    expect(await tablesOf(connection)).toEqual(expect.arrayContaining(expected));
  });

  it('a table in the way is a MigrationError that names the migration, and nothing half-made stays', async () => {
    const connection = database.connect();
    await sql`create table sessions (something text)`.execute(connection.query);
    const failure: unknown = await migrate(connection).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MigrationError);
    expect(String(failure)).toContain('0001-first');
    expect(await tablesOf(connection)).toEqual(['sessions']);
  });
});

describe('migrate by several processes at once', () => {
  it('four replicas that start at once on PostgreSQL all get a whole schema', async () => {
    const database = await freshDatabase('postgres', inject('postgresUrl'));
    try {
      const connections = Array.from({ length: 4 }, () => database.connect());
      await Promise.all(connections.map((connection) => migrate(connection)));
      for (const connection of connections) {
        expect(await tablesOf(connection)).toEqual(expect.arrayContaining(expected));
      }
    } finally {
      await database.drop();
    }
  });

  it('a replica waits for another one’s migrations for longer than a statement may take', async () => {
    const database = await freshDatabase('postgres', inject('postgresUrl'));
    try {
      const [other, replica] = [database.connect(), database.connect()];
      let waiting: Promise<void> | undefined;
      await other.query.transaction().execute(async (transaction) => {
        await sql`select pg_advisory_xact_lock(3853314791062309107)`.execute(transaction);
        waiting = migrate(replica);
        await sql`select pg_sleep(3)`.execute(transaction);
        await sql`select pg_sleep(3)`.execute(transaction);
        expect(await tablesOf(other)).toEqual([]);
      });
      await waiting;
      expect(await tablesOf(replica)).toEqual(expect.arrayContaining(expected));
    } finally {
      await database.drop();
    }
  });

  it('on SQLite it waits for another process that is writing, and then goes on', async () => {
    const database = await freshDatabase('sqlite', inject('postgresUrl'));
    try {
      const connection = database.connect();
      const holder = await holdWriteLock(database.url.slice('file:'.length), 700);
      const started = performance.now();
      await migrate(connection);
      expect(performance.now() - started).toBeGreaterThan(300);
      expect(await tablesOf(connection)).toEqual(expect.arrayContaining(expected));
      await holder.ended;
    } finally {
      await database.drop();
    }
  });
});

describe('migrate without a database', () => {
  it('a server that does not answer is a MigrationError that names the variable and not its value', async () => {
    const connection = new DatabaseConnection('postgres://somebody:hidden-password@127.0.0.1:9/vestibule');
    try {
      const failure: unknown = await migrate(connection).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(MigrationError);
      expect(String(failure)).toContain('Check DATABASE_URL');
      expect(String(failure)).not.toContain('hidden-password');
    } finally {
      await connection.close();
    }
  });
});

/** Another process that writes to a SQLite file for this long; resolves once it holds the lock. */
async function holdWriteLock(path: string, milliseconds: number): Promise<{ ended: Promise<unknown> }> {
  const script = `
    const database = new (require('libsql'))(process.argv[1]);
    database.exec('begin immediate');
    process.stdout.write('held');
    setTimeout(() => { database.exec('commit'); database.close(); }, ${milliseconds});`;
  const child = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  return { ended };
}
