import type { Kysely, Transaction } from 'kysely';
import { Problem } from '../core/problem.error.js';
import type { OrgRole, Schema, UserRow } from '../database/database.schema.js';
import type { User } from './identity.js';
import { toUser } from './user.mapper.js';

/** The organisation that somebody acts for. */
export interface ActiveOrg {
  /** UUID v7. */
  readonly id: string;
  readonly slug: string;
  readonly role: OrgRole;
}

/** What a token says of a user besides how they logged in. */
export interface Account {
  readonly user: User;
  /** Whether they administer the whole deployment. */
  readonly isAdministrator: boolean;
  /** Null when they belong to none. */
  readonly org: ActiveOrg | null;
  /**
   * A moment before any of this was read, in milliseconds since the epoch. Tokens carry it in their `jti`: whatever changes later makes
   * them stale, however long it took to mint them.
   */
  readonly readAt: number;
}

/**
 * Reads an account.
 * @param readAt now, in milliseconds since the epoch.
 * @param orgId the organisation that was chosen; the one they joined first counts when it's null or they left it.
 * @throws {Problem} `unauthenticated` when there is no such user or it's disabled.
 */
export async function readAccount(
  query: Kysely<Schema> | Transaction<Schema>,
  userId: string,
  orgId: string | null,
  readAt: number,
): Promise<Account> {
  const row = await query.selectFrom('users').selectAll().where('id', '=', userId).executeTakeFirst();
  if (row === undefined) {
    throw userUnknown();
  }
  return accountOf(query, row, orgId, readAt);
}

/**
 * The account of a user whose row was read.
 * @param readAt a moment before that, in milliseconds since the epoch.
 * @throws {Problem} `unauthenticated` when the user is disabled.
 */
export async function accountOf(
  query: Kysely<Schema> | Transaction<Schema>,
  row: UserRow,
  orgId: string | null,
  readAt: number,
): Promise<Account> {
  const user = toActiveUser(row);
  const memberships = query
    .selectFrom('memberships')
    .innerJoin('orgs', 'orgs.id', 'memberships.org_id')
    .select(['orgs.id', 'orgs.slug', 'memberships.role'])
    .where('memberships.user_id', '=', row.id)
    .where('memberships.state', '=', 'active');
  const chosen =
    orgId === null ? undefined : await memberships.where('orgs.id', '=', orgId).executeTakeFirst();
  const org =
    chosen ??
    (await memberships.orderBy('memberships.created_at').orderBy('orgs.id').limit(1).executeTakeFirst());
  return { user, isAdministrator: row.role === 'admin', org: org ?? null, readAt };
}

/** An administrator has taken the access away. */
export function userDisabled(): Problem {
  return new Problem('unauthenticated', { reason: 'user_disabled' });
}

/** Nobody has this id, or not any more. */
export function userUnknown(): Problem {
  return new Problem('unauthenticated', { reason: 'user_unknown' });
}

/** @throws {Problem} `unauthenticated` when the user is disabled. */
export function toActiveUser(row: UserRow): User {
  if (row.disabled_at !== null) {
    throw userDisabled();
  }
  return toUser(row);
}
