import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Creates the table of accounts whose known networks and browsers are forgotten. */
export async function up({ schema }: Kysely<Schema>): Promise<void> {
  await schema
    .createTable('forgotten_accounts')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('forgotten_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .createIndex('forgotten_accounts_time')
    .on('forgotten_accounts')
    .column('forgotten_at')
    .execute();
}
