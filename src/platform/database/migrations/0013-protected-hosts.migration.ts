import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Creates the tables for logins on protected hosts: one-time codes, and the hosts of each session. */
export async function up(database: Kysely<Schema>): Promise<void> {
  const { schema } = database;
  await schema
    .createTable('host_codes')
    .addColumn('code_hash', 'text', (column) => column.primaryKey())
    .addColumn('session_id', 'text', (column) => column.notNull())
    .addColumn('host', 'text', (column) => column.notNull())
    .addColumn('challenge', 'text', (column) => column.notNull())
    .addColumn('return_to', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('host_codes_expiry').on('host_codes').column('expires_at').execute();

  await schema
    .createTable('session_hosts')
    .addColumn('session_id', 'text', (column) =>
      column.notNull().references('sessions.id').onDelete('cascade'),
    )
    .addColumn('host', 'text', (column) => column.notNull())
    .addColumn('logged_in_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('session_hosts_key', ['session_id', 'host'])
    .execute();
}
