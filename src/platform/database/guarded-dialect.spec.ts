import { sql } from 'kysely';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../../test/support/fresh.database.js';
import { findFreePorts } from '../../launcher/port-finder.js';
import { Problem } from '../errors/problem.error.js';
import { DatabaseConnection } from './database-connection.js';
import { isDatabaseAway } from './guarded-dialect.js';

describe('a database that is away', () => {
  let database: FreshDatabase | undefined;

  afterEach(async () => {
    await database?.drop();
    database = undefined;
  });

  const failureOf = async (act: Promise<unknown>): Promise<unknown> =>
    act.then(
      () => undefined,
      (error: unknown) => error,
    );

  it('a server that nobody listens for is database_unavailable', async () => {
    const [port = 0] = await findFreePorts(1);
    const connection = new DatabaseConnection(`postgres://nobody@127.0.0.1:${port}/none`);
    const failure = await failureOf(sql`select 1`.execute(connection.query));
    await connection.close();
    expect(failure).toMatchObject({ code: 'database_unavailable', reason: 'database_unreachable' });
  });

  it('a connection that the server ends is database_unavailable, and replaced', async () => {
    database = await freshDatabase('postgres', inject('postgresUrl'));
    const connection = await database.connectMigrated();
    const killer = database.connect();
    const running = failureOf(sql`select pg_sleep(20)`.execute(connection.query));
    await expect
      .poll(async () => {
        const { rows } = await sql<{ ended: boolean }>`
          select pg_terminate_backend(pid) as ended from pg_stat_activity
          where query like ${'select pg_sleep%'} and datname = current_database() and state = 'active'
        `.execute(killer.query);
        return rows.length;
      })
      .toBe(1);
    expect(await running).toMatchObject({ code: 'database_unavailable' });
    await expect.poll(async () => failureOf(sql`select 1`.execute(connection.query))).toBeUndefined();
  });

  it('a text with a NUL, which PostgreSQL refuses, is the caller’s fault', async () => {
    database = await freshDatabase('postgres', inject('postgresUrl'));
    const { query } = await database.connectMigrated();
    const asked = query.selectFrom('users').select('id').where('id', '=', 'a\0b').execute();
    expect(await failureOf(asked)).toMatchObject({ code: 'malformed_request' });
  });

  it('a write of a SQLite transaction that has read an older state is database_unavailable', async () => {
    database = await freshDatabase('sqlite', inject('postgresUrl'));
    const connection = database.connect();
    const other = database.connect();
    await sql`create table notes (text text)`.execute(connection.query);
    const failure = await failureOf(
      connection.query.transaction().execute(async (transaction) => {
        await sql`select * from notes`.execute(transaction);
        await sql`insert into notes values ('theirs')`.execute(other.query);
        await sql`insert into notes values ('ours')`.execute(transaction);
      }),
    );
    expect(failure).toMatchObject({
      code: 'database_unavailable',
      cause: { code: 'SQLITE_BUSY_SNAPSHOT' },
    });
  });

  it.each(['sqlite', 'postgres'] as const)('a wrong statement on %s stays what it is', async (kind) => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    const connection = await database.connectMigrated();
    const failure = await failureOf(sql`select * from nothing_here`.execute(connection.query));
    expect(failure).toBeInstanceOf(Error);
    expect(failure).not.toBeInstanceOf(Problem);
  });

  it.each([
    [{ code: '57P01' }, true],
    [{ code: '08006' }, true],
    [{ code: '53300' }, true],
    [{ code: '23505' }, false],
    [{ code: '42P01' }, false],
    [{ code: 'ECONNREFUSED' }, true],
    [{ code: 'SQLITE_FULL' }, true],
    [{ code: 'SQLITE_BUSY' }, true],
    [{ code: 'SQLITE_BUSY_SNAPSHOT' }, true],
    [{ code: 'SQLITE_BUSY_RECOVERY' }, true],
    [{ code: 'SQLITE_BUSY_TIMEOUT' }, true],
    [{ code: 'SQLITE_IOERR_WRITE' }, true],
    [{ code: 'SQLITE_CANTOPEN_ISDIR' }, true],
    [{ code: 'SQLITE_READONLY_DBMOVED' }, true],
    [{ code: 'SQLITE_BUSYBODY' }, false],
    [{ code: 'SQLITE_CONSTRAINT_UNIQUE' }, false],
    [{ code: 'SQLITE_CONSTRAINT' }, false],
    [{ message: 'timeout exceeded when trying to connect' }, true],
    [{ message: 'Cannot use a pool after calling end on the pool' }, true],
    [{ message: 'Connection terminated unexpectedly' }, true],
    [{ message: 'Query read timeout' }, true],
    [{ message: 'something else' }, false],
  ])('%j away: %s', (error, away) => {
    expect(isDatabaseAway(Object.assign(new Error('x'), error))).toBe(away);
  });
});
