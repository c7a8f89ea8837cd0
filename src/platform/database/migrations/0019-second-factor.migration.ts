import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Adds what the policy of second factors needs: an organisation's own, when it first applied to a user, and how a key was made. */
export async function up(database: Kysely<Schema>): Promise<void> {
  await database.schema
    .alterTable('orgs')
    .addColumn('second_factor', 'text', (column) => column.notNull().defaultTo('none'))
    .execute();
  await database.schema.alterTable('users').addColumn('second_factor_since', 'bigint').execute();
  await database.schema
    .alterTable('api_keys')
    .addColumn('second_factor', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
}
