import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../test/support/fresh.database.js';
import { newIdentity, plainConfiguration } from '../../../test/support/gateway.js';
import { SteppedClock } from '../../../test/support/stepped.clock.js';
import type { DatabaseConnection } from '../../platform/database/database-connection.js';
import { addressesOf } from './former-address.js';
import { UserOwnership } from './user-ownership.js';
import { RequiredFactors } from './required-factors.js';
import { UsersService } from './users.service.js';

const day = 24 * 60 * 60 * 1000;

describe.each(databaseKinds)('the address that was replaced, on %s', (kind) => {
  const [first, second, third] = ['first@example.test', 'second@example.test', 'third@example.test'];
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let clock: SteppedClock;
  let users: UsersService;
  let ownership: UserOwnership;
  let identity: ReturnType<typeof newIdentity>;

  beforeEach(async () => {
    database = await migratedDatabase(kind, inject('postgresUrl'));
    connection = database.connect();
    clock = new SteppedClock();
    users = new UsersService(connection, clock, plainConfiguration(), new RequiredFactors());
    ownership = new UserOwnership(connection, clock);
    identity = newIdentity({ email: first, emailVerified: true });
    await users.recordLogin(identity);
  });

  afterEach(async () => {
    await database?.drop();
  });

  const logInWith = async (email: string | null, emailVerified: boolean): Promise<string> =>
    (await users.recordLogin({ ...identity, email, emailVerified })).user.id;

  /** The present address, and the former ones. */
  async function told(): Promise<readonly (string | undefined)[]> {
    const row = await connection.query.selectFrom('users').selectAll().executeTakeFirstOrThrow();
    const { present, former } = addressesOf(row, clock.now());
    return [present, ...former];
  }

  it('is told for seven days, and forgotten at a login after them', async () => {
    expect(await told()).toEqual([first]);
    await logInWith(second, true);
    expect(await told()).toEqual([second, first]);
    clock.time += 6 * day;
    await logInWith(second, true);
    expect(await told()).toEqual([second, first]);
    clock.time += day;
    expect(await told()).toEqual([second]);
    await logInWith(second, true);
    const row = connection.query.selectFrom('users').select(['former_emails', 'former_emails_at']);
    expect(await row.execute()).toEqual([{ former_emails: null, former_emails_at: null }]);
  });

  it('is told although more changes follow, with whatever address', async () => {
    for (const [email, isVerified, expected] of [
      [second, false, [undefined, first]],
      [third, true, [third, first]],
      // Reported again, but not proven: who did that may not have its mailbox.
      [first, false, [undefined, first, third]],
      [null, false, [undefined, first, third]],
    ] as const) {
      await logInWith(email, isVerified);
      expect(await told()).toEqual(expected);
    }
  });

  it('that is the present one again is told once, and for seven days from its last change', async () => {
    await logInWith(second, true);
    clock.time += 5 * day;
    await logInWith(first, true);
    expect(await told()).toEqual([first, second]);
    await logInWith(third, true);
    expect(await told()).toEqual([third, first, second]);
    clock.time += 6 * day;
    expect(await told()).toEqual([third, second, first]);
    clock.time += day;
    expect(await told()).toEqual([third]);
  });

  it('is told beside the one before it, each for seven days', async () => {
    await logInWith(second, true);
    clock.time += 3 * day;
    await logInWith(third, true);
    expect(await told()).toEqual([third, first, second]);
    clock.time += 4 * day;
    expect(await told()).toEqual([third, second]);
    clock.time += 3 * day;
    expect(await told()).toEqual([third]);
  });

  it('stays in the list, however many follow', async () => {
    await logInWith(second, true);
    for (let index = 0; index < 200; index += 1) {
      await logInWith(`number-${index}@example.test`, true);
    }
    const [, ...former] = await told();
    expect(former.slice(0, 3)).toEqual([first, second, 'number-0@example.test']);
    expect(former.length).toBeLessThan(50);
  });

  it('is told after the owner of another address took the account over', async () => {
    const id = await logInWith(first, true);
    await ownership.suspend(id, second);
    await ownership.prove(id, second);
    expect(await told()).toEqual([second, first]);
  });

  it('that was never verified is told of nothing', async () => {
    const stranger = newIdentity({ email: second, emailVerified: false });
    await connection.query.deleteFrom('users').execute();
    await users.recordLogin(stranger);
    await users.recordLogin({ ...stranger, email: third, emailVerified: false });
    expect(await told()).toEqual([undefined]);
  });
});
