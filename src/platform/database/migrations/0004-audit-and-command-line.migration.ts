import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Adds indexes for reading the audit trail, and the table for one-time codes of command-line logins. */
export async function up(database: Kysely<Schema>): Promise<void> {
  const { schema } = database;
  await schema.createIndex('audit_events_actor').on('audit_events').columns(['actor_id', 'id']).execute();
  await schema.createIndex('audit_events_org').on('audit_events').columns(['org_id', 'id']).execute();

  await schema
    .createTable('authorization_codes')
    .addColumn('code_hash', 'text', (column) => column.primaryKey())
    .addColumn('user_id', 'text', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('session_id', 'text', (column) => column.notNull())
    .addColumn('code_challenge', 'text', (column) => column.notNull())
    .addColumn('redirect_uri', 'text')
    .addColumn('device', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .createIndex('authorization_codes_expiry')
    .on('authorization_codes')
    .column('expires_at')
    .execute();
}
