import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Adds the organisation that a person's own key stays in, if it was created with a token of that organisation. */
export async function up(database: Kysely<Schema>): Promise<void> {
  await database.schema.alterTable('api_keys').addColumn('within_org_id', 'text').execute();
}
