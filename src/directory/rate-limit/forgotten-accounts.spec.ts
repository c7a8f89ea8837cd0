import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../test/support/fresh.database.js';
import { SteppedClock } from '../../../test/support/stepped.clock.js';
import { waitUntil } from '../../../test/support/stack.js';
import { browserKnownFor } from './device-cookie.js';
import { ForgottenAccounts } from './forgotten-accounts.js';

describe.each(databaseKinds)('accounts whose networks and browsers are forgotten, on %s', (kind) => {
  let database: FreshDatabase;
  let clock: SteppedClock;
  /** As each process has it. */
  const open = (): ForgottenAccounts => new ForgottenAccounts(database.connect(), clock);

  beforeEach(async () => {
    database = await migratedDatabase(kind, inject('postgresUrl'));
    clock = new SteppedClock();
  });

  afterEach(async () => {
    await database?.drop();
  });

  it('stay forgotten in every process, also after a restart, and under each of the secrets', async () => {
    const first = open();
    expect(await first.since(['ada'])).toBe(0);
    await first.note(['ada', 'grace']);
    clock.time += 1000;
    await first.note(['ada']);
    const other = open();
    expect(await other.since(['ada'])).toBe(clock.time);
    expect(await other.since(['new-secret', 'grace'])).toBe(clock.time - 1000);
    expect(await other.since(['eve'])).toBe(0);
  });

  it('are noted also when the database is away: here at once, elsewhere when it is back', async () => {
    const { query } = database.connect();
    const accounts = open();
    await accounts.note(['grace']);
    await query.schema.alterTable('forgotten_accounts').renameTo('away').execute();
    const noted = clock.time + 1000;
    clock.time = noted;
    await accounts.noteDone(['ada', 'grace']);
    await expect(accounts.note(['eve'])).rejects.toThrow();
    clock.time += 1000;
    await query.schema.alterTable('away').renameTo('forgotten_accounts').execute();
    expect([await accounts.since(['ada']), await accounts.since(['eve'])]).toEqual([noted, 0]);
    const other = open();
    await waitUntil(async () => (await other.since(['ada'])) === noted, 'the account to be stored');
    expect(await other.since(['grace'])).toBe(noted);
  });

  it('that are none cost no statement', async () => {
    const connection = database.connect();
    await connection.query.schema.dropTable('forgotten_accounts').execute();
    const accounts = new ForgottenAccounts(connection, clock);
    await accounts.note([]);
    await expect(accounts.note(['ada'])).rejects.toThrow();
  });

  it('by a replica whose clock is behind, keep the later moment', async () => {
    await open().note(['ada']);
    const noted = clock.time;
    clock.time -= 5000;
    await open().note(['ada']);
    expect(await open().since(['ada'])).toBe(noted);
  });

  it('are kept for as long as a browser can be known', async () => {
    await open().note(['ada']);
    clock.time += browserKnownFor * 1000;
    await open().note(['grace']);
    expect(await open().since(['ada'])).toBe(clock.time - browserKnownFor * 1000);
    clock.time += 1;
    await open().note(['grace']);
    expect(await open().since(['ada'])).toBe(0);
  });
});
