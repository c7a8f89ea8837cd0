import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Creates the table of recovery codes that administrators have made. */
export async function up({ schema }: Kysely<Schema>): Promise<void> {
  await schema
    .createTable('recovery_codes')
    .addColumn('flow', 'text', (column) => column.primaryKey())
    .addColumn('made_by', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('recovery_codes_expiry').on('recovery_codes').column('expires_at').execute();
}
