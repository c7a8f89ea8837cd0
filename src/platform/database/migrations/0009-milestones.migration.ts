import { type Kysely, sql } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Events that happen once in a deployment's life. One that has an administrator has had its first one. */
export async function up(database: Kysely<Schema>): Promise<void> {
  await database.schema
    .createTable('milestones')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('reached_at', 'bigint', (column) => column.notNull())
    .execute();
  await sql`insert into milestones (name, reached_at)
    select 'first_administrator', min(created_at) from users where role = 'admin' having count(*) > 0`.execute(
    database,
  );
}
