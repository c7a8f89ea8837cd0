import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Adds the API key that made an API key: it goes with that one. */
export async function up({ schema }: Kysely<Schema>): Promise<void> {
  await schema.alterTable('api_keys').addColumn('made_by_key', 'text').execute();
  await schema.createIndex('api_keys_maker').on('api_keys').column('made_by_key').execute();
}
