import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** How far identities are on their way to a proven owner, where our own proxy sees the proof. */
export async function up(database: Kysely<Schema>): Promise<void> {
  await database.schema
    .createTable('address_proofs')
    .addColumn('issuer', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('staying', 'text')
    .addColumn('cleared_at', 'bigint')
    .addPrimaryKeyConstraint('address_proofs_pk', ['issuer', 'subject'])
    .execute();
}
