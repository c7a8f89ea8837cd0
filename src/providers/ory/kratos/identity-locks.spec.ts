import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { databaseKinds } from '../../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../../test/support/fresh.database.js';
import { SteppedClock } from '../../../../test/support/stepped.clock.js';
import { waitUntil } from '../../../../test/support/stack.js';
import { DatabaseLocks } from '../../../platform/database/database-locks.js';
import { IdentityLocks } from './identity-locks.js';

describe.each(databaseKinds)('changes of one identity, on %s', (kind) => {
  let database: FreshDatabase;
  /** As each process has it. */
  const open = (): IdentityLocks =>
    new IdentityLocks(new DatabaseLocks(database.connect(), new SteppedClock()));

  beforeEach(async () => {
    database = await migratedDatabase(kind, inject('postgresUrl'));
  });

  afterEach(async () => {
    await database?.drop();
  });

  it('never overlap, in one process or two', async () => {
    let underWay = 0;
    let most = 0;
    const change = async (): Promise<void> => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
    };
    const processes = [open(), open()];
    await Promise.all(
      Array.from({ length: 12 }, async (_value, index) =>
        processes[index % 2]?.run('ada', change, `${index}`),
      ),
    );
    expect(most).toBe(1);
  });

  it('of one source wait for each other first, and are refused when they are too many', async () => {
    const locks = open();
    const order: string[] = [];
    const release = await locks.hold('ada', 'intruder');
    const flood = Promise.allSettled(
      Array.from({ length: 70 }, async () =>
        locks.run('ada', async () => void order.push('intruder'), 'intruder'),
      ),
    );
    const owner = locks.run('ada', async () => void order.push('owner'), 'owner');
    const other = locks.run('grace', async () => void order.push('grace'), 'intruder');
    await other;
    release();
    release();
    await owner;
    const outcomes = await flood;
    expect(order.slice(0, 3)).toEqual(['grace', 'owner', 'intruder']);
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(7);
    expect(refused[0]).toMatchObject({ reason: { code: 'overloaded', reason: 'lock_busy' } });
  });

  it('that come through the line of their source wait two seconds for the lock, and a late one holds nothing', async () => {
    const locks = open();
    const endLine = await locks.enterLine('ada', 'guesses');
    expect(await locks.run('ada', async () => 'meanwhile')).toBe('meanwhile');
    const release = await locks.hold('ada', 'owner');
    await expect(locks.holdSoon('ada')).rejects.toMatchObject({ code: 'overloaded', reason: 'lock_busy' });
    release();
    const soon = await locks.holdSoon('ada');
    soon();
    endLine();
    expect(await locks.run('ada', async () => 'next', 'guesses')).toBe('next');
  });

  it('stay done while the lock can’t be released, and the next one waits no longer than that', async () => {
    const { query } = database.connect();
    const locks = open();
    const done = await locks.run('ada', async () => {
      await query.schema.alterTable('locks').renameTo('away').execute();
      return 'done';
    });
    expect(done).toBe('done');
    await query.schema.alterTable('away').renameTo('locks').execute();
    await waitUntil(
      async () => (await query.selectFrom('locks').select('name').execute()).length === 0,
      'the lock to be released',
    );
    expect(await locks.run('ada', async () => 'next')).toBe('next');
  });
});
