import { type Kysely, sql } from 'kysely';
import type { Schema } from '../database.schema.js';
import { isPostgres } from '../dialect.js';

/**
 * Lets invites be for an account alone, without an organisation, with what they let in and whom they let in, and adds the languages
 * that a user reads, for mails.
 */
export async function up(database: Kysely<Schema>): Promise<void> {
  const { schema } = database;
  await schema.alterTable('users').addColumn('languages', 'text').execute();
  if (isPostgres(database)) {
    await schema
      .alterTable('invites')
      .alterColumn('org_id', (column) => column.dropNotNull())
      .execute();
    await schema
      .alterTable('invites')
      .addColumn('opens_sign_up', 'integer', (column) => column.notNull().defaultTo(0))
      .execute();
    await schema.alterTable('invites').addColumn('admitted_user', 'text').execute();
    return;
  }
  // SQLite can't change a column: the table is made again.
  await schema
    .createTable('new_invites')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('org_id', 'text', (column) => column.references('orgs.id').onDelete('cascade'))
    .addColumn('token_hash', 'text', (column) => column.notNull().unique())
    .addColumn('email', 'text')
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('created_by', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('redeemed_at', 'bigint')
    .addColumn('redeemed_by', 'text')
    .addColumn('revoked_at', 'bigint')
    .addColumn('mailed_at', 'bigint')
    .addColumn('opens_sign_up', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('admitted_user', 'text')
    .execute();
  const columns = sql.raw(
    'id, org_id, token_hash, email, role, created_by, created_at, expires_at, redeemed_at, redeemed_by, revoked_at, mailed_at',
  );
  await sql`insert into new_invites (${columns}) select ${columns} from invites`.execute(database);
  await schema.dropTable('invites').execute();
  await schema.alterTable('new_invites').renameTo('invites').execute();
  await schema.createIndex('invites_org').on('invites').columns(['org_id', 'id']).execute();
  await schema.createIndex('invites_email').on('invites').columns(['email', 'id']).execute();
}
