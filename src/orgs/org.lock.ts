import type { Kysely, Transaction } from 'kysely';
import { KeyedLines } from '../core/keyed.lines.js';
import { Problem } from '../core/problem.error.js';
import type { MembershipRow, OrgRole, OrgRow, Schema, UsersTable } from '../database/database.schema.js';
import type { Principal } from '../session/principal.js';
import { type CallerStanding, isAdministrator } from './org.access.js';
import { higherRole } from './org.policy.js';

/**
 * An organisation that nobody else changes until the transaction ends: what is read here stays true, so that rules about
 * several members at once hold however many requests come at the same moment.
 */
export class LockedOrg {
  readonly row: OrgRow;
  /** For statements of others in the same transaction. */
  readonly transaction: Transaction<Schema>;

  constructor(row: OrgRow, transaction: Transaction<Schema>) {
    this.row = row;
    this.transaction = transaction;
  }

  /** Whether another organisation has proven that a domain is its own. */
  async isProvenElsewhere(domain: string): Promise<boolean> {
    const other = await this.transaction
      .selectFrom('orgs')
      .select('id')
      .where('domain', '=', domain)
      .where('id', '!=', this.row.id)
      .executeTakeFirst();
    return other !== undefined;
  }

  /** Somebody's membership, in whatever state, and whether it's a person's. */
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

  /** What a caller is here as SQL says it now, whatever their token says; nothing once they are disabled. */
  async standingOf(principal: Principal): Promise<CallerStanding> {
    return standingIn(this.transaction, this.row.id, principal);
  }

  /** Whether an owner besides this one remains, who is a person and not disabled. */
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

  /** Sets somebody's membership, whether there is one or not. @param now milliseconds. */
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

  /**
   * Makes somebody a member with at least this role; who has a higher one keeps it.
   * @returns the role that they have now, and what had to be done for it.
   */
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

  /** Takes a membership away without a trace. */
  async forget(userId: string): Promise<void> {
    await this.transaction
      .deleteFrom('memberships')
      .where('org_id', '=', this.row.id)
      .where('user_id', '=', userId)
      .execute();
  }

  /** Withdraws the open invites of somebody who may not invite any more. @param now milliseconds. */
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

/** What a caller is to an organisation as SQL says it now, whatever their token says; nothing once they are disabled. */
export async function standingIn(
  query: Kysely<Schema> | Transaction<Schema>,
  orgId: string,
  principal: Principal,
): Promise<CallerStanding> {
  const row = await query
    .selectFrom('users')
    .leftJoin('memberships', (join) =>
      join
        .onRef('memberships.user_id', '=', 'users.id')
        .on('memberships.org_id', '=', orgId)
        .on('memberships.state', '=', 'active'),
    )
    .select(['users.role as deploymentRole', 'memberships.role'])
    .where('users.id', '=', principal.claims.sub)
    .where('users.disabled_at', 'is', null)
    .executeTakeFirst();
  return {
    role: row?.role ?? null,
    // No more than their token says: of two answers the lesser one counts.
    isAdministrator: row?.deploymentRole === 'admin' && isAdministrator(principal),
  };
}

/** Who would wait for one organisation's row waits here, and holds no connection meanwhile. */
const lines = new KeyedLines();

/**
 * Works on an organisation while nobody else changes it or its members; all or nothing.
 * @throws {Problem} `not_found` when there is no such organisation.
 */
export async function withLockedOrg<T>(
  query: Kysely<Schema>,
  orgId: string,
  work: (org: LockedOrg) => Promise<T>,
): Promise<T> {
  const begun = () =>
    query.transaction().execute(async (transaction) => {
      // An update that changes nothing locks the row in every database that we know; `for update` is unknown to SQLite.
      const row = await transaction
        .updateTable('orgs')
        .set((builder) => ({ version: builder.ref('version') }))
        .where('id', '=', orgId)
        .returningAll()
        .executeTakeFirst();
      if (row === undefined) {
        throw new Problem('not_found', { reason: 'no_such_org' });
      }
      return work(new LockedOrg(row, transaction));
    });
  return lines.run(orgId, begun);
}
