import type { Kysely, Transaction } from 'kysely';
import type {
  MembershipRow,
  OrgRole,
  OrgRow,
  Schema,
  UsersTable,
} from '../platform/database/database.schema.js';
import { type Principal, isAdministrator } from '../session/principal.js';
import { appliesTo, secondFactorDue } from '../directory/users/second-factor.policy.js';
import { hasSecondFactor } from '../session/tokens/account.claims.js';
import type { CallerStanding } from './org.access.js';
import { higherRole } from './org.policy.js';

/** The time by which a policy is held. Milliseconds. */
export interface FactorTime {
  readonly now: number;
  /** How long users may go on without a second factor. */
  readonly grace: number;
}

/**
 * An organisation that is locked until this transaction ends. No other transaction can change it in the meantime, so rules about
 * several members at once hold for any number of concurrent requests.
 */
export class LockedOrg {
  readonly row: OrgRow;
  /** The transaction that holds the lock, for other statements that belong to it. */
  readonly transaction: Transaction<Schema>;
  readonly #time: FactorTime;

  constructor(row: OrgRow, transaction: Transaction<Schema>, time: FactorTime) {
    this.row = row;
    this.transaction = transaction;
    this.#time = time;
  }

  /** Whether another organisation has this domain, even if a replica of an older version wrote it without a proof. */
  async isProvenElsewhere(domain: string): Promise<boolean> {
    const other = await this.transaction
      .selectFrom('orgs')
      .select('id')
      .where('domain', '=', domain)
      .where('id', '!=', this.row.id)
      .executeTakeFirst();
    return other !== undefined;
  }

  /** A user's membership, in any state, and whether the user is a person. */
  async find(userId: string): Promise<(MembershipRow & Pick<UsersTable, 'kind'>) | undefined> {
    return this.transaction
      .selectFrom('memberships')
      .innerJoin('users', 'users.id', 'memberships.user_id')
      .selectAll('memberships')
      .select('users.kind')
      .where('memberships.org_id', '=', this.row.id)
      .where('memberships.user_id', '=', userId)
      .executeTakeFirst();
  }

  /** The caller's standing in this organisation, as {@link standingIn} reads it. */
  async standingOf(principal: Principal): Promise<CallerStanding> {
    return standingIn(this.transaction, this.row.id, principal, this.#time);
  }

  /** Whether there is an owner other than this user, who is a person and isn't disabled. */
  async hasOtherOwner(userId: string): Promise<boolean> {
    const other = await this.transaction
      .selectFrom('memberships')
      .innerJoin('users', 'users.id', 'memberships.user_id')
      .select('memberships.user_id')
      .where('memberships.org_id', '=', this.row.id)
      .where('memberships.role', '=', 'owner')
      .where('memberships.state', '=', 'active')
      .where('memberships.user_id', '!=', userId)
      .where('users.kind', '=', 'person')
      .where('users.disabled_at', 'is', null)
      .limit(1)
      .executeTakeFirst();
    return other !== undefined;
  }

  /** Creates or updates a user's membership. @param now milliseconds since the epoch. */
  async put(
    userId: string,
    { role, state }: Pick<MembershipRow, 'role' | 'state'>,
    now: number,
  ): Promise<void> {
    await this.transaction
      .insertInto('memberships')
      .values({ org_id: this.row.id, user_id: userId, role, state, created_at: now })
      .onConflict((conflict) =>
        conflict.columns(['org_id', 'user_id']).doUpdateSet({ role, state, created_at: now }),
      )
      .execute();
  }

  /** Makes a user a member with at least this role. @param now milliseconds. @returns their role, and what changed. */
  async admit(
    userId: string,
    role: OrgRole,
    now: number,
  ): Promise<{ role: OrgRole; change: 'added' | 'raised' | 'none' }> {
    const known = await this.find(userId);
    if (known?.state !== 'active') {
      await this.put(userId, { role, state: 'active' }, now);
      return { role, change: 'added' };
    }
    const higher = higherRole(known.role, role);
    if (higher === known.role) {
      return { role: higher, change: 'none' };
    }
    await this.setRole(userId, higher);
    return { role: higher, change: 'raised' };
  }

  async setRole(userId: string, role: OrgRole): Promise<void> {
    await this.#membership(userId).set({ role }).execute();
  }

  async setState(userId: string, state: MembershipRow['state']): Promise<void> {
    await this.#membership(userId).set({ state }).execute();
  }

  /** Deletes a membership, so that the user counts as never having been a member. */
  async forget(userId: string): Promise<void> {
    await this.transaction
      .deleteFrom('memberships')
      .where('org_id', '=', this.row.id)
      .where('user_id', '=', userId)
      .execute();
  }

  /** Withdraws the unused invites of a user who may no longer invite. @param now milliseconds since the epoch. */
  async revokeInvitesBy(userId: string, now: number): Promise<void> {
    await this.transaction
      .updateTable('invites')
      .set({ revoked_at: now })
      .where('org_id', '=', this.row.id)
      .where('created_by', '=', userId)
      .where('redeemed_at', 'is', null)
      .where('revoked_at', 'is', null)
      .execute();
  }

  #membership(userId: string) {
    return this.transaction
      .updateTable('memberships')
      .where('org_id', '=', this.row.id)
      .where('user_id', '=', userId);
  }
}

/** The caller's standing by SQL, because a token may be outdated. A disabled caller has neither role nor rights. */
export async function standingIn(
  query: Kysely<Schema> | Transaction<Schema>,
  orgId: string,
  principal: Principal,
  { now, grace }: FactorTime,
): Promise<CallerStanding> {
  const row = await query
    .selectFrom('users')
    .leftJoin('memberships', (join) =>
      join
        .onRef('memberships.user_id', '=', 'users.id')
        .on('memberships.org_id', '=', orgId)
        .on('memberships.state', '=', 'active'),
    )
    .leftJoin('orgs', 'orgs.id', 'memberships.org_id')
    .select(['users.id', 'users.role as deploymentRole', 'users.second_factor_since', 'memberships.role'])
    .select('orgs.second_factor')
    .where('users.id', '=', principal.claims.sub)
    .where('users.disabled_at', 'is', null)
    .executeTakeFirst();
  const { role = null, second_factor: policy } = row ?? {};
  const isRequired = role !== null && policy !== null && policy !== undefined && appliesTo(policy, role);
  return {
    role,
    // Both SQL and the token must make the caller an administrator.
    isAdministrator: row?.deploymentRole === 'admin' && isAdministrator(principal),
    lacksFactor:
      row !== undefined &&
      isRequired &&
      !hasSecondFactor(principal.claims) &&
      (await secondFactorDue(query, row, grace, now)) <= now,
  };
}

/** Locks an organisation until the transaction ends. @returns its row, if there is such an organisation. */
export async function lockOrg(transaction: Transaction<Schema>, id: string): Promise<OrgRow | undefined> {
  // An update that changes nothing locks the row in every supported database; SQLite has no `for update`.
  return transaction
    .updateTable('orgs')
    .set((builder) => ({ version: builder.ref('version') }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
}
