import { type Kysely, sql } from 'kysely';
import type { Schema } from '../../platform/database/database.schema.js';
import type { IdentityKey } from './identity.js';

/** A query for the user of an identity; no row if the identity has never logged in here. */
export function userOfIdentity(query: Kysely<Schema>, { issuer, subject }: IdentityKey) {
  return query
    .selectFrom('identities')
    .innerJoin('users', 'users.id', 'identities.user_id')
    .where('identities.issuer', '=', issuer)
    .where('identities.subject', '=', subject);
}

/** A query for the administrators who can act: those who aren't disabled. */
export function activeAdministrators(query: Kysely<Schema>) {
  return query
    .selectFrom('users')
    .select('id')
    .where('role', '=', sql.lit('admin'))
    .where('disabled_at', 'is', null);
}
