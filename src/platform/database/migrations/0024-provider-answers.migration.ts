import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/**
 * Adds to providers' grants when one was last accepted, and until when a replica uses it, and to API keys the organisation whose connection
 * vouched for the login that they were made with.
 */
export async function up(database: Kysely<Schema>): Promise<void> {
  const { schema } = database;
  await schema.alterTable('provider_grants').addColumn('checked_at', 'bigint').execute();
  await schema.alterTable('provider_grants').addColumn('checking_until', 'bigint').execute();
  await schema.alterTable('api_keys').addColumn('vouched_org_id', 'text').execute();
}
