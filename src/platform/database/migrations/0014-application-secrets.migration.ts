import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Creates the table of applications' secrets, which lets two be accepted while an application changes over. */
export async function up(database: Kysely<Schema>): Promise<void> {
  await database.schema
    .createTable('application_secrets')
    .addColumn('application_id', 'text', (column) => column.notNull())
    .addColumn('secret_hash', 'text', (column) => column.notNull())
    .addColumn('sealed', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .addPrimaryKeyConstraint('application_secrets_key', ['application_id', 'secret_hash'])
    .execute();
}
