import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Creates the table for the progress of address proofs, for identities whose proofs pass through our own proxy. */
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
