import type { Kysely, Transaction } from 'kysely';
import { Problem } from '../../platform/errors/problem.error.js';
import type { Schema } from '../../platform/database/database.schema.js';
import { orgConnectionOf } from './connection-identity.js';

/** Why an organisation's connection can't vouch for a user. */
export type VouchRefusal = 'administrator_by_connection' | 'member_elsewhere';

/**
 * The organisation that vouches for the logins of an issuer: its id, or an empty text once its connection is gone. Null for an issuer
 * that the deployment vouches for.
 */
export async function vouchingOrgOf(
  query: Kysely<Schema> | Transaction<Schema>,
  issuer: string,
): Promise<string | null> {
  const id = orgConnectionOf(issuer);
  if (id === undefined) {
    return null;
  }
  const connection = await query
    .selectFrom('org_connections')
    .select('org_id')
    .where('id', '=', id)
    .executeTakeFirst();
  return connection?.org_id ?? '';
}

/**
 * Why an organisation can't vouch for a user, if it can't: not for an administrator of the deployment, nor for a member of another
 * organisation, in which its connection would act otherwise.
 */
export async function vouchRefusal(
  query: Kysely<Schema> | Transaction<Schema>,
  userId: string,
  orgId: string,
): Promise<VouchRefusal | undefined> {
  const user = await query.selectFrom('users').select('role').where('id', '=', userId).executeTakeFirst();
  if (user?.role === 'admin') {
    return 'administrator_by_connection';
  }
  const elsewhere = await query
    .selectFrom('memberships')
    .select('org_id')
    .where('user_id', '=', userId)
    .where('org_id', '!=', orgId)
    .where('state', '=', 'active')
    .limit(1)
    .executeTakeFirst();
  return elsewhere === undefined ? undefined : 'member_elsewhere';
}

/** The refusal of a login that an organisation's connection vouches for. */
export function loginByConnection(): Problem {
  return new Problem('forbidden', {
    detail:
      'Your organisation’s own login vouches for you in that organisation alone. Log in with an account of this site to join another one, to act in it, or to delete your account.',
    reason: 'login_by_connection',
  });
}
