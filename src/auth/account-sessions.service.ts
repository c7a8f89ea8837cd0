import { Injectable } from '@nestjs/common';
import pLimit from 'p-limit';
import { z } from 'zod';
import { type AuditEvent, AuditService } from '../audit/audit.service.js';
import { Clock } from '../core/clock.service.js';
import { Problem } from '../core/problem.error.js';
import type { SessionRow } from '../database/database.schema.js';
import type { Principal } from '../session/principal.js';
import { SessionService } from '../session/session.service.js';
import type { AccountAct } from './account.act.js';
import type { RequestOrigin } from './auth.service.js';
import { AuthStrategy } from './auth.strategy.js';
import { describeDevice } from './device.name.js';
import { endAtProvider } from './provider.logout.js';
import type { SessionItem } from './sessions.schemas.js';

/** Calls to the provider at the same time. */
const parallelCalls = 8;
const byUser = 'ended_by_user';
const byAdministrator = 'ended_by_administrator';
const byOwner = 'owner_proven';
const idSchema = z.uuid().toLowerCase();

/** People's sessions: which there are, and the end of those that should be no more, by themselves or by administrators. */
@Injectable()
export class AccountSessions {
  readonly #strategy: AuthStrategy;
  readonly #sessions: SessionService;
  readonly #audit: AuditService;
  readonly #clock: Clock;

  constructor(strategy: AuthStrategy, sessions: SessionService, audit: AuditService, clock: Clock) {
    this.#strategy = strategy;
    this.#sessions = sessions;
    this.#audit = audit;
    this.#clock = clock;
  }

  /** The caller's live sessions, newest first. @throws {Problem} `database_unavailable` */
  async list(principal: Principal): Promise<SessionItem[]> {
    return this.listOf(principal.claims.sub, principal);
  }

  /** Somebody's live sessions, newest first. @param principal who asks. @throws {Problem} `database_unavailable` */
  async listOf(userId: string, { claims }: Principal): Promise<SessionItem[]> {
    const rows = await this.#sessions.listLive(userId);
    return rows.map((row) => this.#item(row, claims.sid));
  }

  /**
   * Ends one of the caller's sessions, here first and then at the provider.
   * @param id as the caller gave it.
   * @returns whether it was the one of this request.
   * @throws {Problem} `not_found` when it's no live session of the caller's, `database_unavailable`
   */
  async end(principal: Principal, id: unknown, origin: RequestOrigin): Promise<{ current: boolean }> {
    const session = await this.#requireOf(principal.claims.sub, id);
    const staying = await this.#sessions.findLive(principal.claims.sid);
    const [ended] = await this.#sessions.end({ id: session.id }, byUser);
    if (ended === undefined) {
      throw new Problem('not_found', { reason: 'session_ended_meanwhile' });
    }
    await this.#record(ended, origin, { reason: byUser });
    const current = ended.id === principal.claims.sid;
    await this.#endAtProvider([ended], current ? undefined : staying);
    return { current };
  }

  /**
   * Ends all of the caller's sessions but the one of this request, here first and then at the provider.
   * @returns how many were live until now.
   * @throws {Problem} `database_unavailable`
   */
  async endOthers(principal: Principal, origin: RequestOrigin): Promise<number> {
    const { sub: userId, sid: except } = principal.claims;
    const staying = await this.#sessions.findLive(except);
    const ended = await this.#sessions.end({ userId, except }, byUser);
    for (const session of ended) {
      await this.#record(session, origin, { reason: byUser });
    }
    await this.#endAtProvider(ended, staying);
    return ended.length;
  }

  /**
   * An administrator ends one of somebody's sessions, here first and then at the provider: other sessions of the same
   * login there go on until their next renewal.
   * @param id as the caller gave it.
   * @throws {Problem} `not_found` when it's no live session of theirs, `database_unavailable`
   */
  async endOf(userId: string, id: unknown, act: AccountAct): Promise<SessionRow> {
    const session = await this.#requireOf(userId, id);
    const [ended] = await this.#endFor(act, { id: session.id });
    if (ended === undefined) {
      throw new Problem('not_found', { reason: 'session_ended_meanwhile' });
    }
    return ended;
  }

  /**
   * An administrator ends all of somebody's sessions, here first and then at the provider.
   * @returns those that were live until now.
   * @throws {Problem} `database_unavailable`
   */
  async endAllOf(userId: string, act: AccountAct): Promise<readonly SessionRow[]> {
    return this.#endFor(act, { userId });
  }

  /**
   * Ends the sessions of an account whose owner has proven to be it, here first and then at the provider.
   * @param staying the provider's session in which they did that, and ours; without them, none stays.
   */
  async endForOwner(
    userId: string,
    { behind, id }: { readonly behind: string | undefined; readonly id: string | undefined },
    origin: RequestOrigin,
  ): Promise<void> {
    const ended = await this.#sessions.end({ userId, exceptBehind: behind, except: id }, byOwner);
    for (const session of ended) {
      await this.#record(session, origin, { reason: byOwner });
    }
    await this.#endAtProvider(ended, undefined);
  }

  /** Whether a session lives, here and at the provider. @throws {Problem} `provider_unavailable` when it can't be asked. */
  async isLive(id: string): Promise<boolean> {
    const session = await this.#sessions.findLive(id);
    if (session === undefined) {
      return false;
    }
    const { state } = await this.#strategy.sessionState(session);
    if (state === 'unknown') {
      throw new Problem('provider_unavailable', { reason: 'session_unknown_at_provider' });
    }
    return state === 'alive';
  }

  /** Ends a session whose login was refused after all. */
  async drop(id: string): Promise<void> {
    await this.#sessions.end({ id }, byOwner);
  }

  async #endFor(
    { author, credential, origin }: AccountAct,
    which: { readonly id: string } | { readonly userId: string },
  ): Promise<readonly SessionRow[]> {
    const ended = await this.#sessions.end(which, byAdministrator);
    for (const session of ended) {
      await this.#record(session, origin, {
        reason: byAdministrator,
        actor: { id: author.id, credential },
      });
    }
    await this.#endAtProvider(ended, undefined);
    return ended;
  }

  /** One browser can have several of our sessions behind one login at the provider: who stays keeps it. */
  async #endAtProvider(ended: readonly SessionRow[], staying: SessionRow | undefined): Promise<void> {
    const limit = pLimit(parallelCalls);
    await Promise.all(
      ended
        .filter((session) => staying === undefined || !isSameLogin(session, staying))
        .map((session) => limit(() => endAtProvider(this.#strategy, session))),
    );
  }

  async #requireOf(userId: string, id: unknown): Promise<SessionRow> {
    const parsed = idSchema.safeParse(id);
    const session = parsed.success ? await this.#sessions.findLive(parsed.data) : undefined;
    if (session?.user_id !== userId) {
      throw new Problem('not_found', { reason: 'no_such_session' });
    }
    return session;
  }

  async #record(
    session: SessionRow,
    origin: RequestOrigin,
    by: Pick<AuditEvent, 'reason' | 'actor'>,
  ): Promise<void> {
    await this.#audit.record({
      type: 'session_ended',
      userId: session.user_id,
      sessionId: session.id,
      ...origin,
      ...by,
    });
  }

  #item(row: SessionRow, currentId: string): SessionItem {
    const current = row.id === currentId;
    const lastSeenAt = current ? this.#clock.now() : (row.last_seen_at ?? row.renewed_at);
    return {
      id: row.id,
      current,
      ...describeDevice(row.user_agent),
      address: row.remote_address,
      ...this.#sessions.limitsOfRow(row),
      lastSeenAt: new Date(lastSeenAt).toISOString(),
      authTime: row.auth_time === 0 ? null : new Date(row.auth_time).toISOString(),
      methods: row.amr.split(' ').filter((method) => method !== ''),
    };
  }
}

/** Whether both rest on the same session at the provider. */
function isSameLogin(one: SessionRow, other: SessionRow): boolean {
  return (
    one.provider_session_id !== null &&
    one.provider_session_id === other.provider_session_id &&
    one.issuer === other.issuer
  );
}
