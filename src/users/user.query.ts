import { type Kysely, sql } from 'kysely';
import type { Schema } from '../database/database.schema.js';
import type { ProviderIdentity } from './identity.js';

/** The user of an identity, to select from; no row where the identity has never logged in here. */
export function userOfIdentity(
  query: Kysely<Schema>,
  { issuer, subject }: Pick<ProviderIdentity, 'issuer' | 'subject'>,
) {
  return query
    .selectFrom('identities')
    .innerJoin('users', 'users.id', 'identities.user_id')
    .where('identities.issuer', '=', issuer)
    .where('identities.subject', '=', subject);
}

/** Administrators who can act: not those who are disabled. */
export function activeAdministrators(query: Kysely<Schema>) {
  return query
    .selectFrom('users')
    .select('id')
    .where('role', '=', sql.lit('admin'))
    .where('disabled_at', 'is', null);
}
