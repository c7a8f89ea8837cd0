import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Creates the tables of connections: the users of company directories, and their sessions. */
export async function up(database: Kysely<Schema>): Promise<void> {
  await database.schema
    .createTable('connection_identities')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('connection_id', 'text', (column) => column.notNull())
    .addColumn('issuer', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('email', 'text')
    .addColumn('email_verified', 'integer', (column) => column.notNull())
    .addColumn('name', 'text')
    .addColumn('groups', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('checked_at', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addUniqueConstraint('connection_identities_subject', ['connection_id', 'issuer', 'subject'])
    .execute();
  await database.schema
    .createTable('connection_sessions')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('identity_id', 'text', (column) =>
      column.notNull().references('connection_identities.id').onDelete('cascade'),
    )
    .addColumn('amr', 'text', (column) => column.notNull())
    .addColumn('acr', 'text', (column) => column.notNull())
    .addColumn('auth_time', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('ended_at', 'bigint')
    .execute();
  await database.schema
    .createIndex('connection_sessions_identity')
    .on('connection_sessions')
    .column('identity_id')
    .execute();
  await database.schema
    .createIndex('connection_sessions_expiry')
    .on('connection_sessions')
    .column('expires_at')
    .execute();
}
