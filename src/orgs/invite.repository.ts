import { Inject, Injectable } from '@nestjs/common';
import type { Expression, ExpressionBuilder, Kysely, SqlBool } from 'kysely';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { Clock } from '../platform/time/clock.service.js';
import { newId } from '../platform/core/identifier.js';
import { Database, type InviteRow, type Schema } from '../platform/database/database.schema.js';

/** The columns of a new invite. */
export type NewInvite = Pick<InviteRow, 'org_id' | 'token_hash' | 'email' | 'role' | 'created_by'>;

/** An open invite as the invited user sees it. */
export interface WaitingInvite extends Pick<InviteRow, 'id' | 'role' | 'expires_at'> {
  readonly org_id: string;
  readonly org_slug: string;
  readonly org_name: string;
  /** Null if the inviter has no name, or their account is gone. */
  readonly inviter_name: string | null;
}

/** Stores invites in SQL. */
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

  /** Stores an invite. @param query the transaction that has locked the organisation. */
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

  /** Records that the mail server accepted the invite's mail. Its token was then shown to no one else. */
  async markMailed(id: string): Promise<void> {
    await this.#database.query
      .updateTable('invites')
      .set({ mailed_at: this.#clock.now() })
      .where('id', '=', id)
      .execute();
  }

  /** The number of an organisation's invites that can be redeemed now. */
  async countOpen(query: Kysely<Schema>, orgId: string): Promise<number> {
    const { count } = await query
      .selectFrom('invites')
      .select((builder) => builder.fn.countAll<number | string>().as('count'))
      .where('org_id', '=', orgId)
      .where(isOpenAt(this.#clock.now()))
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  /** An organisation's invites, newest first. @param before id of the last one of the previous page. */
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

  /** Open invites for an address in lower case, newest first. @param before id of the last one of the previous page. */
  async listFor(email: string, limit: number, before: string | undefined): Promise<WaitingInvite[]> {
    return this.#described()
      .select(['invites.id', 'invites.expires_at', 'orgs.slug as org_slug'])
      .where('invites.email', '=', email)
      .$if(before !== undefined, (query) => query.where('invites.id', '<', before ?? ''))
      .orderBy('invites.id', 'desc')
      .limit(limit)
      .execute();
  }

  /** An invite for this address, in any state. @param email in lower case. */
  async findFor(email: string, id: string): Promise<InviteRow | undefined> {
    return this.#database.query
      .selectFrom('invites')
      .selectAll()
      .where('id', '=', id)
      .where('email', '=', email)
      .executeTakeFirst();
  }

  /** The invite of a token, in any state. @param hash of the token. */
  async findByHash(hash: string): Promise<InviteRow | undefined> {
    return this.#database.query
      .selectFrom('invites')
      .selectAll()
      .where('token_hash', '=', hash)
      .executeTakeFirst();
  }

  /** The open invite of a token, with the data that its link shows. @param hash of the token. */
  async findOpenByHash(hash: string) {
    return this.#described()
      .select(['invites.email', 'invites.mailed_at'])
      .where('invites.token_hash', '=', hash)
      .executeTakeFirst();
  }

  /** Withdraws an invite. @returns false if it was redeemed or withdrawn before. */
  async revoke(id: string, query = this.#database.query): Promise<boolean> {
    const result = await query
      .updateTable('invites')
      .set({ revoked_at: this.#clock.now() })
      .where('id', '=', id)
      .where('redeemed_at', 'is', null)
      .where('revoked_at', 'is', null)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** Withdraws an inviter's unused invites, also expired ones, from before a time (milliseconds). @returns which. */
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

  /** Marks an open invite as redeemed. @returns whether it was open. If several callers try at once, one succeeds. */
  async take(query: Kysely<Schema>, id: string, userId: string): Promise<boolean> {
    const now = this.#clock.now();
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
    return invite.expires_at > this.#clock.now() ? 'open' : 'expired';
  }

  /** Open invites, with the organisation and the inviter. */
  #described() {
    return this.#database.query
      .selectFrom('invites')
      .innerJoin('orgs', 'orgs.id', 'invites.org_id')
      .leftJoin('users', 'users.id', 'invites.created_by')
      .select(['invites.org_id', 'invites.role', 'orgs.name as org_name', 'users.name as inviter_name'])
      .where(isOpenAt(this.#clock.now()));
  }
}

function isOpenAt(now: number) {
  return ({ eb, and }: ExpressionBuilder<Schema, 'invites'>): Expression<SqlBool> =>
    and([
      eb('invites.redeemed_at', 'is', null),
      eb('invites.revoked_at', 'is', null),
      eb('invites.expires_at', '>', now),
    ]);
}
