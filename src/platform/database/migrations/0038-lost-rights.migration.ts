import { type Kysely, sql } from 'kysely';
import { newId } from '../../core/identifier.js';
import type { Schema } from '../database.schema.js';

/** Milliseconds for which replicas that run meanwhile remember it: longer than a token lives. */
const remembered = 2_592_000_000;

interface Account {
  readonly org_id: string;
  readonly user_id: string;
}

/**
 * Adds since when a disabled user may still have access to the provider: everyone who is disabled, until it is taken once more. Makes
 * members of the accounts of organisations' API keys that are admins and whose makers couldn't give that role now.
 */
export async function up(database: Kysely<Schema>): Promise<void> {
  await database.schema.alterTable('users').addColumn('provider_access_since', 'bigint').execute();
  await database.schema
    .createIndex('users_provider_access')
    .on('users')
    .column('id')
    .where(sql<boolean>`provider_access_since is not null`)
    .execute();
  // Nobody knows of whom it couldn't be taken before. It may be taken twice.
  await sql`
    update users set provider_access_since = disabled_at
    where disabled_at is not null and kind = 'person'`.execute(database);
  const { rows } = await sql<Account>`
    with recursive beyond(org_id, user_id) as (
      select api_keys.org_id, api_keys.user_id
      from api_keys
      where api_keys.org_id is not null and not exists (
        select 1
        from users
        left join memberships on memberships.user_id = users.id
          and memberships.org_id = api_keys.org_id and memberships.state = 'active'
        where users.id = api_keys.created_by and users.disabled_at is null
          and (users.role = 'admin' or memberships.role in ('admin', 'owner'))
      )
      union
      select api_keys.org_id, api_keys.user_id
      from beyond
      join api_keys on api_keys.org_id = beyond.org_id and api_keys.created_by = beyond.user_id
    )
    update memberships set role = 'member'
    where role = 'admin' and exists (
      select 1 from beyond where beyond.org_id = memberships.org_id and beyond.user_id = memberships.user_id
    )
    returning org_id, user_id`.execute(database);
  for (const { org_id: orgId, user_id: userId } of rows) {
    const now = Date.now();
    const outdated = { before: now + 1, recorded_at: now, expires_at: now + remembered };
    await database
      .insertInto('revocations')
      .values({ id: userId, kind: 'user', ...outdated })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(outdated))
      .execute();
    await database
      .insertInto('audit_events')
      .values({
        id: newId(now),
        at: now,
        type: 'member_role_changed',
        user_id: userId,
        session_id: null,
        request_id: null,
        remote_address: null,
        reason: 'admin_to_member',
        actor_id: null,
        actor_credential: 'system',
        target_kind: 'user',
        target_id: userId,
        org_id: orgId,
        outcome: 'success',
      })
      .execute();
  }
}
