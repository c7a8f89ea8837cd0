import { Inject, Injectable } from '@nestjs/common';
import {
  type Expression,
  type ExpressionBuilder,
  type Kysely,
  type SqlBool,
  type Transaction,
  sql,
} from 'kysely';
import { requireAdministrator } from '../../directory/users/user-rules.js';
import { Clock } from '../../platform/time/clock.service.js';
import { newId } from '../../platform/core/identifier.js';
import { may } from '../../orgs/org.policy.js';
import { roleSchema } from '../../orgs/org.schemas.js';
import { isAtLeast } from '../../session/guards/authorization.js';
import { foldIdentifier } from '../../platform/core/account-identifier.js';
import {
  Database,
  type InviteRow,
  type MembershipRow,
  type OrgRole,
  type Schema,
} from '../../platform/database/database.schema.js';
import { type InviteSettings, inviteSettings } from './invite.settings.js';

/** The columns of a new invite. */
export type NewInvite = Pick<
  InviteRow,
  'org_id' | 'token_hash' | 'email' | 'role' | 'created_by' | 'opens_sign_up'
>;

/** A user in an organisation, in whatever state. */
type OrgUser = Pick<MembershipRow, 'org_id' | 'user_id'>;

/** An open invite as the invited user sees it. */
export interface WaitingInvite extends Pick<InviteRow, 'id' | 'role' | 'expires_at'> {
  readonly org_id: string;
  readonly org_slug: string;
  readonly org_name: string;
  /** Null if the inviter has no name. */
  readonly inviter_name: string | null;
  readonly inviter_role: 'user' | 'admin';
}

/** Stores invites in SQL. */
@Injectable()
export class InviteRepository {
  readonly #life: number;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    @Inject(inviteSettings.token) settings: InviteSettings,
  ) {
    this.#life = settings.INVITE_TTL * 1000;
  }

  /** Stores an invite. @param query the transaction that has locked the organisation. */
  async insert(query: Kysely<Schema>, invite: NewInvite): Promise<InviteRow> {
    const now = this.clock.now();
    return query
      .insertInto('invites')
      .values({
        ...invite,
        id: newId(now),
        created_at: now,
        expires_at: now + this.#life,
        redeemed_at: null,
        redeemed_by: null,
        revoked_at: null,
        mailed_at: null,
        admitted_user: null,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
  }

  /**
   * Stores an invite for an account alone.
   * @param maximum how many may be open.
   * @returns nothing if there are as many. @throws {Problem} `forbidden` if its author no longer administers the deployment.
   */
  async insertForAccount(
    invite: Pick<NewInvite, 'token_hash' | 'email' | 'created_by'>,
    maximum: number,
  ): Promise<InviteRow | undefined> {
    return this.database.query.transaction().execute(async (transaction) => {
      await requireAdministrator(transaction, invite.created_by);
      return (await this.countOpen(transaction, null)) < maximum
        ? this.insert(transaction, { ...invite, org_id: null, role: 'member', opens_sign_up: 1 })
        : undefined;
    });
  }

  /** Records that the mail server accepted the invite's mail. Its token was then shown to no one else. */
  async markMailed(id: string): Promise<void> {
    await this.database.query
      .updateTable('invites')
      .set({ mailed_at: this.clock.now() })
      .where('id', '=', id)
      .execute();
  }

  /** The number of an organisation's invites that can be redeemed now; of null, of those for an account alone. */
  async countOpen(query: Kysely<Schema>, orgId: string | null): Promise<number> {
    const { count } = await query
      .selectFrom('invites')
      .select((builder) => builder.fn.countAll<number | string>().as('count'))
      .where('org_id', orgId === null ? 'is' : '=', orgId)
      .where(isOpenAt(this.clock.now()))
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  /** Invites to an organisation, or with null for an account alone, newest first. @param before id of the last one of the previous page. */
  async listOf(orgId: string | null, limit: number, before: string | undefined): Promise<InviteRow[]> {
    return this.database.query
      .selectFrom('invites')
      .selectAll()
      .where('org_id', orgId === null ? 'is' : '=', orgId)
      .$if(before !== undefined, (query) => query.where('id', '<', before ?? ''))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
  }

  async find(query: Kysely<Schema>, orgId: string | null, id: string): Promise<InviteRow | undefined> {
    return query
      .selectFrom('invites')
      .selectAll()
      .where('org_id', orgId === null ? 'is' : '=', orgId)
      .where('id', '=', id)
      .executeTakeFirst();
  }

  /** Whether there is an invite for an account alone with this id, in any state. */
  async hasForAccount(id: string): Promise<boolean> {
    return (await this.find(this.database.query, null, id)) !== undefined;
  }

  /** Open invites to organisations for an address in lower case, newest first. @param before id of the last one of the previous page. */
  async listFor(email: string, limit: number, before: string | undefined): Promise<WaitingInvite[]> {
    return this.#described()
      .innerJoin('orgs', 'orgs.id', 'invites.org_id')
      .select(['orgs.id as org_id', 'orgs.slug as org_slug', 'orgs.name as org_name'])
      .select(['invites.id', 'invites.expires_at'])
      .where('invites.email', '=', email)
      .$if(before !== undefined, (query) => query.where('invites.id', '<', before ?? ''))
      .orderBy('invites.id', 'desc')
      .limit(limit)
      .execute();
  }

  /**
   * The id of an open invite for this address that has let nobody in yet.
   * @param email in lower case. @param byAdministrator only an administrator's.
   */
  async findAwaiting(email: string, byAdministrator: boolean): Promise<string | undefined> {
    const found = await this.#described()
      .select('invites.id')
      .where('invites.email', '=', email)
      .where('invites.admitted_user', 'is', null)
      .$if(byAdministrator, (query) => query.where(opensSignUp))
      .limit(1)
      .executeTakeFirst();
    return found?.id;
  }

  /** Records whom an open invite has given an account. @returns whether it was theirs to use: of several users at once, one gets it. */
  async admit(transaction: Transaction<Schema>, id: string, userId: string): Promise<boolean> {
    const result = await transaction
      .updateTable('invites')
      .set({ admitted_user: userId })
      .where('id', '=', id)
      .where(({ eb, or }) => or([eb('admitted_user', 'is', null), eb('admitted_user', '=', userId)]))
      .where(isOpenAt(this.clock.now()))
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** An invite to an organisation for this address, in any state. @param email in lower case. */
  async findFor(email: string, id: string): Promise<InviteRow | undefined> {
    return this.database.query
      .selectFrom('invites')
      .selectAll()
      .where('id', '=', id)
      .where('email', '=', email)
      .where('org_id', 'is not', null)
      .executeTakeFirst();
  }

  /** The invite of a token, in any state. @param hash of the token. */
  async findByHash(hash: string): Promise<InviteRow | undefined> {
    return this.database.query
      .selectFrom('invites')
      .selectAll()
      .where('token_hash', '=', hash)
      .executeTakeFirst();
  }

  /** The open invite of a token, with the data that its link shows. @param hash of the token. */
  async findOpenByHash(hash: string) {
    return this.#described()
      .leftJoin('orgs', 'orgs.id', 'invites.org_id')
      .select(['invites.id', 'invites.email', 'invites.mailed_at', 'invites.admitted_user'])
      .select(['orgs.name as org_name', sql<number>`case when ${opensSignUp} then 1 else 0 end`.as('opens')])
      .where('invites.token_hash', '=', hash)
      .executeTakeFirst();
  }

  /** Withdraws an invite. @returns false if it was redeemed or withdrawn before. */
  async revoke(id: string, query = this.database.query): Promise<boolean> {
    const result = await query
      .updateTable('invites')
      .set({ revoked_at: this.clock.now() })
      .where('id', '=', id)
      .where('redeemed_at', 'is', null)
      .where('revoked_at', 'is', null)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** Withdraws an inviter's unused invites, also expired ones, from before a time (milliseconds). @returns which. */
  async revokeBy(userId: string, before: number): Promise<Pick<InviteRow, 'id' | 'org_id'>[]> {
    return this.database.query
      .updateTable('invites')
      .set({ revoked_at: this.clock.now() })
      .where('created_by', '=', userId)
      .where('created_at', '<', before)
      .where('redeemed_at', 'is', null)
      .where('revoked_at', 'is', null)
      .returning(['id', 'org_id'])
      .execute();
  }

  /** As {@link InviteFeature.withdrawBeyond}. */
  async revokeBeyond(transaction: Transaction<Schema>, member: MembershipRow, role: OrgRole): Promise<void> {
    if (role === 'member') {
      await this.revokeMadeBy(transaction, member);
    }
    if (!isAtLeast(role, member.role)) {
      const higher = roleSchema.options.filter((each) => !isAtLeast(role, each));
      await this.revokeFor(transaction, member, higher);
    }
  }

  /** Withdraws the unused invites to an organisation of a user who may no longer invite. */
  async revokeMadeBy(transaction: Transaction<Schema>, { org_id, user_id }: OrgUser): Promise<void> {
    await transaction
      .updateTable('invites')
      .set({ revoked_at: this.clock.now() })
      .where('org_id', '=', org_id)
      .where('created_by', '=', user_id)
      .where('redeemed_at', 'is', null)
      .where('revoked_at', 'is', null)
      .execute();
  }

  /** Withdraws the unused invites to an organisation for a user's address. @param roles those of the invites. */
  async revokeFor(
    transaction: Transaction<Schema>,
    { org_id, user_id }: OrgUser,
    roles: readonly OrgRole[] = roleSchema.options,
  ): Promise<void> {
    const user = await transaction
      .selectFrom('users')
      .select('email')
      .where('id', '=', user_id)
      .executeTakeFirst();
    if (user?.email === undefined || user.email === null) {
      return;
    }
    await transaction
      .updateTable('invites')
      .set({ revoked_at: this.clock.now() })
      .where('org_id', '=', org_id)
      .where('email', '=', foldIdentifier(user.email))
      .where('role', 'in', roles)
      .where('redeemed_at', 'is', null)
      .where('revoked_at', 'is', null)
      .execute();
  }

  /** Marks an open invite as redeemed. @returns whether it was open. If several callers try at once, one succeeds. */
  async take(id: string, userId: string, query: Kysely<Schema> = this.database.query): Promise<boolean> {
    const now = this.clock.now();
    const result = await query
      .updateTable('invites')
      .set({ redeemed_at: now, redeemed_by: userId })
      .where('id', '=', id)
      .where(isOpenAt(now))
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** The state of an invite. */
  stateOf(invite: InviteRow): 'open' | 'redeemed' | 'revoked' | 'expired' {
    if (invite.redeemed_at !== null) {
      return 'redeemed';
    }
    if (invite.revoked_at !== null) {
      return 'revoked';
    }
    return invite.expires_at > this.clock.now() ? 'open' : 'expired';
  }

  /**
   * Open invites, with the inviter, whose account must not be disabled or deleted. They are open as long as the inviter administers the
   * deployment or, for one to an organisation, has a role there that may make it.
   */
  #described() {
    return this.database.query
      .selectFrom('invites')
      .innerJoin('users', 'users.id', 'invites.created_by')
      .leftJoin('memberships as inviter', (join) =>
        join
          .onRef('inviter.user_id', '=', 'invites.created_by')
          .onRef('inviter.org_id', '=', 'invites.org_id')
          .on('inviter.state', '=', 'active'),
      )
      .select(['invites.role', 'users.name as inviter_name', 'users.role as inviter_role'])
      .where(({ eb, and, or }) =>
        or([
          isByAdministrator,
          ...invitersOf.map(({ invited, inviters }) =>
            and([eb('invites.role', '=', invited), eb('inviter.role', 'in', inviters)]),
          ),
        ]),
      )
      .where('users.disabled_at', 'is', null)
      .where(isOpenAt(this.clock.now()));
  }
}

/** The members' roles that may invite to each role. */
const invitersOf = roleSchema.options.map((invited) => ({
  invited,
  inviters: roleSchema.options.filter((role) => may(role, 'invite.create', { newRole: invited }) === 'allow'),
}));

/** Whether the inviter, joined as `users`, administers the deployment. */
const isByAdministrator = sql<SqlBool>`users.role = 'admin'`;

/** Whether it was made to let its address in while sign-up is closed. One from before its author became an administrator wasn't. */
const opensSignUp = sql<SqlBool>`(invites.opens_sign_up = 1 and ${isByAdministrator})`;

function isOpenAt(now: number) {
  return ({ eb, and }: ExpressionBuilder<Schema, 'invites'>): Expression<SqlBool> =>
    and([
      eb('invites.redeemed_at', 'is', null),
      eb('invites.revoked_at', 'is', null),
      eb('invites.expires_at', '>', now),
    ]);
}
