import type { Kysely, Transaction } from 'kysely';
import { vouchingOrgOf } from '../directory/users/vouching-rules.js';
import type { Schema } from '../platform/database/database.schema.js';
import { Problem } from '../platform/errors/problem.error.js';
import { apiKeyClientId } from './guards/key-authenticator.js';
import { type Principal, hasSession } from './principal.js';

/**
 * The organisation whose connection vouched for the login from which a caller's credential comes: its id, or an empty text if that
 * connection is gone. Null for a login that the deployment vouches for, and for a service.
 * @throws {Problem} `unauthenticated` if the session or key has ended, also where this replica hasn't heard of it.
 */
export async function vouchingOrgOfCaller(
  query: Kysely<Schema> | Transaction<Schema>,
  principal: Pick<Principal, 'claims'>,
): Promise<string | null> {
  const { client_id: clientId, sid } = principal.claims;
  if (clientId === apiKeyClientId) {
    const key = await query
      .selectFrom('api_keys')
      .select('vouched_org_id')
      .where('id', '=', sid)
      .where('revoked_at', 'is', null)
      .executeTakeFirstOrThrow(() => ended());
    return key.vouched_org_id;
  }
  if (!hasSession(principal)) {
    return null;
  }
  const { issuer } = await query
    .selectFrom('sessions')
    .select('issuer')
    .where('id', '=', sid)
    .where('ended_at', 'is', null)
    .executeTakeFirstOrThrow(() => ended());
  return vouchingOrgOf(query, issuer);
}

/**
 * Whether the login from which a caller's credential comes may act in an organisation: that of another one's connection may not.
 * @throws {Problem} as {@link vouchingOrgOfCaller}
 */
export async function mayActIn(
  query: Kysely<Schema> | Transaction<Schema>,
  principal: Pick<Principal, 'claims'>,
  orgId: string,
): Promise<boolean> {
  const vouching = await vouchingOrgOfCaller(query, principal);
  return vouching === null || vouching === orgId;
}

function ended(): Problem {
  return new Problem('unauthenticated', { reason: 'session_over' });
}
