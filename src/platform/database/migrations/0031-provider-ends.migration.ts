import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Creates the table of what providers have ended, for logins that are under way. */
export async function up({ schema }: Kysely<Schema>): Promise<void> {
  await schema
    .createTable('provider_ends')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('begun_by', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('provider_ends_begun').on('provider_ends').column('begun_by').execute();
}
