import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Adds to logins at a provider the answer that its page has posted. */
export async function up(database: Kysely<Schema>): Promise<void> {
  await database.schema.alterTable('connection_logins').addColumn('answer', 'text').execute();
}
