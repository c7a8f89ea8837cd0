import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Creates the tables for streams of security events to other systems, and for what those have received. */
export async function up(database: Kysely<Schema>): Promise<void> {
  await database.schema
    .createTable('signal_streams')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('owner_id', 'text', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('client_id', 'text', (column) => column.notNull())
    .addColumn('credential_id', 'text', (column) => column.notNull())
    .addColumn('description', 'text')
    .addColumn('method', 'text', (column) => column.notNull())
    .addColumn('endpoint_url', 'text')
    .addColumn('sealed_authorization', 'text')
    .addColumn('events', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('reason', 'text')
    .addColumn('settled_at', 'bigint', (column) => column.notNull())
    .addColumn('verification_id', 'text')
    .addColumn('verification_state', 'text')
    .addColumn('verification_at', 'bigint', (column) => column.notNull())
    .addColumn('failures', 'integer', (column) => column.notNull())
    .addColumn('next_attempt_at', 'bigint', (column) => column.notNull())
    .addColumn('claimed_until', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
  await database.schema
    .createIndex('signal_streams_owner')
    .on('signal_streams')
    .columns(['owner_id', 'id'])
    .execute();
  await database.schema
    .createTable('signal_receipts')
    .addColumn('stream_id', 'text', (column) =>
      column.notNull().references('signal_streams.id').onDelete('cascade'),
    )
    .addColumn('revocation_id', 'text', (column) => column.notNull())
    .addColumn('recorded_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('signal_receipts_pkey', ['stream_id', 'revocation_id', 'recorded_at'])
    .execute();
}
