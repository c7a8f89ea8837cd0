import { Injectable } from '@nestjs/common';
import { type Expression, type ExpressionBuilder, type SqlBool } from 'kysely';
import { Clock } from '../core/clock.service.js';
import { lowestId } from '../core/identifier.js';
import { Database, type RevocationRow, type Schema, type SessionRow } from '../database/database.schema.js';
import { needsRowLocks } from '../database/row.lock.js';
import { userDisabled, userUnknown } from '../users/account.query.js';

/** Rows of one statement: databases limit the parameters of one. */
const rowsPerStatement = 500;

/** Which sessions are meant. */
export type SessionSelector =
  | { readonly id: string }
  /** All of a user's, or all but one. */
  | { readonly userId: string; readonly except?: string }
  /** All of a user's, or all but one and those behind one session at the provider. */
  | {
      readonly userId: string;
      readonly exceptBehind: string | undefined;
      readonly except: string | undefined;
    }
  /** Those behind one session at the provider, as its logout tokens name it. */
  | { readonly issuer: string; readonly oidcSid: string }
  /** All of one identity's. */
  | { readonly issuer: string; readonly subject: string };

/** Where a session is used from. */
export interface UsedFrom {
  readonly userAgent: string | null;
  readonly remoteAddress: string | null;
}

/** Sessions in SQL, which is the truth about them. */
@Injectable()
export class SessionRepository {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /**
   * Stores a new session. Whoever is disabled or deleted at the same time, on any replica, is so before it or ends it.
   * @throws {Problem} `unauthenticated` when the user is gone or disabled.
   */
  async insert(row: SessionRow): Promise<void> {
    const { query } = this.#database;
    const user = query.selectFrom('users').where('id', '=', row.user_id);
    const values = user
      .where('disabled_at', 'is', null)
      .select(({ val }) => columnsOf(row).map((column) => val(row[column]).as(column)));
    const inserted = await query
      .insertInto('sessions')
      .columns(columnsOf(row))
      .expression(needsRowLocks(query) ? values.forShare() : values)
      .returning('id')
      .executeTakeFirst();
    if (inserted === undefined) {
      const isKnown = (await user.select('id').executeTakeFirst()) !== undefined;
      throw isKnown ? userDisabled() : userUnknown();
    }
  }

  async find(id: string): Promise<SessionRow | undefined> {
    return this.#database.query.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
  }

  /** A user's sessions that haven't been ended, newest first. */
  async listOf(userId: string): Promise<SessionRow[]> {
    return this.#database.query
      .selectFrom('sessions')
      .selectAll()
      .where('user_id', '=', userId)
      .where('ended_at', 'is', null)
      .orderBy('id', 'desc')
      .execute();
  }

  /** Whether there is a session that hasn't been ended and is younger than this. @param begunAfter milliseconds. */
  async hasOpen(begunAfter: number): Promise<boolean> {
    const found = await this.#database.query
      .selectFrom('sessions')
      .select('id')
      .where('ended_at', 'is', null)
      .where('id', '>=', lowestId(begunAfter))
      .limit(1)
      .executeTakeFirst();
    return found !== undefined;
  }

  /** Sessions that haven't been ended behind one session at the provider. */
  async listBehind(issuer: string, oidcSid: string): Promise<SessionRow[]> {
    return this.#database.query
      .selectFrom('sessions')
      .selectAll()
      .where((builder) => selected(builder, { issuer, oidcSid }))
      .where('ended_at', 'is', null)
      .execute();
  }

  /**
   * Marks a use that is worth writing down.
   * @param confirmed whether the provider confirmed its session: only that counts as a renewal.
   * @returns false when the session has been ended meanwhile: it must stay ended.
   */
  async markUsed(id: string, { userAgent, remoteAddress }: UsedFrom, confirmed: boolean): Promise<boolean> {
    const now = this.#clock.now();
    const result = await this.#database.query
      .updateTable('sessions')
      .set({
        user_agent: userAgent,
        remote_address: remoteAddress,
        last_seen_at: now,
        ...(confirmed ? { renewed_at: now } : {}),
      })
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /**
   * Removes some sessions that are long over.
   * @param endedBefore milliseconds. @param begunBefore milliseconds; none of those can be live whatever its row says.
   * @returns how many, at most a slice.
   */
  async purge(endedBefore: number, begunBefore: number): Promise<number> {
    const over = this.#database.query
      .selectFrom('sessions')
      .select('id')
      .where((builder) =>
        builder.or([builder('ended_at', '<', endedBefore), builder('id', '<', lowestId(begunBefore))]),
      )
      .limit(rowsPerStatement);
    const result = await this.#database.query
      .deleteFrom('sessions')
      .where('id', 'in', over)
      .executeTakeFirst();
    return Number(result.numDeletedRows);
  }

  /** Sets which organisation a session acts for. @returns nothing when the session has been ended. */
  async setOrg(id: string, orgId: string): Promise<SessionRow | undefined> {
    return this.#database.query
      .updateTable('sessions')
      .set({ org_id: orgId })
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .returningAll()
      .executeTakeFirst();
  }

  /**
   * Ends sessions, each once, with what their providers gave for them, and records their revocations with it.
   * @param expiresAt milliseconds; from then on none of their tokens can be live.
   * @returns those that were live until now, and what was recorded.
   */
  async end(
    which: SessionSelector,
    reason: string,
    expiresAt: number,
  ): Promise<{ sessions: SessionRow[]; revocations: RevocationRow[] }> {
    const now = this.#clock.now();
    return this.#database.query.transaction().execute(async (transaction) => {
      const sessions = await transaction
        .updateTable('sessions')
        .set({ ended_at: now, end_reason: reason })
        .where('ended_at', 'is', null)
        .where((builder) => selected(builder, which))
        .returningAll()
        .execute();
      const revocations = sessions.map(({ id }): RevocationRow => ({
        id,
        kind: 'session',
        before: null,
        recorded_at: now,
        expires_at: expiresAt,
      }));
      for (let first = 0; first < revocations.length; first += rowsPerStatement) {
        await transaction
          .insertInto('revocations')
          .values(revocations.slice(first, first + rowsPerStatement))
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      }
      const granted = sessions.filter(({ provider }) => provider !== 'ory').map(({ id }) => id);
      for (let first = 0; first < granted.length; first += rowsPerStatement) {
        await transaction
          .deleteFrom('provider_grants')
          .where('session_id', 'in', granted.slice(first, first + rowsPerStatement))
          .execute();
      }
      return { sessions, revocations };
    });
  }
}

function selected(
  builder: ExpressionBuilder<Schema, 'sessions'>,
  which: SessionSelector,
): Expression<SqlBool> {
  if ('id' in which) {
    return builder('id', '=', which.id);
  }
  if ('exceptBehind' in which) {
    const { userId, exceptBehind, except } = which;
    return builder.and([
      builder('user_id', '=', userId),
      ...(exceptBehind === undefined
        ? []
        : [builder('provider_session_id', 'is distinct from', exceptBehind)]),
      ...(except === undefined ? [] : [builder('id', '!=', except)]),
    ]);
  }
  if ('userId' in which) {
    const { userId, except } = which;
    return except === undefined
      ? builder('user_id', '=', userId)
      : builder.and([builder('user_id', '=', userId), builder('id', '!=', except)]);
  }
  return builder.and([
    builder('issuer', '=', which.issuer),
    'oidcSid' in which ? builder('oidc_sid', '=', which.oidcSid) : builder('subject', '=', which.subject),
  ]);
}

function columnsOf(row: SessionRow): (keyof SessionRow)[] {
  return Object.keys(row) as (keyof SessionRow)[];
}
