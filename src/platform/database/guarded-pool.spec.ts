import { randomInt } from 'node:crypto';
import { sql } from 'kysely';
import { Client } from 'pg';
import { expect, inject, it, onTestFinished } from 'vitest';
import { DatabaseConnection } from './database-connection.js';

it('callers who wait too long for a connection are refused, and shut nobody else out', async () => {
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
  await holder.query('select pg_advisory_unlock($1)', [lock]);
  await Promise.all(busy);
  expect((await sql<{ one: number }>`select 1 as one`.execute(connection.query)).rows).toEqual([{ one: 1 }]);
});
