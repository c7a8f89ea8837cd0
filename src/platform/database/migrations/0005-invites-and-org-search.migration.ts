import { type Kysely, sql } from 'kysely';
import type { Schema } from '../database.schema.js';
import { bytewiseText } from '../dialect.js';

/** Adds indexes that find invites by e-mail address, and organisations by the beginning of their name. */
export async function up(database: Kysely<Schema>): Promise<void> {
  const { schema } = database;
  await schema.createIndex('invites_email').on('invites').columns(['email', 'id']).execute();

  // Like users' search keys, these prefixes are compared byte by byte.
  const bytewise = bytewiseText(database);
  await schema.alterTable('orgs').addColumn('name_key', bytewise).execute();
  await sql`update orgs set name_key = lower(name)`.execute(database);
  await schema.createIndex('orgs_name_key').on('orgs').columns(['name_key', 'id']).execute();
}
