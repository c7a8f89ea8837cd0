import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/**
 * Adds to sessions the client that uses them and the provider's `sid`, and to signing keys the state `next`. Creates the tables
 * for revocations of every kind and for tokens that may be used once.
 */
export async function up(database: Kysely<Schema>): Promise<void> {
  const { schema } = database;
  await schema.alterTable('sessions').addColumn('oidc_sid', 'text').execute();
  await schema.alterTable('sessions').addColumn('acr', 'text').execute();
  await schema.alterTable('sessions').addColumn('user_agent', 'text').execute();
  await schema.alterTable('sessions').addColumn('remote_address', 'text').execute();
  await schema.alterTable('sessions').addColumn('last_seen_at', 'bigint').execute();
  await schema.createIndex('sessions_oidc_sid').on('sessions').column('oidc_sid').execute();
  await schema.createIndex('sessions_subject').on('sessions').columns(['issuer', 'subject']).execute();

  await schema
    .createTable('revocations')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('before', 'bigint')
    .addColumn('recorded_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('revocations_recorded').on('revocations').column('recorded_at').execute();
  await schema.createIndex('revocations_expires').on('revocations').column('expires_at').execute();

  await schema.alterTable('signing_keys').addColumn('activated_at', 'bigint').execute();
  // At most one key has the state `next`, whichever replica created it first.
  await schema
    .createIndex('signing_keys_next')
    .unique()
    .on('signing_keys')
    .column('state')
    .where('state', '=', 'next')
    .execute();

  await schema
    .createTable('used_tokens')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('used_tokens_expires').on('used_tokens').column('expires_at').execute();
}
