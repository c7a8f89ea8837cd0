import { type Kysely, sql } from 'kysely';
import type { Schema } from '../database.schema.js';

/**
 * Adds an index of a user's live sessions in the order of their list, the number of sessions that an audit event is about, and the table
 * of users whose sessions are still to be ended at the provider.
 */
export async function up({ schema }: Kysely<Schema>): Promise<void> {
  await schema
    .createIndex('sessions_user_live')
    .on('sessions')
    .columns(['user_id', 'id'])
    .where(sql<boolean>`ended_at is null`)
    .execute();
  await schema.alterTable('audit_events').addColumn('count', 'bigint').execute();
  await schema
    .createTable('provider_logouts')
    .addColumn('user_id', 'text', (column) => column.primaryKey().references('users.id').onDelete('cascade'))
    .addColumn('since', 'bigint', (column) => column.notNull())
    .addColumn('noted_at', 'bigint', (column) => column.notNull())
    .addColumn('everywhere', 'integer', (column) => column.notNull())
    .addColumn('staying', 'text')
    .addColumn('ended_to', 'text')
    .execute();
}
