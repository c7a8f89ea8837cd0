import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Creates the tables of organisations' connections, and of the domains that they serve. */
export async function up(database: Kysely<Schema>): Promise<void> {
  const { schema } = database;
  await schema
    .createTable('org_connections')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('org_id', 'text', (column) => column.notNull().references('orgs.id').onDelete('cascade'))
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('settings', 'text', (column) => column.notNull())
    .addColumn('sealed', 'text')
    .addColumn('required', 'integer', (column) => column.notNull())
    .addColumn('rules', 'text', (column) => column.notNull())
    .addColumn('bound_domain', 'text')
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('created_by', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('org_connections_org').on('org_connections').columns(['org_id', 'id']).execute();
  await schema
    .createTable('org_connection_domains')
    .addColumn('domain', 'text', (column) => column.primaryKey())
    .addColumn('connection_id', 'text', (column) =>
      column.notNull().references('org_connections.id').onDelete('cascade'),
    )
    .execute();
  await schema
    .createIndex('org_connection_domains_connection')
    .on('org_connection_domains')
    .column('connection_id')
    .execute();
}
