import { type Kysely, sql } from 'kysely';
import type { Schema } from '../database.schema.js';
import { bytewiseText } from '../dialect.js';

/**
 * Adds the time at which an invite was mailed (and shown to no one else), and the domains that organisations have proven to own.
 * The domains so far were taken from one member's address. They become claims: no one joins by them until they are confirmed.
 */
export async function up(database: Kysely<Schema>): Promise<void> {
  const { schema } = database;
  await schema.alterTable('invites').addColumn('mailed_at', 'bigint').execute();

  const bytewise = bytewiseText(database);
  await schema.alterTable('orgs').addColumn('claimed_domain', bytewise).execute();
  await schema.alterTable('orgs').addColumn('domain_proof', 'text').execute();
  await schema.alterTable('orgs').addColumn('domain_seen_at', 'bigint').execute();
  await schema.alterTable('orgs').addColumn('domain_checked_at', 'bigint').execute();
  await sql`update orgs set claimed_domain = domain, domain = null where domain is not null`.execute(
    database,
  );
}
