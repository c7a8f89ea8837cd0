import { randomInt } from 'node:crypto';
import { sql } from 'kysely';
import { Client } from 'pg';
import { expect, inject, it, onTestFinished } from 'vitest';
import { DatabaseConnection } from './database-connection.js';

/** A pool of which every connection waits for a lock. */
async function useBusyConnection(): Promise<{
  connection: DatabaseConnection;
  /** Lets all of them go on. */
  free: () => Promise<void>;
}> {
  const holder = new Client({ connectionString: inject('postgresUrl') });
  await holder.connect();
  onTestFinished(() => holder.end());
  const lock = randomInt(2 ** 31);
  await holder.query('select pg_advisory_lock($1)', [lock]);
  const connection = new DatabaseConnection(inject('postgresUrl'));
  onTestFinished(() => connection.close());
  const busy = Array.from({ length: 10 }, () =>
    sql`select pg_advisory_xact_lock(${lock})`.execute(connection.query),
  );
  return {
    connection,
    free: async () => {
      await holder.query('select pg_advisory_unlock($1)', [lock]);
      await Promise.all(busy);
    },
  };
}

it('callers who wait too long for a connection are refused, and the circuit stays closed', async () => {
  const { connection, free } = await useBusyConnection();
  const waiting = await Promise.allSettled(
    Array.from({ length: 8 }, () => sql`select 1`.execute(connection.query)),
  );
  expect(waiting).toEqual(
    waiting.map(() => ({
      status: 'rejected',
      reason: expect.objectContaining({ code: 'database_unavailable', reason: 'database_unreachable' }),
    })),
  );
  expect(connection.breaker?.state).toBe('closed');
  await free();
  expect((await sql<{ one: number }>`select 1 as one`.execute(connection.query)).rows).toEqual([{ one: 1 }]);
});

it('callers whose turn comes late wait, as long as the line moves', async () => {
  const connection = new DatabaseConnection(inject('postgresUrl'));
  onTestFinished(() => connection.close());
  // Ten at a time, each 400 ms: the last ones wait for more than two seconds.
  const slept = Array.from({ length: 70 }, () => sql`select pg_sleep(0.4)`.execute(connection.query));
  expect((await Promise.allSettled(slept)).filter(({ status }) => status === 'rejected')).toEqual([]);
});

it('no connection is lost to callers who were refused, or whose statement failed', async () => {
  const { connection, free } = await useBusyConnection();
  await Promise.allSettled(Array.from({ length: 5 }, () => sql`select 1`.execute(connection.query)));
  await free();
  await Promise.allSettled(
    Array.from({ length: 20 }, () => sql`select * from no_such_table`.execute(connection.query)),
  );
  // Ten hold a connection at the same moment, each until all ten have theirs.
  const leave: (() => void)[] = [];
  const all = Array.from({ length: 10 }, async () =>
    connection.query.transaction().execute(
      async () =>
        new Promise<void>((resolve) => {
          if (leave.push(resolve) === 10) {
            leave.forEach((done) => done());
          }
        }),
    ),
  );
  expect(await Promise.all(all)).toHaveLength(10);
});
