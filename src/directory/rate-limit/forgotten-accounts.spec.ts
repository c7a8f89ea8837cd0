import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../test/support/fresh.database.js';
import { SteppedClock } from '../../../test/support/stepped.clock.js';
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
