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

/** A query for the organisations whose only owner who can act is this user. */
export function orgsOwnedAlone(query: Kysely<Schema>, userId: string) {
  return query
    .selectFrom('memberships')
    .innerJoin('orgs', 'orgs.id', 'memberships.org_id')
    .select(['orgs.id', 'orgs.name'])
    .where('memberships.user_id', '=', userId)
    .where('memberships.role', '=', 'owner')
    .where('memberships.state', '=', 'active')
    .where((builder) =>
      builder.not(
        builder.exists(
          builder
            .selectFrom('memberships as other')
            .innerJoin('users', 'users.id', 'other.user_id')
            .select('users.id')
            .whereRef('other.org_id', '=', 'memberships.org_id')
            .where('other.user_id', '!=', userId)
            .where('other.role', '=', 'owner')
            .where('other.state', '=', 'active')
            .where('users.disabled_at', 'is', null),
        ),
      ),
    )
    .orderBy('orgs.id');
}

/** A query for the administrators who can act: those who aren't disabled. */
export function activeAdministrators(query: Kysely<Schema>) {
  return query
    .selectFrom('users')
    .select('id')
    .where('role', '=', sql.lit('admin'))
    .where('disabled_at', 'is', null);
}
