import { type Kysely, sql } from 'kysely';
import type { Schema } from '../database.schema.js';

/**
 * Adds the time since when an account is known to belong to the owner of its address. For addresses that are verified now, it's
 * the time of the account's last update.
 */
export async function up(database: Kysely<Schema>): Promise<void> {
  await database.schema.alterTable('users').addColumn('owned_since', 'bigint').execute();
  await sql`update users set owned_since = updated_at where email_verified = 1`.execute(database);
}
