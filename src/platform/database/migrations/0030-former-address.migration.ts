import type { Kysely } from 'kysely';
import type { Schema } from '../database.schema.js';

/** Adds the verified addresses that a user had before the present one, which are told of changes for some days. */
export async function up({ schema }: Kysely<Schema>): Promise<void> {
  await schema.alterTable('users').addColumn('former_emails', 'text').execute();
  await schema.alterTable('users').addColumn('former_emails_at', 'bigint').execute();
}
