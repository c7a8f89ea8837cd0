import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../test/support/fresh.database.js';
import { newIdentity, plainConfiguration } from '../../../test/support/gateway.js';
import { Clock } from '../../platform/time/clock.service.js';
import { newId } from '../../platform/core/identifier.js';
import type { DatabaseConnection } from '../../platform/database/database-connection.js';
import * as milestones from '../../platform/database/migrations/0009-milestones.migration.js';
import type { UserRow } from '../../platform/database/database.schema.js';
import { FirstAdministrator } from './first-administrator.js';
import { RequiredFactors } from './required-factors.js';
import { UsersService } from './users.service.js';

describe.each(databaseKinds)('FirstAdministrator on %s', (kind) => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let administrators: FirstAdministrator;

  beforeEach(async () => {
    database = await migratedDatabase(kind, inject('postgresUrl'));
    connection = database.connect();
    administrators = new FirstAdministrator(connection, new Clock());
  });

  afterEach(async () => {
    await database?.drop();
  });

  const newUser = async (): Promise<string> =>
    new UsersService(connection, new Clock(), plainConfiguration(), new RequiredFactors()).ensure(
      newIdentity(),
    );

  async function roles(): Promise<Record<string, string>> {
    const rows = await connection.query.selectFrom('users').select(['id', 'role']).execute();
    return Object.fromEntries(rows.map(({ id, role }) => [id, role]));
  }

  async function change(id: string, values: Partial<UserRow>) {
    await connection.query.updateTable('users').set(values).where('id', '=', id).execute();
  }

  it('is one, however many are to be it at once, on however many replicas', async () => {
    const ids = await Promise.all(Array.from({ length: 5 }, newUser));
    // SQLite has one replica.
    const replicas = ids.map(() =>
      kind === 'sqlite' ? administrators : new FirstAdministrator(database.connect(), new Clock()),
    );
    const outcomes = await Promise.all(ids.map((id, index) => replicas[index]?.appoint(id)));
    expect(outcomes.filter((outcome) => outcome === 'appointed')).toHaveLength(1);
    expect(Object.values(await roles()).filter((role) => role === 'admin')).toHaveLength(1);
    expect(await administrators.wasMade()).toBe(true);
  });

  it('is not a user whose address was changed, or lost its proof, after it was read; that uses nothing up', async () => {
    const users = new UsersService(connection, new Clock(), plainConfiguration(), new RequiredFactors());
    const identity = { ...newIdentity(), email: 'ada@example.org', emailVerified: true };
    const id = await users.ensure(identity);
    const set = (values: { email?: string; email_verified?: number }) =>
      connection.query.updateTable('users').set(values).where('id', '=', id).execute();
    await set({ email: 'eve@example.org' });
    expect(await administrators.appoint(id, 'ada@example.org')).toBe('not_theirs');
    await set({ email: 'ada@example.org', email_verified: 0 });
    expect(await administrators.appoint(id, 'ada@example.org')).toBe('not_theirs');
    expect([await administrators.wasMade(), await roles()]).toEqual([false, { [id]: 'user' }]);
    await set({ email_verified: 1 });
    expect(await administrators.appoint(id, 'ada@example.org')).toBe('appointed');
  });

  it('who was demoted is not raised again, and who was deleted has no successor', async () => {
    const first = await newUser();
    expect(await administrators.wasMade()).toBe(false);
    expect(await administrators.appoint(first)).toBe('appointed');
    expect(await administrators.appoint(first)).toBe('is_administrator');
    await change(first, { role: 'user' });
    expect(await administrators.appoint(first)).toBe('refused_again');
    await connection.query.deleteFrom('users').where('id', '=', first).execute();
    const second = await newUser();
    expect(await administrators.appoint(second)).toBe('refused_again');
    expect(await roles()).toEqual({ [second]: 'user' });
  });

  it('an operator promotes the first, and another only when told so', async () => {
    const [first, second] = [await newUser(), await newUser()];
    expect(await administrators.promote(first, { another: false, unverified: false })).toBe('first');
    expect(await administrators.promote(first, { another: false, unverified: false })).toBe(
      'is_administrator',
    );
    await expect(administrators.promote(second, { another: false, unverified: false })).rejects.toMatchObject(
      {
        reason: 'administrator_exists',
      },
    );
    expect(await administrators.promote(second, { another: true, unverified: false })).toBe('another');
    expect(await roles()).toEqual({ [first]: 'admin', [second]: 'admin' });
  });

  it('an operator promotes who has an unverified address only when told so', async () => {
    const id = await newUser();
    await change(id, { email: 'ada@example.org', email_verified: 0 });
    await expect(administrators.promote(id, { another: false, unverified: false })).rejects.toMatchObject({
      reason: 'administrator_unverified',
    });
    expect(await roles()).toEqual({ [id]: 'user' });
    expect(await administrators.promote(id, { another: false, unverified: true })).toBe('first');
  });

  it('an operator promotes another when none is left, and ADMIN_EMAIL still makes none', async () => {
    const [first, second] = [await newUser(), await newUser()];
    await administrators.appoint(first);
    await change(first, { disabled_at: 1 });
    expect(await administrators.promote(second, { another: false, unverified: false })).toBe('another');
    expect(await administrators.appoint(await newUser())).toBe('refused_again');
  });

  it('is a person who can log in, and is there', async () => {
    const [robot, disabled] = [await newUser(), await newUser()];
    await change(robot, { kind: 'service' });
    await change(disabled, { disabled_at: 1 });
    await expect(administrators.appoint(robot)).rejects.toMatchObject({ reason: 'service_account' });
    await expect(administrators.promote(robot, { another: true, unverified: false })).rejects.toMatchObject({
      reason: 'service_account',
    });
    await expect(
      administrators.promote(disabled, { another: true, unverified: false }),
    ).rejects.toMatchObject({ reason: 'user_disabled' });
    await expect(administrators.promote(newId(), { another: true, unverified: false })).rejects.toMatchObject(
      { code: 'not_found' },
    );
    expect(await administrators.wasMade()).toBe(false);
  });

  it.each([
    ['with an administrator has had its first', true],
    ['without one has not', false],
  ])('a deployment of an older version %s', async (_, had) => {
    const id = await newUser();
    if (had) {
      await connection.query.updateTable('users').set({ role: 'admin' }).where('id', '=', id).execute();
    }
    await connection.query.schema.dropTable('milestones').execute();
    await milestones.up(connection.query);
    expect(await administrators.wasMade()).toBe(had);
  });
});
