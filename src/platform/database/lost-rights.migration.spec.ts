import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../test/support/fresh.database.js';
import { newUserRow } from '../../directory/users/user-rows.js';
import { newId } from '../core/identifier.js';
import type { DatabaseConnection } from './database-connection.js';
import { up } from './migrations/0038-lost-rights.migration.js';

describe.each(databaseKinds)('the migration 0038-lost-rights on %s', (kind) => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let orgId: string;

  beforeEach(async () => {
    database = await migratedDatabase(kind, inject('postgresUrl'));
    connection = database.connect();
    // As it was before. Later migrations stay: the ledger isn't asked.
    await connection.query.schema.dropIndex('users_provider_access').execute();
    await connection.query.schema.alterTable('users').dropColumn('provider_access_since').execute();
    orgId = newId();
    await connection.query
      .insertInto('orgs')
      .values({
        id: orgId,
        slug: 'org',
        name: 'Org',
        domain: null,
        join_policy: 'invite',
        version: 1,
        created_at: 1,
        updated_at: 1,
      })
      .execute();
  });

  afterEach(async () => {
    await database?.drop();
  });

  async function addUser(
    change: { role?: 'admin'; disabled_at?: number; kind?: 'service' } = {},
  ): Promise<string> {
    const id = newId();
    const nameless = { email: null, email_key: null, email_verified: 0, name: null, name_key: null };
    const row = { ...newUserRow({ id, ...nameless, picture: null, kind: 'person' }, 1), ...change };
    await connection.query.insertInto('users').values(row).execute();
    return id;
  }

  async function join(userId: string, role: 'owner' | 'admin' | 'member', state: 'active' | 'removed') {
    const row = { org_id: orgId, user_id: userId, role, state, created_at: 1 };
    await connection.query.insertInto('memberships').values(row).execute();
    return userId;
  }

  /** An organisation's key whose account is an admin. @returns the account's id. */
  async function addKey(maker: string): Promise<string> {
    const userId = await join(await addUser({ kind: 'service' }), 'admin', 'active');
    await connection.query
      .insertInto('api_keys')
      .values({
        id: newId(),
        secret_hash: 'hash',
        name: 'Key',
        user_id: userId,
        org_id: orgId,
        scope: 'api',
        created_by: maker,
        created_at: 1,
        expires_at: null,
        last_used_at: null,
        revoked_at: null,
      })
      .execute();
    return userId;
  }

  it('has the access to the provider taken once more from every person who is disabled', async () => {
    const disabled = await addUser({ disabled_at: 7 });
    const others = [await addUser(), await addUser({ disabled_at: 7, kind: 'service' })];
    await up(connection.query);
    const rows = await connection.query
      .selectFrom('users')
      .select(['id', 'provider_access_since as since'])
      .orderBy('id')
      .execute();
    expect(rows).toEqual([
      { id: disabled, since: 7 },
      { id: others[0], since: null },
      { id: others[1], since: null },
    ]);
  });

  it('leaves no admin whose maker could not make one, nor what that key made, and tells replicas and the trail', async () => {
    const [demoted, removed] = [
      await addKey(await join(await addUser(), 'member', 'active')),
      await addKey(await join(await addUser(), 'owner', 'removed')),
    ];
    const lowered = [
      demoted,
      removed,
      await addKey(demoted),
      await addKey(await join(await addUser({ disabled_at: 1 }), 'admin', 'active')),
      await addKey(await addUser()),
      await addKey(newId()),
    ];
    const owned = await addKey(await join(await addUser(), 'owner', 'active'));
    const kept = [
      owned,
      await addKey(owned),
      await addKey(await join(await addUser(), 'admin', 'active')),
      await addKey(await addUser({ role: 'admin' })),
    ];
    await up(connection.query);
    const { query } = connection;
    const rolesOf = async (ids: readonly string[]): Promise<string[]> => {
      const rows = await query.selectFrom('memberships').select('role').where('user_id', 'in', ids).execute();
      return rows.map(({ role }) => role);
    };
    expect(await rolesOf(lowered)).toEqual(lowered.map(() => 'member'));
    expect(await rolesOf(kept)).toEqual(kept.map(() => 'admin'));
    const outdated = await query.selectFrom('revocations').select(['id', 'kind']).orderBy('id').execute();
    expect(outdated).toEqual(lowered.toSorted().map((id) => ({ id, kind: 'user' })));
    const events = await query
      .selectFrom('audit_events')
      .select(['user_id', 'org_id', 'type', 'reason'])
      .orderBy('user_id')
      .execute();
    const event = { org_id: orgId, type: 'member_role_changed', reason: 'admin_to_member' };
    expect(events).toEqual(lowered.toSorted().map((id) => ({ user_id: id, ...event })));
  });
});
