import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { Clock } from '../core/clock.service.js';
import { Problem } from '../core/problem.error.js';
import type { SessionRow } from '../database/database.schema.js';
import type { Claims } from '../session/claims.schema.js';
import { SessionRenewer } from '../session/session.renewer.js';
import type { MintedSession } from '../session/session.minter.js';
import { SessionService } from '../session/session.service.js';
import { UsersService } from '../users/users.service.js';
import { AuthStrategy } from './auth.strategy.js';

/** How long, since its last renewal that the provider confirmed, a session may go on while its provider can't be asked: one hour. */
const graceMilliseconds = 3_600_000;

/** Renews sessions whose token is over, one renewal at a time for each session in this process. */
@Injectable()
export class SessionRenewal extends SessionRenewer {
  readonly #strategy: AuthStrategy;
  readonly #sessions: SessionService;
  readonly #users: UsersService;
  readonly #audit: AuditService;
  readonly #clock: Clock;
  readonly #running = new Map<string, Promise<MintedSession>>();

  constructor(
    strategy: AuthStrategy,
    sessions: SessionService,
    users: UsersService,
    audit: AuditService,
    clock: Clock,
  ) {
    super();
    this.#strategy = strategy;
    this.#sessions = sessions;
    this.#users = users;
    this.#audit = audit;
    this.#clock = clock;
  }

  override async renew(claims: Claims): Promise<MintedSession> {
    const running = this.#running.get(claims.sid);
    if (running !== undefined) {
      return running;
    }
    const renewal = this.#renewOnce(claims).finally(() => this.#running.delete(claims.sid));
    this.#running.set(claims.sid, renewal);
    return renewal;
  }

  async #renewOnce(claims: Claims): Promise<MintedSession> {
    const session = await this.#sessions.findLive(claims.sid);
    if (session === undefined || session.user_id !== claims.sub) {
      throw new Problem('unauthenticated', { reason: 'session_over' });
    }
    const user = await this.#users.requireActive(session.user_id);
    const isConfirmed = await this.#requireProviderSession(session);
    // What the database says now and not the look-up decides: a logout in between wins. Only what the provider
    // confirmed counts as a renewal, else each use of the grace would begin another one.
    const isLive = isConfirmed
      ? await this.#sessions.markRenewed(session.id)
      : (await this.#sessions.findLive(session.id)) !== undefined;
    if (!isLive) {
      throw new Problem('unauthenticated', { reason: 'session_ended' });
    }
    return this.#sessions.mint(user, session);
  }

  /** @returns whether the provider confirmed its session; false while the grace lasts. */
  async #requireProviderSession(session: SessionRow): Promise<boolean> {
    const state = await this.#strategy.sessionState(session);
    if (state === 'ended') {
      await this.#sessions.end(session.id, 'provider_session_ended');
      await this.#audit.record({
        type: 'session_ended',
        userId: session.user_id,
        sessionId: session.id,
        reason: 'provider_session_ended',
      });
      throw new Problem('unauthenticated', { reason: 'provider_session_ended' });
    }
    if (state === 'unknown') {
      if (this.#clock.now() > session.renewed_at + graceMilliseconds) {
        throw new Problem('provider_unavailable', { reason: 'renewal_grace_over' });
      }
      await this.#audit.record({
        type: 'renewal_grace',
        userId: session.user_id,
        sessionId: session.id,
        reason: 'provider_unreachable',
      });
    }
    return state === 'alive';
  }
}
