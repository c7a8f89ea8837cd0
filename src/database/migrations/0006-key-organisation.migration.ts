import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** The organisation that a person's own key stays in, where a token of that organisation has made it. */
export async function up(database: Kysely<Schema>): Promise<void> {
  await database.schema.alterTable('api_keys').addColumn('within_org_id', 'text').execute();
}
