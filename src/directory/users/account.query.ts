import type { Kysely, Transaction } from 'kysely';
import { Problem } from '../../platform/errors/problem.error.js';
import type { OrgRole, Schema, UserRow } from '../../platform/database/database.schema.js';
import type { User } from './identity.js';
import type { RequiredFactors, SecondFactorDemand } from './required-factors.js';
import { toUser } from './user.mapper.js';

/** The organisation that a user acts for. */
export interface ActiveOrg {
  /** UUID v7. */
  readonly id: string;
  readonly slug: string;
  readonly role: OrgRole;
}

/** The data of a user that a token states, besides the authentication context. */
export interface Account {
  readonly user: User;
  /** Whether it is of a program, and not of a person. */
  readonly isService: boolean;
  /** Whether they administer the whole deployment. */
  readonly isAdministrator: boolean;
  /** Null when the user belongs to no organisation. */
  readonly org: ActiveOrg | null;
  /** The second factor that policies require; null if none does. */
  readonly secondFactor: SecondFactorDemand | null;
  /** Milliseconds before any of this was read. Tokens carry it in their `jti`: any later change makes them outdated. */
  readonly readAt: number;
}

/** What else an account is read by: which organisation, when, and by whom a second factor is required. */
export interface AccountReading {
  /** The chosen organisation; if it is null or the user has left it, the one they joined first. */
  readonly orgId: string | null;
  /** Now, in milliseconds since the epoch: a time before the first look-up. */
  readonly readAt: number;
  /** What is required of the user. */
  readonly factors: RequiredFactors;
}

/**
 * Reads an account.
 * @throws {Problem} `unauthenticated` when there is no such user or it's disabled.
 */
export async function readAccount(
  query: Kysely<Schema> | Transaction<Schema>,
  userId: string,
  reading: AccountReading,
): Promise<Account> {
  const user = query.selectFrom('users').selectAll().where('id', '=', userId);
  return accountOf(query, await user.executeTakeFirstOrThrow(() => userUnknown()), reading);
}

/**
 * The account of a user whose row has been read.
 * @throws {Problem} `unauthenticated` when the user is disabled.
 */
export async function accountOf(
  query: Kysely<Schema> | Transaction<Schema>,
  row: UserRow,
  { orgId, readAt, factors }: AccountReading,
): Promise<Account> {
  const user = toActiveUser(row);
  const memberships = query
    .selectFrom('memberships')
    .innerJoin('orgs', 'orgs.id', 'memberships.org_id')
    .select(['orgs.id', 'orgs.slug', 'memberships.role', 'orgs.second_factor'])
    .where('memberships.user_id', '=', row.id)
    .where('memberships.state', '=', 'active');
  const chosen =
    orgId === null ? undefined : await memberships.where('orgs.id', '=', orgId).executeTakeFirst();
  const active =
    chosen ??
    (await memberships.orderBy('memberships.created_at').orderBy('orgs.id').limit(1).executeTakeFirst());
  const org = active === undefined ? null : { id: active.id, slug: active.slug, role: active.role };
  return {
    user,
    isService: row.kind === 'service',
    isAdministrator: row.role === 'admin',
    org,
    secondFactor: await factors.demandOf(query, row, active, readAt),
    readAt,
  };
}

/** The refusal of a disabled user. */
export function userDisabled(): Problem {
  return new Problem('unauthenticated', { reason: 'user_disabled' });
}

/** The refusal of an id that no user has, or that none has any more. */
export function userUnknown(): Problem {
  return new Problem('unauthenticated', { reason: 'user_unknown' });
}

/** The user of a row. @throws {Problem} `unauthenticated` when the user is disabled. */
export function toActiveUser(row: UserRow): User {
  if (row.disabled_at !== null) {
    throw userDisabled();
  }
  return toUser(row);
}
