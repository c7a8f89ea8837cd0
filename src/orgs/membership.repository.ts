import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/time/clock.service.js';
import { needsRowLocks } from '../platform/database/dialect.js';
import { Problem } from '../platform/errors/problem.error.js';
import { Database, type MembershipRow } from '../platform/database/database.schema.js';
import type { User } from '../directory/users/identity.js';

/** A membership, with the data of the user that other members see. */
export interface MemberRow extends MembershipRow {
  readonly name: string | null;
  readonly email: string | null;
  readonly email_verified: number;
  readonly picture: string | null;
}

/** A person's e-mail address, and whether it is verified. */
export interface PersonAddress {
  readonly email: string | null;
  readonly isVerified: boolean;
}

/** Reads memberships from SQL, and adds members by e-mail domain. All other changes need a {@link LockedOrg}. */
@Injectable()
export class MembershipRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /**
   * Members, or users who asked to join, in the order of their ids; without service accounts.
   * @param after user id of the last one of the previous page.
   */
  async listOf(
    orgId: string,
    state: 'active' | 'requested',
    limit: number,
    after: string | undefined,
  ): Promise<MemberRow[]> {
    return this.database.query
      .selectFrom('memberships')
      .innerJoin('users', 'users.id', 'memberships.user_id')
      .selectAll('memberships')
      .select(['users.name', 'users.email', 'users.email_verified', 'users.picture'])
      .where('memberships.org_id', '=', orgId)
      .where('memberships.state', '=', state)
      .where('users.kind', '=', 'person')
      .$if(after !== undefined, (query) => query.where('memberships.user_id', '>', after ?? ''))
      .orderBy('memberships.user_id')
      .limit(limit)
      .execute();
  }

  /** A user's membership, in any state. */
  async find(orgId: string, userId: string): Promise<MembershipRow | undefined> {
    return this.database.query
      .selectFrom('memberships')
      .selectAll()
      .where('org_id', '=', orgId)
      .where('user_id', '=', userId)
      .executeTakeFirst();
  }

  /**
   * A person's e-mail address, as it is stored here.
   * @throws {Problem} `forbidden` for the service account of an API key, which belongs to one organisation only.
   */
  async requirePerson(userId: string): Promise<PersonAddress> {
    const row = await this.database.query
      .selectFrom('users')
      .select(['email', 'email_verified', 'kind'])
      .where('id', '=', userId)
      .executeTakeFirst();
    if (row?.kind !== 'person') {
      throw new Problem('forbidden', { reason: 'not_a_person' });
    }
    return { email: row.email, isVerified: row.email_verified === 1 };
  }

  /** Whether mail may be sent for a user: a person with a verified address, or the service account of a key that one made. */
  async isVerifiedSender(userId: string): Promise<boolean> {
    const row = await this.database.query
      .selectFrom('users')
      .leftJoin('api_keys', 'api_keys.user_id', 'users.id')
      .leftJoin('users as maker', 'maker.id', 'api_keys.created_by')
      .select('users.id')
      .where('users.id', '=', userId)
      .where(({ and, eb, or }) =>
        or([
          and([eb('users.kind', '=', 'person'), eb('users.email_verified', '=', 1)]),
          and([eb('users.kind', '=', 'service'), eb('maker.email_verified', '=', 1)]),
        ]),
      )
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  /**
   * Makes a user a member of the organisation that admits all users of this e-mail domain. A user who already has a membership of
   * it, in any state, keeps that state. If there is nothing to do, this is one look-up by index.
   * @returns the organisation that the user has joined now, or is an active member of.
   */
  async joinByDomain(
    { id: userId, email }: Pick<User, 'id' | 'email'>,
    domain: string,
  ): Promise<{ orgId: string; isNew: boolean } | undefined> {
    const org = await this.database.query
      .selectFrom('orgs')
      .leftJoin('memberships', (join) =>
        join.onRef('memberships.org_id', '=', 'orgs.id').on('memberships.user_id', '=', userId),
      )
      .select(['orgs.id', 'memberships.state'])
      .where('orgs.domain', '=', domain)
      .whereRef('orgs.domain', '=', 'orgs.claimed_domain')
      .where('orgs.domain_proof', 'is not', null)
      .where('orgs.join_policy', '=', 'domain')
      .executeTakeFirst();
    if (org === undefined || org.state !== null) {
      return org?.state === 'active' ? { orgId: org.id, isNew: false } : undefined;
    }
    const joined = await this.database.query
      .insertInto('memberships')
      .columns(['org_id', 'user_id', 'role', 'state', 'created_at'])
      // The insert checks everything again. Since the first look-up, the organisation may have been deleted or changed its
      // policy, and the user's address may have changed or be unverified now.
      // Neither of the two is deleted before the membership is there.
      .expression((builder) => {
        const admitted = builder
          .selectFrom('orgs')
          .innerJoin('users', (join) => join.on('users.id', '=', userId))
          .select((select) => [
            'orgs.id as org_id',
            select.val(userId).as('user_id'),
            select.val<'member'>('member').as('role'),
            select.val<'active'>('active').as('state'),
            select.cast<number>(select.val(this.clock.now()), 'bigint').as('created_at'),
          ])
          .where('orgs.id', '=', org.id)
          .where('orgs.domain', '=', domain)
          .whereRef('orgs.domain', '=', 'orgs.claimed_domain')
          .where('orgs.domain_proof', 'is not', null)
          .where('orgs.join_policy', '=', 'domain')
          .where('users.email', '=', email)
          .where('users.email_verified', '=', 1);
        return needsRowLocks(this.database.query) ? admitted.forKeyShare() : admitted;
      })
      .onConflict((conflict) => conflict.columns(['org_id', 'user_id']).doNothing())
      .returning('org_id')
      .executeTakeFirst();
    return { orgId: org.id, isNew: joined !== undefined };
  }
}
