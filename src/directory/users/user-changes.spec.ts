import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../test/support/fresh.database.js';
import { newIdentity, plainConfiguration } from '../../../test/support/gateway.js';
import { Clock } from '../../platform/time/clock.service.js';
import { newId } from '../../platform/core/identifier.js';
import type { DatabaseConnection } from '../../platform/database/database-connection.js';
import type { OrgRole, UserRow } from '../../platform/database/database.schema.js';
import { UserChanges } from './user-changes.js';
import { UserDirectory } from './user-directory.js';
import { RequiredFactors } from './required-factors.js';
import { UsersService } from './users.service.js';

/** An operator. */
const somebody = { id: null, isAdministrator: true };
const conflict = (reason: string) => ({ code: 'conflict', reason });

describe.each(databaseKinds)('UserChanges on %s', (kind) => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let users: UsersService;
  /** Two replicas. */
  let changes: UserChanges;
  let elsewhere: UserChanges;

  beforeEach(async () => {
    database = await migratedDatabase(kind, inject('postgresUrl'));
    connection = database.connect();
    users = new UsersService(connection, new Clock(), plainConfiguration(), new RequiredFactors());
    changes = new UserChanges(connection, new Clock());
    // SQLite has one process, and with it one connection.
    elsewhere = new UserChanges(kind === 'sqlite' ? connection : database.connect(), new Clock());
  });

  afterEach(async () => {
    await database?.drop();
  });

  async function add(role: UserRow['role'] = 'user'): Promise<string> {
    const { user } = await users.recordLogin(newIdentity());
    await connection.query.updateTable('users').set({ role }).where('id', '=', user.id).execute();
    return user.id;
  }

  async function addOrg(members: Readonly<Record<string, OrgRole>>): Promise<string> {
    const id = newId();
    await connection.query
      .insertInto('orgs')
      .values({
        id,
        slug: id,
        name: 'Org',
        domain: null,
        join_policy: 'invite',
        version: 1,
        created_at: 1,
        updated_at: 1,
      })
      .execute();
    for (const [userId, role] of Object.entries(members)) {
      await connection.query
        .insertInto('memberships')
        .values({ org_id: id, user_id: userId, role, state: 'active', created_at: 1 })
        .execute();
    }
    return id;
  }

  const rowOf = async (id: string): Promise<UserRow> => new UserDirectory(connection).require(id);
  /** How many concurrent acts succeeded; the others must have been refused. */
  async function successes(acts: readonly Promise<unknown>[], codes: readonly string[]): Promise<number> {
    const results = await Promise.allSettled(acts);
    const refusals = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
    expect(refusals.filter((code) => !codes.includes(code))).toEqual([]);
    return results.filter(({ status }) => status === 'fulfilled').length;
  }

  it('a change is written with its search key, and the version goes up once', async () => {
    const id = await add();
    const reserved = await changes.reserve(id, { name: 'Ada' }, '"1"', somebody);
    expect(reserved).toMatchObject({ version: 2, name: 'Ada Lovelace' });
    const changed = await changes.apply(id, { name: 'ÀDA', picture: null }, somebody);
    expect(changed).toMatchObject({ version: 2, name: 'ÀDA', name_key: 'àda', picture: null });
    expect(await rowOf(id)).toEqual(changed);
  });

  it('of 10 changes from one version, on two replicas, one goes through', async () => {
    const id = await add();
    for (let version = 1; version <= 10; version += 1) {
      const acts = Array.from({ length: 10 }, (_, index) =>
        (index % 2 === 0 ? changes : elsewhere).reserve(id, { name: 'X' }, `"${version}"`, somebody),
      );
      expect(await successes(acts, ['precondition_failed'])).toBe(1);
      expect((await rowOf(id)).version).toBe(version + 1);
    }
  });

  it.each(['"2"', 'W/"1"', '1', '"1', '', 'x'.repeat(5000)])(
    'If-Match %s is not the version',
    async (tag) => {
      const id = await add();
      await expect(changes.reserve(id, { name: 'X' }, tag, somebody)).rejects.toMatchObject({
        code: 'precondition_failed',
      });
      expect((await rowOf(id)).version).toBe(1);
    },
  );

  it.each([undefined, '*', '"1"', '"7", "1"'])('If-Match %s is', async (tag) => {
    expect((await changes.reserve(await add(), { name: 'X' }, tag, somebody)).version).toBe(2);
  });

  it('a user that is not there is not found', async () => {
    const missing = { code: 'not_found' };
    const id = newId();
    await expect(changes.reserve(id, { name: 'X' }, undefined, somebody)).rejects.toMatchObject(missing);
    await expect(changes.apply(id, { role: 'user' }, somebody)).rejects.toMatchObject(missing);
    await expect(changes.disable(id, somebody)).rejects.toMatchObject(missing);
    await expect(changes.enable(id, somebody, null)).rejects.toMatchObject(missing);
    await expect(changes.claimDeletion(id, somebody)).rejects.toMatchObject(missing);
  });

  it('what an administrator may do is over with the role, whatever their token says', async () => {
    const [former, disabled, id] = [await add('admin'), await add('admin'), await add()];
    await add('admin');
    await changes.apply(former, { role: 'user' }, somebody);
    await changes.disable(disabled, somebody);
    for (const author of [former, disabled, newId()].map((by) => ({ id: by, isAdministrator: true }))) {
      for (const act of [
        () => changes.reserve(id, { name: 'X' }, undefined, author),
        () => changes.apply(id, { role: 'admin' }, author),
        () => changes.apply(former, { role: 'admin' }, author),
        () => changes.disable(id, author),
        () => changes.enable(disabled, author, null),
        () => changes.claimDeletion(id, author),
      ]) {
        await expect(act()).rejects.toMatchObject({ code: expect.stringMatching('forbidden|conflict') });
      }
    }
    const asThemselves = { id, isAdministrator: false };
    await expect(changes.apply(id, { role: 'admin' }, asThemselves)).rejects.toMatchObject({
      code: 'forbidden',
    });
    expect(await rowOf(id)).toMatchObject({ role: 'user', version: 1, disabled_at: null });
    expect(await rowOf(former)).toMatchObject({ role: 'user' });
    expect((await rowOf(disabled)).disabled_at).not.toBeNull();
  });

  it('of two who change one role at the same time, a demoted administrator never gives it back', async () => {
    for (let round = 0; round < 10; round += 1) {
      const [one, other] = [await add('admin'), await add('admin')];
      await Promise.allSettled([
        changes.apply(one, { role: 'user' }, { id: other, isAdministrator: true }),
        elsewhere.apply(one, { role: 'admin' }, { id: one, isAdministrator: true }),
      ]);
      expect(await rowOf(one)).toMatchObject({ role: 'user' });
    }
  });

  it('administrators cannot take themselves out', async () => {
    const [id] = [await add('admin'), await add('admin')];
    const self = { id, isAdministrator: true };
    await expect(changes.reserve(id, { role: 'user' }, undefined, self)).rejects.toMatchObject(
      conflict('own_account'),
    );
    await expect(changes.disable(id, self)).rejects.toMatchObject(conflict('own_account'));
    await expect(changes.claimDeletion(id, self)).rejects.toMatchObject(conflict('own_account'));
    expect(await rowOf(id)).toMatchObject({ role: 'admin', disabled_at: null, version: 1 });
    // A person may leave like this, while there is another owner.
    const asPerson = { id, isAdministrator: false };
    expect((await changes.claimDeletion(id, asPerson)).row.disabled_at).not.toBeNull();
  });

  it('a user who is disabled once more stays so, also for an administrator who was enabling them', async () => {
    const id = await add();
    await changes.disable(id, somebody);
    const claimed = await changes.claimEnabling(id, somebody);
    // The same millisecond is another time, too.
    await elsewhere.disable(id, somebody);
    await expect(changes.enable(id, somebody, claimed)).rejects.toMatchObject(conflict('disabled_again'));
    expect((await rowOf(id)).disabled_at).not.toBeNull();
  });

  it('the last administrator stays; one who is disabled does not count', async () => {
    const [id, other] = [await add('admin'), await add('admin')];
    await changes.disable(other, somebody);
    for (const act of [
      () => changes.reserve(id, { role: 'user' }, undefined, somebody),
      () => changes.apply(id, { role: 'user' }, somebody),
      () => changes.disable(id, somebody),
      () => changes.claimDeletion(id, somebody),
      () => changes.claimDeletion(id, { id, isAdministrator: false }),
    ]) {
      await expect(act()).rejects.toMatchObject(conflict('last_administrator'));
    }
    await changes.apply(other, { role: 'user' }, somebody);
    await changes.enable(other, somebody, await changes.claimEnabling(other, somebody));
    await expect(changes.disable(id, somebody)).rejects.toMatchObject(conflict('last_administrator'));
    await changes.apply(other, { role: 'admin' }, somebody);
    expect((await changes.disable(id, somebody)).disabled_at).not.toBeNull();
  });

  it('administrators who take each other out at the same time, on two replicas, leave one', async () => {
    for (let round = 0; round < 5; round += 1) {
      await connection.query.updateTable('users').set({ role: 'user' }).execute();
      const [one, other, third] = [await add('admin'), await add('admin'), await add('admin')];
      const by = (id: string) => ({ id, isAdministrator: true });
      const acts = [
        changes.disable(one, by(other)),
        elsewhere.claimDeletion(other, by(third)),
        changes.apply(third, { role: 'user' }, by(one)),
        elsewhere.disable(other, by(one)),
      ];
      const done = await successes(acts, ['conflict', 'forbidden']);
      expect(done).toBeGreaterThan(0);
      const left = await connection.query
        .selectFrom('users')
        .select('id')
        .where('role', '=', 'admin')
        .where('disabled_at', 'is', null)
        .execute();
      expect(left).toHaveLength(1);
    }
  });

  it('a service account cannot become an administrator', async () => {
    const id = await add();
    await connection.query.updateTable('users').set({ kind: 'service' }).where('id', '=', id).execute();
    await expect(changes.apply(id, { role: 'admin' }, somebody)).rejects.toMatchObject(
      conflict('service_account'),
    );
  });

  it('the only owner of an organisation cannot be deleted', async () => {
    const [id, other, member] = [await add(), await add(), await add()];
    await addOrg({ [id]: 'owner', [other]: 'owner' });
    const orgId = await addOrg({ [id]: 'owner', [other]: 'admin', [member]: 'member' });
    await expect(changes.claimDeletion(id, somebody)).rejects.toMatchObject({ code: 'owner_needed' });
    expect((await rowOf(id)).disabled_at).toBeNull();
    await connection.query
      .updateTable('memberships')
      .set({ role: 'owner' })
      .where('org_id', '=', orgId)
      .where('user_id', '=', other)
      .execute();
    await changes.disable(other, somebody);
    await expect(changes.claimDeletion(id, somebody)).rejects.toMatchObject({ code: 'owner_needed' });
    await changes.enable(other, somebody, await changes.claimEnabling(other, somebody));
    expect((await changes.claimDeletion(id, somebody)).row.id).toBe(id);
  });

  it('the owners of an organisation who leave at the same time, on two replicas, leave one', async () => {
    for (let round = 0; round < 5; round += 1) {
      const [one, other] = [await add(), await add()];
      await addOrg({ [one]: 'owner', [other]: 'owner' });
      const acts = [changes.claimDeletion(one, somebody), elsewhere.claimDeletion(other, somebody)];
      expect(await successes(acts, ['owner_needed'])).toBe(1);
    }
  });

  it('a claimed user is refused; released, they are as they were', async () => {
    const id = await add();
    const claimed = await changes.claimDeletion(id, somebody);
    expect(claimed.identities).toHaveLength(1);
    await expect(users.requireAccount(id, null)).rejects.toMatchObject({ reason: 'user_disabled' });
    await changes.releaseDeletion(claimed);
    expect((await users.requireAccount(id, null)).user.id).toBe(id);
    // A user who had been disabled before stays so, and so does one who was disabled in the meantime.
    await changes.disable(id, somebody);
    const { disabled_at: disabledAt } = await rowOf(id);
    await changes.releaseDeletion(await changes.claimDeletion(id, somebody));
    expect((await rowOf(id)).disabled_at).toBe(disabledAt);
  });

  it('deletes the user with everything of theirs', async () => {
    const id = await add();
    await addOrg({ [id]: 'member' });
    await changes.delete(id);
    for (const table of ['identities', 'memberships', 'sessions', 'api_keys'] as const) {
      expect(await connection.query.selectFrom(table).select('user_id').execute()).toEqual([]);
    }
    await expect(rowOf(id)).rejects.toMatchObject({ code: 'not_found' });
  });
});
