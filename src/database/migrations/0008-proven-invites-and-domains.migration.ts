import { type Kysely, sql } from 'kysely';
import type { Schema } from '../database.schema.js';

/**
 * Which invites were mailed and shown to no one else; and domains that organisations have proven to be theirs. The domains that they had were
 * those of one member's address: they become claims, by which no one joins until they are confirmed.
 */
export async function up(database: Kysely<Schema>): Promise<void> {
  const { schema } = database;
  await schema.alterTable('invites').addColumn('mailed_at', 'bigint').execute();

  const isPostgres = database.getExecutor().adapter.supportsTransactionalDdl;
  const bytewise = isPostgres ? sql`text collate "C"` : sql`text`;
  await schema.alterTable('orgs').addColumn('claimed_domain', bytewise).execute();
  await schema.alterTable('orgs').addColumn('domain_proof', 'text').execute();
  await schema.alterTable('orgs').addColumn('domain_seen_at', 'bigint').execute();
  await schema.alterTable('orgs').addColumn('domain_checked_at', 'bigint').execute();
  await sql`update orgs set claimed_domain = domain, domain = null where domain is not null`.execute(
    database,
  );
}
