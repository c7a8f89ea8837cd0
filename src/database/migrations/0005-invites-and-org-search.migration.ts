import { type Kysely, sql } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Ways to find the invites that wait for an address, and organisations by the beginning of their name. */
export async function up(database: Kysely<Schema>): Promise<void> {
  const { schema } = database;
  await schema.createIndex('invites_email').on('invites').columns(['email', 'id']).execute();

  // As users' search keys: prefixes are compared byte by byte.
  const isPostgres = database.getExecutor().adapter.supportsTransactionalDdl;
  const bytewise = isPostgres ? sql`text collate "C"` : sql`text`;
  await schema.alterTable('orgs').addColumn('name_key', bytewise).execute();
  await sql`update orgs set name_key = lower(name)`.execute(database);
  await schema.createIndex('orgs_name_key').on('orgs').columns(['name_key', 'id']).execute();
}
