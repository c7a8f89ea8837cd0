import { type Kysely, sql } from 'kysely';
import type { Schema } from '../database.schema.js';
import { bytewiseText } from '../dialect.js';

/** Search keys of users, actors and targets in the audit trail; organisations, memberships, invites and API keys. */
export async function up(database: Kysely<Schema>): Promise<void> {
  const { schema } = database;
  // Prefixes are compared byte by byte, which an index in a language's own order can't serve.
  const bytewise = bytewiseText(database);

  await schema
    .alterTable('users')
    .addColumn('kind', 'text', (column) => column.notNull().defaultTo('person'))
    .execute();
  await schema
    .alterTable('users')
    .addColumn('version', 'integer', (column) => column.notNull().defaultTo(1))
    .execute();
  await schema.alterTable('users').addColumn('email_key', bytewise).execute();
  await schema.alterTable('users').addColumn('name_key', bytewise).execute();
  await sql`update users set email_key = email, name_key = lower(name)`.execute(database);
  await schema.createIndex('users_email_key').on('users').columns(['email_key', 'id']).execute();
  await schema.createIndex('users_name_key').on('users').columns(['name_key', 'id']).execute();
  // Partial indexes for small groups of users, so that lists of them, and the rule of the last administrator, don't read every
  // user.
  await schema
    .createIndex('users_admins')
    .on('users')
    .column('id')
    .where(sql<boolean>`role = 'admin'`)
    .execute();
  await schema
    .createIndex('users_services')
    .on('users')
    .column('id')
    .where(sql<boolean>`kind = 'service'`)
    .execute();
  await schema
    .createIndex('users_disabled')
    .on('users')
    .column('id')
    .where(sql<boolean>`disabled_at is not null`)
    .execute();

  await schema
    .createTable('orgs')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('slug', bytewise, (column) => column.notNull().unique())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('domain', bytewise, (column) => column.unique())
    .addColumn('join_policy', 'text', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull().defaultTo(1))
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute();

  await schema
    .createTable('memberships')
    .addColumn('org_id', 'text', (column) => column.notNull().references('orgs.id').onDelete('cascade'))
    .addColumn('user_id', 'text', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('memberships_primary', ['org_id', 'user_id'])
    .execute();
  await schema.createIndex('memberships_user').on('memberships').columns(['user_id', 'org_id']).execute();

  await schema
    .createTable('invites')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('org_id', 'text', (column) => column.notNull().references('orgs.id').onDelete('cascade'))
    .addColumn('token_hash', 'text', (column) => column.notNull().unique())
    .addColumn('email', 'text')
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('created_by', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('redeemed_at', 'bigint')
    .addColumn('redeemed_by', 'text')
    .addColumn('revoked_at', 'bigint')
    .execute();
  await schema.createIndex('invites_org').on('invites').columns(['org_id', 'id']).execute();

  await schema
    .createTable('api_keys')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('secret_hash', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('user_id', 'text', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('org_id', 'text', (column) => column.references('orgs.id').onDelete('cascade'))
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('created_by', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('last_used_at', 'bigint')
    .addColumn('revoked_at', 'bigint')
    .execute();
  await schema.createIndex('api_keys_user').on('api_keys').columns(['user_id', 'id']).execute();
  await schema.createIndex('api_keys_org').on('api_keys').columns(['org_id', 'id']).execute();

  await schema.alterTable('sessions').addColumn('org_id', 'text').execute();

  for (const name of [
    'actor_id',
    'actor_credential',
    'target_kind',
    'target_id',
    'org_id',
    'outcome',
  ] as const) {
    await schema.alterTable('audit_events').addColumn(name, 'text').execute();
  }
  await schema.createIndex('audit_events_time').on('audit_events').columns(['at', 'id']).execute();
  await schema.createIndex('audit_events_target').on('audit_events').columns(['target_id', 'id']).execute();
  await schema.createIndex('audit_events_type').on('audit_events').columns(['type', 'id']).execute();
}
