import { type Kysely, sql } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Creates the table of all slugs that organisations have or had. It has no foreign key: a slug outlives its organisation. */
export async function up(database: Kysely<Schema>): Promise<void> {
  await database.schema
    .createTable('org_slugs')
    .addColumn('slug', 'text', (column) => column.primaryKey())
    .addColumn('org_id', 'text', (column) => column.notNull())
    .addColumn('given_by', 'text')
    .addColumn('by_administrator', 'integer', (column) => column.notNull())
    .addColumn('given_at', 'bigint', (column) => column.notNull())
    .execute();
  await database.schema.createIndex('org_slugs_org').on('org_slugs').column('org_id').execute();
  await database.schema
    .createIndex('org_slugs_giver')
    .on('org_slugs')
    .columns(['given_by', 'given_at'])
    .execute();
  await sql`insert into org_slugs (slug, org_id, by_administrator, given_at)
    select slug, id, 0, created_at from orgs`.execute(database);
}
