import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/**
 * Adds to sessions of connections what an OpenID provider issued: its session's name, and a refresh token with its state. Creates the
 * table of logins that are under way at a provider.
 */
export async function up(database: Kysely<Schema>): Promise<void> {
  const { schema } = database;
  await schema.alterTable('connection_sessions').addColumn('provider_sid', 'text').execute();
  await schema.alterTable('connection_sessions').addColumn('sealed', 'text').execute();
  await schema.alterTable('connection_sessions').addColumn('checked_at', 'bigint').execute();
  await schema.alterTable('connection_sessions').addColumn('checking_until', 'bigint').execute();
  await schema
    .createIndex('connection_sessions_provider_sid')
    .on('connection_sessions')
    .column('provider_sid')
    .execute();
  await schema
    .createTable('connection_logins')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('challenge', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('connection_logins_expiry').on('connection_logins').column('expires_at').execute();
}
