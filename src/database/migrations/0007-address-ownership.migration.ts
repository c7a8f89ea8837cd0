import { type Kysely, sql } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Since when it is known that an account belongs to the owner of its address. What is verified now counts as known. */
export async function up(database: Kysely<Schema>): Promise<void> {
  await database.schema.alterTable('users').addColumn('owned_since', 'bigint').execute();
  await sql`update users set owned_since = updated_at where email_verified = 1`.execute(database);
}
