import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Creates the table for tokens with which a provider is asked later about the person of a session. */
export async function up(database: Kysely<Schema>): Promise<void> {
  await database.schema
    .createTable('provider_grants')
    .addColumn('session_id', 'text', (column) =>
      column.primaryKey().references('sessions.id').onDelete('cascade'),
    )
    .addColumn('sealed', 'text', (column) => column.notNull())
    .execute();
}
