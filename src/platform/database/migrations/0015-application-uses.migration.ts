import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Creates the table of when people used applications: the provider doesn't record it. */
export async function up(database: Kysely<Schema>): Promise<void> {
  await database.schema
    .createTable('application_uses')
    .addColumn('issuer', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('client_id', 'text', (column) => column.notNull())
    .addColumn('first_used_at', 'bigint', (column) => column.notNull())
    .addColumn('last_used_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('application_uses_key', ['subject', 'client_id'])
    .execute();
  await database.schema
    .createIndex('application_uses_client')
    .on('application_uses')
    .columns(['client_id', 'subject'])
    .execute();
}
