import { Injectable } from '@nestjs/common';
import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely';
import { Clock } from '../../platform/time/clock.service.js';
import { lowestId } from '../../platform/core/identifier.js';
import {
  Database,
  type RevocationRow,
  type Schema,
  type SessionRow,
} from '../../platform/database/database.schema.js';
import type { TransactionPart } from '../../platform/database/transaction-part.js';
import { needsRowLocks } from '../../platform/database/dialect.js';
import { userDisabled, userUnknown } from '../../directory/users/account.query.js';
import type { ClientInfo } from '../../platform/http/client-info.js';

/** Rows that one statement changes: databases limit a statement's parameters. */
const rowsPerStatement = 500;

/** Selects sessions by what their provider names. */
export type SelectorOfProvider =
  /** The sessions behind one session at the provider, as its logout tokens name it. */
  | { readonly issuer: string; readonly oidcSid: string }
  /** The sessions of one identity that may be behind one session at the provider: those that it names, and those without a name. */
  | { readonly issuer: string; readonly subject: string; readonly perhapsBehind: string }
  /** All sessions of one identity. */
  | { readonly issuer: string; readonly subject: string };

/** Selects all sessions of a user but one, and but those behind one session at the provider. */
export interface SessionsOfUser {
  readonly userId: string;
  readonly except?: string | undefined;
  readonly exceptBehind?: string | undefined;
}

/** Selects sessions. */
export type SessionSelector =
  | { readonly id: string }
  /** Those that began by this time only, in milliseconds since the epoch. */
  | (SelectorOfProvider & { readonly begunBy?: number })
  /** Those behind one session at the provider, of all issuers that begin with this. */
  | { readonly issuersFrom: string; readonly oidcSid: string }
  /** The sessions that came from one session of the user's source of identities. */
  | { readonly issuer: string; readonly providerSessionId: string };

/** How sessions end. Times are milliseconds since the epoch. */
export interface EndOfSessions {
  readonly reason: string;
  /** From then on, none of their tokens can be live. */
  readonly expiresAt: number;
  /** Sessions that were last used before have no live token. */
  readonly usedBefore: number;
}

/** The client that uses a session, as its row keeps it. */
export type SessionClient = Pick<ClientInfo, 'userAgent' | 'remoteAddress'>;

/** The sessions in SQL, the authoritative store. */
@Injectable()
export class SessionRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /**
   * Stores a new session. If the user is disabled or deleted at the same time, on any replica, that either comes
   * first or ends the session.
   * @throws {Problem} `unauthenticated` when the user is gone or disabled.
   */
  async insert(row: SessionRow): Promise<void> {
    const { query } = this.database;
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
    return this.database.query.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
  }

  /**
   * Some of a user's sessions that haven't been ended, newest first.
   * @param after of these moments (milliseconds) they began and were renewed. @param before id of the last one of the previous page.
   */
  async listOf(
    userId: string,
    after: { readonly begun: number; readonly renewed: number },
    limit: number,
    before?: string,
  ): Promise<SessionRow[]> {
    return this.database.query
      .selectFrom('sessions')
      .selectAll()
      .where('user_id', '=', userId)
      .where('ended_at', 'is', null)
      .where('created_at', '>', after.begun)
      .where('renewed_at', '>', after.renewed)
      .$if(before !== undefined, (query) => query.where('id', '<', before ?? ''))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
  }

  /**
   * Some of a user's sessions that have been ended since a moment (milliseconds) and that the provider has a name for, by id: those behind
   * whose login there no other one of the user is live.
   * @param after id of the last one of the previous page.
   */
  async listEnded(userId: string, since: number, limit: number, after: string): Promise<SessionRow[]> {
    return this.database.query
      .selectFrom('sessions')
      .selectAll()
      .where('user_id', '=', userId)
      .where('ended_at', '>=', since)
      .where((where) =>
        where.or([where('provider_session_id', 'is not', null), where('oidc_sid', 'is not', null)]),
      )
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('sessions as live')
              .select('live.id')
              .whereRef('live.user_id', '=', 'sessions.user_id')
              .where('live.ended_at', 'is', null)
              .whereRef('live.issuer', '=', 'sessions.issuer')
              .whereRef('live.provider_session_id', '=', 'sessions.provider_session_id'),
          ),
        ),
      )
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit)
      .execute();
  }

  /** Whether any session hasn't been ended and is younger than this. @param begunAfter milliseconds. */
  async hasOpen(begunAfter: number): Promise<boolean> {
    const found = await this.database.query
      .selectFrom('sessions')
      .select('id')
      .where('ended_at', 'is', null)
      .where('id', '>=', lowestId(begunAfter))
      .limit(1)
      .executeTakeFirst();
    return found !== undefined;
  }

  /** The sessions behind one session at the provider that haven't been ended. */
  async listBehind(issuer: string, oidcSid: string): Promise<SessionRow[]> {
    return this.database.query
      .selectFrom('sessions')
      .selectAll()
      .where((builder) => selected(builder, { issuer, oidcSid }))
      .where('ended_at', 'is', null)
      .execute();
  }

  /**
   * Records a use that is worth writing down.
   * @param confirmed whether the provider confirmed its session: only that counts as a renewal.
   * @returns false when the session was ended in the meantime: it must stay ended.
   */
  async markUsed(
    id: string,
    { userAgent, remoteAddress }: SessionClient,
    confirmed: boolean,
  ): Promise<boolean> {
    const now = this.clock.now();
    const result = await this.database.query
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
   * Removes some sessions that ended long ago.
   * @param endedBefore milliseconds.
   * @param begunBefore milliseconds; no session that began earlier can be live, whatever its row states.
   * @returns how many, at most one batch.
   */
  async purge(endedBefore: number, begunBefore: number): Promise<number> {
    const over = this.database.query
      .selectFrom('sessions')
      .select('id')
      .where((builder) =>
        builder.or([builder('ended_at', '<', endedBefore), builder('id', '<', lowestId(begunBefore))]),
      )
      .limit(rowsPerStatement);
    const result = await this.database.query
      .deleteFrom('sessions')
      .where('id', 'in', over)
      .executeTakeFirst();
    return Number(result.numDeletedRows);
  }

  /** Sets how the user of a session counts as authenticated. @returns the session as it is now. */
  async setLogin(
    session: SessionRow,
    login: Partial<Pick<SessionRow, 'amr' | 'acr' | 'claims'>>,
  ): Promise<SessionRow> {
    await this.database.query.updateTable('sessions').set(login).where('id', '=', session.id).execute();
    return { ...session, ...login };
  }

  /** Sets the organisation that a session acts for. @returns nothing when the session has been ended. */
  async setOrg(id: string, orgId: string): Promise<SessionRow | undefined> {
    return this.database.query
      .updateTable('sessions')
      .set({ org_id: orgId })
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .returningAll()
      .executeTakeFirst();
  }

  /**
   * Ends all sessions of a user, each once, in a number of statements that doesn't depend on theirs. It deletes their provider grants, and
   * records their revocations with them. The revocation of a session that has no live token any more has expired: it is for those who tell
   * others of ended sessions.
   * @param within is done first, in the same transaction.
   * @returns ids of the sessions that were live until now, and the revocations that can matter to tokens: one at least.
   */
  async endAll(
    which: SessionsOfUser,
    { reason, expiresAt, usedBefore }: EndOfSessions,
    within?: TransactionPart,
  ): Promise<{ ids: string[]; revocations: RevocationRow[] }> {
    return this.database.query.transaction().execute(async (transaction) => {
      await within?.(transaction);
      const now = this.clock.now();
      const ended = await transaction
        .updateTable('sessions')
        .set({ ended_at: now, end_reason: reason })
        .where('ended_at', 'is', null)
        .where((builder) => selected(builder, which))
        .returning(['id', 'last_seen_at', 'renewed_at'])
        .execute();
      const ids = ended.map(({ id }) => id);
      if (ids.length === 0) {
        return { ids, revocations: [] };
      }
      const uses = ended.map((row) => ({ id: row.id, usedAt: row.last_seen_at ?? row.renewed_at }));
      const latest = uses.reduce((found, { usedAt }) => Math.max(found, usedAt), 0);
      // Of one session everybody hears at once: then they ask for the others.
      const usedFrom = Math.min(usedBefore, latest);
      const revocation = { kind: 'session', before: null, recorded_at: now } as const;
      const expiry = sql<number>`case when coalesce(last_seen_at, renewed_at) >= ${usedFrom}
        then cast(${expiresAt} as bigint) else cast(${now} as bigint) end`;
      await transaction
        .insertInto('revocations')
        .columns(['id', 'kind', 'recorded_at', 'expires_at'])
        .expression(
          endedNow(transaction, which, now).select(({ val }) => [
            'id',
            val(revocation.kind).as('kind'),
            val(now).as('recorded_at'),
            expiry.as('expires_at'),
          ]),
        )
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      await transaction
        .deleteFrom('provider_grants')
        .where(
          'session_id',
          'in',
          endedNow(transaction, which, now).select('id').where('provider', '!=', 'ory'),
        )
        .execute();
      return {
        ids,
        revocations: uses
          .filter(({ usedAt }) => usedAt >= usedFrom)
          .map(({ id }) => ({ id, ...revocation, expires_at: expiresAt })),
      };
    });
  }

  /**
   * Ends sessions, each once, deletes their provider grants, and records their revocations with them.
   * @param expiresAt milliseconds; from then on none of their tokens can be live.
   * @returns the sessions that were live until now, and the recorded revocations.
   */
  async end(
    which: SessionSelector,
    reason: string,
    expiresAt: number,
  ): Promise<{ sessions: SessionRow[]; revocations: RevocationRow[] }> {
    const now = this.clock.now();
    return this.database.query.transaction().execute(async (transaction) => {
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
        const ids = granted.slice(first, first + rowsPerStatement);
        await transaction.deleteFrom('provider_grants').where('session_id', 'in', ids).execute();
      }
      return { sessions, revocations };
    });
  }
}

/** The selected sessions of a user that ended at this moment (milliseconds). */
function endedNow(query: Kysely<Schema>, which: SessionsOfUser, now: number) {
  return query
    .selectFrom('sessions')
    .where('ended_at', '=', now)
    .where((builder) => selected(builder, which));
}

function selected(
  builder: ExpressionBuilder<Schema, 'sessions'>,
  which: SessionSelector | SessionsOfUser,
): Expression<SqlBool> {
  if ('userId' in which) {
    const { userId, except, exceptBehind } = which;
    return builder.and([
      builder('user_id', '=', userId),
      ...(except === undefined ? [] : [builder('id', '!=', except)]),
      ...(exceptBehind === undefined
        ? []
        : [builder('provider_session_id', 'is distinct from', exceptBehind)]),
    ]);
  }
  if ('id' in which) {
    return builder('id', '=', which.id);
  }
  if ('issuersFrom' in which) {
    const { issuersFrom, oidcSid } = which;
    return builder.and([builder('oidc_sid', '=', oidcSid), builder('issuer', 'like', `${issuersFrom}%`)]);
  }
  const { issuer } = which;
  if ('providerSessionId' in which) {
    return builder.and({ issuer, provider_session_id: which.providerSessionId });
  }
  const begun = which.begunBy === undefined ? [] : [builder('created_at', '<=', which.begunBy)];
  if ('oidcSid' in which) {
    return builder.and([builder.and({ issuer, oidc_sid: which.oidcSid }), ...begun]);
  }
  return builder.and([
    ...begun,
    builder.and({ issuer, subject: which.subject }),
    ...('perhapsBehind' in which
      ? [builder.or([builder('oidc_sid', '=', which.perhapsBehind), builder('oidc_sid', 'is', null)])]
      : []),
  ]);
}

function columnsOf(row: SessionRow): (keyof SessionRow)[] {
  return Object.keys(row).filter((name): name is keyof SessionRow => Object.hasOwn(row, name));
}
