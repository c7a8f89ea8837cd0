import { Inject, Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { newId } from '../core/identifier.js';
import { Database, type InviteRow, type Schema } from '../database/database.schema.js';

/** What is wanted of a new invite. */
export type NewInvite = Pick<InviteRow, 'org_id' | 'token_hash' | 'email' | 'role' | 'created_by'>;

/** An open invite with what the invited see of it. */
export interface WaitingInvite extends Pick<InviteRow, 'id' | 'role' | 'expires_at'> {
  readonly org_id: string;
  readonly org_slug: string;
  readonly org_name: string;
  /** Null when they have no name, or are gone. */
  readonly inviter_name: string | null;
}

/** Invites in SQL. */
@Injectable()
export class InviteRepository {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #life: number;

  constructor(database: Database, clock: Clock, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#database = database;
    this.#clock = clock;
    this.#life = configuration.INVITE_TTL * 1000;
  }

  /** Stores an invite. @param query of the transaction that holds the organisation. */
  async insert(query: Kysely<Schema>, invite: NewInvite): Promise<InviteRow> {
    const now = this.#clock.now();
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
      })
      .returningAll()
      .executeTakeFirstOrThrow();
  }

  /** Records that the mail server took the invite's mail: its token was shown to no one. */
  async markMailed(id: string): Promise<void> {
    await this.#database.query
      .updateTable('invites')
      .set({ mailed_at: this.#clock.now() })
      .where('id', '=', id)
      .execute();
  }

  /** How many invites of an organisation can be redeemed now. */
  async countOpen(query: Kysely<Schema>, orgId: string): Promise<number> {
    const { count } = await query
      .selectFrom('invites')
      .select((builder) => builder.fn.countAll<number | string>().as('count'))
      .where('org_id', '=', orgId)
      .where('redeemed_at', 'is', null)
      .where('revoked_at', 'is', null)
      .where('expires_at', '>', this.#clock.now())
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  /** An organisation's invites, newest first. @param before id of the last one of the page before. */
  async listOf(orgId: string, limit: number, before: string | undefined): Promise<InviteRow[]> {
    return this.#database.query
      .selectFrom('invites')
      .selectAll()
      .where('org_id', '=', orgId)
      .$if(before !== undefined, (query) => query.where('id', '<', before ?? ''))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
  }

  async find(query: Kysely<Schema>, orgId: string, id: string): Promise<InviteRow | undefined> {
    return query
      .selectFrom('invites')
      .selectAll()
      .where('org_id', '=', orgId)
      .where('id', '=', id)
      .executeTakeFirst();
  }

  /** Open invites for an address, newest first. @param email in lower case. @param before id of the last one of the page before. */
  async listFor(email: string, limit: number, before: string | undefined): Promise<WaitingInvite[]> {
    return this.#database.query
      .selectFrom('invites')
      .innerJoin('orgs', 'orgs.id', 'invites.org_id')
      .leftJoin('users', 'users.id', 'invites.created_by')
      .select(['invites.id', 'invites.role', 'invites.expires_at', 'invites.org_id'])
      .select(['orgs.slug as org_slug', 'orgs.name as org_name', 'users.name as inviter_name'])
      .where('invites.email', '=', email)
      .where('invites.redeemed_at', 'is', null)
      .where('invites.revoked_at', 'is', null)
      .where('invites.expires_at', '>', this.#clock.now())
      .$if(before !== undefined, (query) => query.where('invites.id', '<', before ?? ''))
      .orderBy('invites.id', 'desc')
      .limit(limit)
      .execute();
  }

  /** An invite for this address, whatever has become of it. @param email in lower case. */
  async findFor(email: string, id: string): Promise<InviteRow | undefined> {
    return this.#database.query
      .selectFrom('invites')
      .selectAll()
      .where('id', '=', id)
      .where('email', '=', email)
      .executeTakeFirst();
  }

  /** Withdraws an invite because whom it's for doesn't want it. @returns false when it's no longer open. */
  async decline(id: string): Promise<boolean> {
    return this.revoke(this.#database.query, id);
  }

  /** @param hash of the token. */
  async findByHash(hash: string): Promise<InviteRow | undefined> {
    return this.#database.query
      .selectFrom('invites')
      .selectAll()
      .where('token_hash', '=', hash)
      .executeTakeFirst();
  }

  /** An open invite with what its link shows of it. @param hash of the token. */
  async findOpenByHash(
    hash: string,
  ): Promise<
    | (Pick<WaitingInvite, 'org_id' | 'org_name' | 'inviter_name'> &
        Pick<InviteRow, 'role' | 'email' | 'mailed_at'>)
    | undefined
  > {
    return this.#database.query
      .selectFrom('invites')
      .innerJoin('orgs', 'orgs.id', 'invites.org_id')
      .leftJoin('users', 'users.id', 'invites.created_by')
      .select(['invites.org_id', 'invites.role', 'invites.email', 'invites.mailed_at'])
      .select(['orgs.name as org_name', 'users.name as inviter_name'])
      .where('invites.token_hash', '=', hash)
      .where('invites.redeemed_at', 'is', null)
      .where('invites.revoked_at', 'is', null)
      .where('invites.expires_at', '>', this.#clock.now())
      .executeTakeFirst();
  }

  /** Withdraws an invite. @returns false when it was redeemed or withdrawn before. */
  async revoke(query: Kysely<Schema>, id: string): Promise<boolean> {
    const result = await query
      .updateTable('invites')
      .set({ revoked_at: this.#clock.now() })
      .where('id', '=', id)
      .where('redeemed_at', 'is', null)
      .where('revoked_at', 'is', null)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** Withdraws the open invites of one inviter. @param before only older ones. @returns those that were open until now. */
  async revokeBy(userId: string, before: number): Promise<Pick<InviteRow, 'id' | 'org_id'>[]> {
    return this.#database.query
      .updateTable('invites')
      .set({ revoked_at: this.#clock.now() })
      .where('created_by', '=', userId)
      .where('created_at', '<', before)
      .where('redeemed_at', 'is', null)
      .where('revoked_at', 'is', null)
      .returning(['id', 'org_id'])
      .execute();
  }

  /** Uses an invite up, if it's good still. @returns whether it was: of many at once, one finds it so. */
  async take(query: Kysely<Schema>, id: string, userId: string): Promise<boolean> {
    const now = this.#clock.now();
    const result = await query
      .updateTable('invites')
      .set({ redeemed_at: now, redeemed_by: userId })
      .where('id', '=', id)
      .where('redeemed_at', 'is', null)
      .where('revoked_at', 'is', null)
      .where('expires_at', '>', now)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** What has become of an invite. */
  stateOf(invite: InviteRow): 'open' | 'redeemed' | 'revoked' | 'expired' {
    if (invite.redeemed_at !== null) {
      return 'redeemed';
    }
    if (invite.revoked_at !== null) {
      return 'revoked';
    }
    return invite.expires_at > this.#clock.now() ? 'open' : 'expired';
  }
}
