import type { Kysely, Transaction } from 'kysely';
import type {
  InviteRow,
  MembershipRow,
  OrgRole,
  OrgRow,
  Schema,
  UsersTable,
} from '../platform/database/database.schema.js';
import { type Principal, isAdministrator } from '../session/principal.js';
import { mayActIn } from '../session/vouching.query.js';
import { requireLocked } from '../directory/users/user-rules.js';
import type { RequiredFactors } from '../directory/users/required-factors.js';
import { hasSecondFactor } from '../session/tokens/account-claims.js';
import { type CallerStanding, verdictOn } from './org-access.js';
import { higherRole } from './org.policy.js';

/** What a policy of second factors is held by. */
export interface FactorTime {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly factors: RequiredFactors;
}

/**
 * An organisation that is locked until this transaction ends. No other transaction can change it in the meantime, so rules about
 * several members at once hold for any number of concurrent requests.
 */
export class LockedOrg {
  constructor(
    readonly row: OrgRow,
    /** The transaction that holds the lock, for other statements that belong to it. */
    readonly transaction: Transaction<Schema>,
    /** The time of the change, and what a policy of second factors is held by. */
    readonly time: FactorTime,
  ) {}

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

  /**
   * Gives the organisation a slug, or confirms the one that it has. Its own former one may come back.
   * @param by the user who gives it. @param byAdministrator whether an administrator of the deployment does.
   * @returns false if it is, or ever was, another organisation's.
   */
  async takeSlug(slug: string, by: string, byAdministrator: boolean): Promise<boolean> {
    await this.keepSlug();
    const confirmed = byAdministrator ? 1 : 0;
    const given = await this.transaction
      .insertInto('org_slugs')
      .values({
        slug,
        org_id: this.row.id,
        given_by: by,
        by_administrator: confirmed,
        given_at: this.time.now,
      })
      .onConflict((conflict) =>
        conflict
          .column('slug')
          // Who takes a former one back has it as its own choice: an administrator's word doesn't outlive the change.
          .doUpdateSet({ by_administrator: confirmed })
          .where('org_slugs.org_id', '=', this.row.id),
      )
      .returning('slug')
      .executeTakeFirst();
    return given !== undefined;
  }

  /** The version of one of its connections; undefined once that has been removed. */
  async versionOfConnection(id: string): Promise<number | undefined> {
    const connection = await this.transaction
      .selectFrom('org_connections')
      .select('version')
      .where('id', '=', id)
      .where('org_id', '=', this.row.id)
      .executeTakeFirst();
    return connection?.version;
  }

  /** Whether this was a slug of this organisation before. */
  async hadSlug(slug: string): Promise<boolean> {
    const own = await this.transaction
      .selectFrom('org_slugs')
      .select('slug')
      .where('slug', '=', slug)
      .where('org_id', '=', this.row.id)
      .executeTakeFirst();
    return own !== undefined;
  }

  /** How many slugs it was given since a time, besides its first. Milliseconds. */
  async countRenames(since: number): Promise<number> {
    const { count } = await this.transaction
      .selectFrom('org_slugs')
      .select(({ fn }) => fn.countAll().as('count'))
      .where('org_id', '=', this.row.id)
      .where('given_at', '>', Math.max(since, this.row.created_at))
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  /** Keeps the present slug from other organisations for good. A replica of an older version may have given it without that. */
  async keepSlug(): Promise<void> {
    const { id, slug, created_at: createdAt } = this.row;
    await this.transaction
      .insertInto('org_slugs')
      .values({ slug, org_id: id, given_by: null, by_administrator: 0, given_at: createdAt })
      .onConflict((conflict) => conflict.column('slug').doNothing())
      .execute();
  }

  /** Deletes the organisation, and by the database's own rules its memberships and invites. */
  async delete(): Promise<void> {
    await this.transaction.deleteFrom('orgs').where('id', '=', this.row.id).execute();
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
    return standingIn(this.transaction, this.row.id, principal, this.time);
  }

  /** A user's role in the deployment. Their token may not state it: it is withheld while a second factor is due. */
  async deploymentRoleOf(userId: string): Promise<UsersTable['role']> {
    const row = await activeUserIn(this.transaction, this.row.id, userId);
    return row?.deploymentRole ?? 'user';
  }

  /** Whether the author of an invite could make it now. */
  async isInviteHeld({ created_by: author, role }: Pick<InviteRow, 'created_by' | 'role'>): Promise<boolean> {
    const row = await activeUserIn(this.transaction, this.row.id, author);
    const standing = { role: row?.role ?? null, isAdministrator: row?.deploymentRole === 'admin' };
    return verdictOn(standing, 'invite.create', { newRole: role }) === 'allow';
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

  /**
   * Creates or updates a user's membership.
   * @param now milliseconds since the epoch.
   * @throws {Problem} `not_found` if the user has been deleted in the meantime.
   */
  async put(
    userId: string,
    { role, state }: Pick<MembershipRow, 'role' | 'state'>,
    now: number,
  ): Promise<void> {
    await requireLocked(this.transaction, userId);
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

  #membership(userId: string) {
    return this.transaction
      .updateTable('memberships')
      .where('org_id', '=', this.row.id)
      .where('user_id', '=', userId);
  }
}

/**
 * The caller's standing by SQL, because a token may be outdated. A disabled caller has neither role nor rights, and a login by the
 * connection of another organisation has no role.
 */
export async function standingIn(
  query: Kysely<Schema> | Transaction<Schema>,
  orgId: string,
  principal: Principal,
  { now, factors }: FactorTime,
): Promise<CallerStanding> {
  const row = await activeUserIn(query, orgId, principal.claims.sub);
  const { role: given = null, second_factor: policy } = row ?? {};
  const role = given !== null && (await mayActIn(query, principal, orgId)) ? given : null;
  return {
    role,
    // Both SQL and the token must make the caller an administrator.
    isAdministrator: row?.deploymentRole === 'admin' && isAdministrator(principal),
    lacksFactor:
      row !== undefined &&
      role !== null &&
      policy !== null &&
      policy !== undefined &&
      !hasSecondFactor(principal.claims) &&
      (await factors.isDueIn(query, row, { role, second_factor: policy }, now)),
  };
}

/** A user who isn't disabled, with their role in an organisation, if any. */
async function activeUserIn(query: Kysely<Schema> | Transaction<Schema>, orgId: string, userId: string) {
  return query
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
    .where('users.id', '=', userId)
    .where('users.disabled_at', 'is', null)
    .executeTakeFirst();
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
