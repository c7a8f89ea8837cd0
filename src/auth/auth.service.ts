import { Injectable, Logger } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { Problem } from '../core/problem.error.js';
import type { Principal } from '../session/principal.js';
import { type MintedSession, SessionService } from '../session/session.service.js';
import type { User } from '../users/identity.js';
import { UsersService } from '../users/users.service.js';
import { AuthStrategy } from './auth.strategy.js';

/** Where a login or logout comes from, for the audit trail. */
export interface RequestOrigin {
  readonly requestId: string;
  readonly remoteAddress: string;
}

/** What somebody wants to log in with. */
export interface LoginAttempt {
  readonly accessToken: string;
  /** `sub` of the ID token that came with it, where one did. */
  readonly expectedSubject?: string;
  /** Who was logged in in this browser: that session ends, so that none can be planted. */
  readonly previous: Principal | undefined;
}

/** A login that succeeded. */
export interface CompletedLogin {
  readonly user: User;
  readonly session: MintedSession;
}

/** Logins and logouts, whoever the provider is. */
@Injectable()
export class AuthService {
  readonly #logger = new Logger(AuthService.name);
  readonly #strategy: AuthStrategy;
  readonly #users: UsersService;
  readonly #sessions: SessionService;
  readonly #audit: AuditService;

  constructor(strategy: AuthStrategy, users: UsersService, sessions: SessionService, audit: AuditService) {
    this.#strategy = strategy;
    this.#users = users;
    this.#sessions = sessions;
    this.#audit = audit;
  }

  /**
   * Steps 8 to 10: hands the access token to the strategy, maps the person to a local user, starts a session.
   * @throws {Problem} `access_token_rejected`, `unauthenticated` (disabled), `provider_unavailable`
   */
  async login(attempt: LoginAttempt, origin: RequestOrigin): Promise<CompletedLogin> {
    const { accessToken, expectedSubject, previous } = attempt;
    try {
      const { identity, evidence } = await this.#strategy.validate(accessToken);
      if (expectedSubject !== undefined && expectedSubject !== identity.subject) {
        throw new Problem('login_refused', { reason: 'subject_mismatch' });
      }
      const user = await this.#users.recordLogin(identity);
      const session = await this.#sessions.start(user, evidence);
      if (previous !== undefined) {
        await this.#sessions.end(previous.claims.sid, 'replaced_by_login');
      }
      await this.#audit.record({
        type: 'login_succeeded',
        userId: user.id,
        sessionId: session.claims.sid,
        ...origin,
      });
      return { user, session };
    } catch (error) {
      const reason = error instanceof Problem ? error.reason : 'unexpected_error';
      await this.#audit.record({ type: 'login_failed', ...origin, reason });
      throw error;
    }
  }

  /**
   * A bearer token of the caller's own session, for calls to services that know no cookie.
   * @throws {Problem} `unauthenticated` when the session is over.
   */
  async mintBearer({ claims, user }: Principal): Promise<MintedSession> {
    const session = await this.#sessions.findLive(claims.sid);
    if (session === undefined) {
      throw new Problem('unauthenticated', { reason: 'session_over' });
    }
    return this.#sessions.mint(user, session, claims.idp);
  }

  /**
   * Ends the session here first, then at the provider; a provider that can't be reached doesn't keep anybody in.
   * @returns where the browser must go on to, if it must.
   */
  async logout({ claims }: Principal, origin: RequestOrigin): Promise<URL | undefined> {
    const session = await this.#sessions.findLive(claims.sid);
    await this.#sessions.end(claims.sid, 'logout');
    await this.#audit.record({ type: 'logout', userId: claims.sub, sessionId: claims.sid, ...origin });
    if (session === undefined) {
      return undefined;
    }
    try {
      return await this.#strategy.endSession(session);
    } catch (error) {
      this.#logger.error('the session could not be ended at the provider', {
        reason: 'provider_logout_failed',
        err: error,
      });
      return undefined;
    }
  }
}
