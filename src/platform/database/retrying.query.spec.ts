import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../../test/support/fresh.database.js';
import { DatabaseConnection } from './database-connection.js';

let fresh: FreshDatabase;
let connection: DatabaseConnection;

beforeAll(async () => {
  fresh = await freshDatabase('postgres', inject('postgresUrl'));
  const url = new URL(fresh.url);
  // CockroachDB always uses this isolation level.
  url.searchParams.set('options', '-c default_transaction_isolation=serializable');
  connection = new DatabaseConnection(url.href);
  await sql`create table counters (id integer primary key, value integer not null)`.execute(connection.query);
  await sql`insert into counters values (1, 0), (2, 0)`.execute(connection.query);
});

afterAll(async () => {
  await connection?.close();
  await fresh?.drop();
});

const valueOf = async (id: number): Promise<unknown> =>
  (await sql<{ value: number }>`select value from counters where id = ${id}`.execute(connection.query))
    .rows[0]?.value;

describe('transactions that lose against another one', () => {
  it('a serialisation failure (40001): all of it is done again, and nothing is lost', async () => {
    let attempts = 0;
    let meet = (): void => undefined;
    /** All have read what each is about to change. */
    const met = new Promise<void>((resolve) => {
      meet = resolve;
    });
    await Promise.all(
      Array.from({ length: 5 }, () =>
        connection.query.transaction().execute(async (transaction) => {
          attempts += 1;
          const { rows } = await sql<{ value: number }>`select value from counters where id = 1`.execute(
            transaction,
          );
          if (attempts === 5) {
            meet();
          }
          await met;
          await sql`update counters set value = ${(rows[0]?.value ?? 0) + 1} where id = 1`.execute(
            transaction,
          );
        }),
      ),
    );
    expect(await valueOf(1)).toBe(5);
    expect(attempts).toBeGreaterThan(5);
  });

  it('a deadlock (40P01): the one that is chosen to give way comes again', async () => {
    const met: (() => void)[] = [];
    /** Both lock a row before either requests the other's. */
    const meet = async (): Promise<void> =>
      new Promise((resolve) => {
        met.push(resolve);
        if (met.length >= 2) {
          met.forEach((go) => go());
        }
      });
    const swap = async (first: number, second: number): Promise<void> =>
      connection.query.transaction().execute(async (transaction) => {
        await sql`update counters set value = value + 10 where id = ${first}`.execute(transaction);
        await meet();
        await sql`update counters set value = value + 10 where id = ${second}`.execute(transaction);
      });
    await Promise.all([swap(1, 2), swap(2, 1)]);
    expect(await valueOf(2)).toBe(20);
    expect(met.length).toBeGreaterThan(2);
  });

  it('a single statement is a transaction by itself, and comes again too', async () => {
    const before = Number(await valueOf(1));
    await Promise.all(
      Array.from({ length: 5 }, () =>
        sql`update counters set value = value + 1 where id = 1`.execute(connection.query),
      ),
    );
    expect(await valueOf(1)).toBe(before + 5);
  });

  it('a statement between a `begin` and a `commit` of its own, as the migrations have, is not tried again alone', async () => {
    await connection.query.connection().execute(async (own) => {
      await sql`begin`.execute(own);
      await sql`select value from counters where id = 1`.execute(own);
      await sql`update counters set value = value + 1 where id = 1`.execute(connection.query);
      const late = sql`update counters set value = value + 1 where id = 1`.execute(own);
      await expect(late).rejects.toMatchObject({ code: '40001' });
      await sql`rollback`.execute(own);
    });
  });

  it('any other failure is not tried again', async () => {
    let attempts = 0;
    await expect(
      connection.query.transaction().execute(async (transaction) => {
        attempts += 1;
        await sql`insert into counters values (1, 0)`.execute(transaction);
      }),
    ).rejects.toMatchObject({ code: '23505' });
    expect(attempts).toBe(1);
  });
});
