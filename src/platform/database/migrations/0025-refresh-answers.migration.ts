import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Creates the table of answers that are kept for the second use of a refresh token. */
export async function up(database: Kysely<Schema>): Promise<void> {
  const { schema } = database;
  await schema
    .createTable('refresh_answers')
    .addColumn('token_hash', 'text', (column) => column.primaryKey())
    .addColumn('holder', 'text', (column) => column.notNull())
    .addColumn('request', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('sealed', 'text')
    .addColumn('claimed_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('refresh_answers_claimed').on('refresh_answers').column('claimed_at').execute();
}
