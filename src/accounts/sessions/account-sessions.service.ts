import { Injectable } from '@nestjs/common';
import { toTimestamp } from '../../platform/time/timestamp.schema.js';
import { type AuditEvent, AuditService } from '../../directory/audit/audit.service.js';
import { ofSessions } from '../../directory/audit/audit-event.js';
import { Clock } from '../../platform/time/clock.service.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { TransactionPart } from '../../platform/database/transaction-part.js';
import type { SessionRow } from '../../platform/database/database.schema.js';
import type { Caller, Principal } from '../../session/principal.js';
import { SessionService } from '../../session/session.service.js';
import type { SessionsOfUser } from '../../session/store/session.repository.js';
import type { ActorContext } from '../actor-context.js';
import { AuthStrategy } from '../../auth-strategy/auth.strategy.js';
import { describeDevice } from './device-name.js';
import { endAllAtProvider } from '../../auth-strategy/provider-logout.js';
import type { Everywhere } from '../provider-logout.repository.js';
import { ProviderLogouts } from '../provider-logouts.js';
import type { SessionItem } from './sessions.schemas.js';
import { givenIdSchema } from '../../platform/core/id.schema.js';
import { ApplicationHosts } from '../../platform/http/application-hosts.js';
import type { Page, PageQuery } from '../../platform/http/page-cursor.js';
import type { ClientInfo } from '../../platform/http/client-info.js';

const byUser = 'ended_by_user';
const byAdministrator = 'ended_by_administrator';
const byOwner = 'owner_proven';

/** Lists users' sessions and ends them, for the users themselves or for administrators. */
@Injectable()
export class AccountSessions {
  constructor(
    private readonly strategy: AuthStrategy,
    private readonly sessions: SessionService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    private readonly hosts: ApplicationHosts,
    private readonly logouts: ProviderLogouts,
  ) {}

  /**
   * A page of a user's live sessions, newest first.
   * @param principal the caller. @throws {Problem} `database_unavailable`, `validation_failed` for a cursor of another list
   */
  async listOf(userId: string, { claims }: Principal, page: PageQuery): Promise<Page<SessionItem>> {
    const { items: rows, nextCursor } = await this.sessions.listLive(userId, page);
    const hosts = await this.hosts.namesOf(rows.map(({ id }) => id));
    return { items: rows.map((row) => this.#item(row, claims.sid, hosts.get(row.id) ?? [])), nextCursor };
  }

  /**
   * Ends one of the caller's sessions, here first and then at the provider.
   * @param id as the caller gave it.
   * @returns `current`: whether it was the session of this request.
   * @throws {Problem} `not_found` if the caller has no such live session, `database_unavailable`
   */
  async end({ principal, client }: Caller, id: unknown): Promise<{ current: boolean }> {
    const { sub, sid } = principal.claims;
    const session = await this.#requireOf(sub, id);
    const current = session.id === sid;
    const staying = current ? undefined : await this.sessions.findLive(sid);
    requireEnded(await this.#end({ id: session.id }, client, { reason: byUser }, staying));
    return { current };
  }

  /**
   * Ends all of the caller's sessions but that of this request, here and then at the provider: also logins that never led here, and those
   * whose end failed before. @returns how many.
   */
  async endOthers({ principal, client }: Caller): Promise<number> {
    const { sub: userId, sid: except } = principal.claims;
    const staying = (await this.sessions.findLive(except))?.provider_session_id ?? null;
    await this.sessions.endLogins(userId);
    const ended = await this.#endAll({ userId, except }, client, { reason: byUser }, { staying });
    return ended.length;
  }

  /**
   * Ends one of a user's sessions for an administrator, here first and then at the provider. Other sessions of the same login at
   * the provider stay live until their next renewal.
   * @param id as the caller gave it.
   * @throws {Problem} `not_found` if the user has no such live session, `database_unavailable`
   */
  async endOf(userId: string, id: unknown, act: ActorContext): Promise<SessionRow> {
    const session = await this.#requireOf(userId, id);
    return requireEnded(await this.#end({ id: session.id }, act.client, endedBy(act)));
  }

  /** Ends all of a user's sessions for an administrator, here and then at the provider. @returns ids of the ended sessions. */
  async endAllOf(userId: string, act: ActorContext): Promise<readonly string[]> {
    await this.sessions.endLogins(userId);
    return this.#endAll({ userId }, act.client, endedBy(act), { staying: null });
  }

  /**
   * Ends the sessions of an account whose owner has been proven, here first and then at the provider. Sessions of the login that
   * proved the owner stay.
   * @param exceptBehind id of the provider's session of that login: our sessions behind it stay.
   * @param except id of our session of that login: it stays.
   */
  async endForOwner(
    userId: string,
    { exceptBehind, except }: Omit<SessionsOfUser, 'userId'>,
    client: ClientInfo,
  ): Promise<void> {
    await this.#endAll({ userId, exceptBehind, except }, client, { reason: byOwner });
  }

  /** Whether a session is live both here and at the provider. @throws {Problem} `provider_unavailable` */
  async isLive(id: string): Promise<boolean> {
    const session = await this.sessions.findLive(id);
    if (session === undefined) {
      return false;
    }
    const { state } = await this.strategy.sessionState(session);
    if (state === 'unknown') {
      throw new Problem('provider_unavailable', { reason: 'session_unknown_at_provider' });
    }
    return state === 'alive';
  }

  /** Ends a session here whose login was refused after the session was stored. */
  async drop(id: string): Promise<void> {
    await this.sessions.end({ id }, byOwner);
  }

  /**
   * Ends sessions here and then the provider's behind them. One browser can have several of our sessions behind one login at the
   * provider, so the login of a session that stays isn't ended.
   */
  async #end(
    which: { readonly id: string },
    client: ClientInfo,
    by: EndedBy,
    staying?: SessionRow,
  ): Promise<readonly SessionRow[]> {
    const ended = await this.sessions.end(which, by.reason);
    for (const { user_id: userId, id: sessionId } of ended) {
      await this.audit.record({ type: 'session_ended', userId, sessionId, ...client, ...by });
    }
    const others = ended.filter((session) => staying === undefined || !isSameLogin(session, staying));
    await endAllAtProvider(this.strategy, others);
    return ended;
  }

  /**
   * Ends all sessions of a user here, and then those at the provider behind them. One audit event tells of all of them.
   * @param everywhere if all other logins of the user there end too. @returns ids of the ended sessions.
   */
  async #endAll(
    which: SessionsOfUser,
    client: ClientInfo,
    by: EndedBy,
    everywhere?: Everywhere,
  ): Promise<readonly string[]> {
    const { userId } = which;
    const end = async (note: TransactionPart): Promise<readonly string[]> => {
      const ended = await this.sessions.endAll(which, by.reason, note);
      if (ended.length > 0) {
        await this.audit.record({ type: 'session_ended', userId, ...ofSessions(ended), ...client, ...by });
      }
      return ended;
    };
    return this.logouts.endWith(userId, end, everywhere);
  }

  async #requireOf(userId: string, id: unknown): Promise<SessionRow> {
    const parsed = givenIdSchema.safeParse(id);
    const session = parsed.success ? await this.sessions.findLive(parsed.data) : undefined;
    if (session?.user_id !== userId) {
      throw new Problem('not_found', { reason: 'no_such_session' });
    }
    return session;
  }

  #item(row: SessionRow, currentId: string, hosts: readonly string[]): SessionItem {
    const current = row.id === currentId;
    const lastSeenAt = current ? this.clock.now() : (row.last_seen_at ?? row.renewed_at);
    return {
      id: row.id,
      current,
      ...describeDevice(row.user_agent),
      address: row.remote_address,
      hosts: [...hosts],
      ...this.sessions.limitsOfRow(row),
      lastSeenAt: toTimestamp(lastSeenAt),
      authTime: row.auth_time === 0 ? null : toTimestamp(row.auth_time),
      methods: row.amr.split(' ').filter((method) => method !== ''),
    };
  }
}

/** Why sessions end, and who ends them if it isn't their user. */
interface EndedBy {
  readonly reason: string;
  readonly actor?: AuditEvent['actor'];
}

/** @throws {Problem} `not_found` if the session was ended in the meantime. */
function requireEnded([session]: readonly SessionRow[]): SessionRow {
  if (session === undefined) {
    throw new Problem('not_found', { reason: 'session_ended_meanwhile' });
  }
  return session;
}

function endedBy({ author, credential }: ActorContext): EndedBy {
  return { reason: byAdministrator, actor: { id: author.id, credential } };
}

/** Whether both sessions are behind the same session at the provider. */
function isSameLogin(one: SessionRow, other: SessionRow): boolean {
  return (
    one.provider_session_id !== null &&
    one.provider_session_id === other.provider_session_id &&
    one.issuer === other.issuer
  );
}
