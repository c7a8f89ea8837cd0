import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Creates the index of the clients at the provider, which is read where its own lists would grow without a bound, and named locks. */
export async function up(database: Kysely<Schema>): Promise<void> {
  await database.schema
    .createTable('oauth_clients')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('org_id', 'text')
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('first_party', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('used_at', 'bigint')
    .execute();
  await database.schema
    .createIndex('oauth_clients_org')
    .on('oauth_clients')
    .columns(['kind', 'org_id', 'id'])
    .execute();
  await database.schema
    .createIndex('oauth_clients_use')
    .on('oauth_clients')
    .columns(['kind', 'used_at', 'created_at'])
    .execute();
  await database.schema
    .createIndex('oauth_clients_first_party')
    .on('oauth_clients')
    .column('first_party')
    .execute();
  await database.schema
    .createTable('locks')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('holder', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
}
