import { Injectable } from '@nestjs/common';
import type { ExchangedTokens } from '../oidc/relying.party.js';
import { AuditService } from '../audit/audit.service.js';
import type { SessionRow } from '../database/database.schema.js';
import { Problem } from '../core/problem.error.js';
import { type Principal, hasSession } from '../session/principal.js';
import { assertScope } from '../session/scope.check.js';
import { fullScope } from '../session/scopes.js';
import type { MintedSession } from '../session/session.minter.js';
import type { UsedFrom } from '../session/session.repository.js';
import { SessionService } from '../session/session.service.js';
import type { User } from '../users/identity.js';
import { UsersService } from '../users/users.service.js';
import { ArrivalService } from './arrival.service.js';
import type { BroughtLinks } from './org.admission.js';
import { AuthStrategy } from './auth.strategy.js';
import { endAtProvider } from './provider.logout.js';
import { requireMet } from './login.demand.js';
import type { LoginTransaction } from './login.transaction.js';

/** Where a login or logout comes from, for the audit trail and the list of sessions. */
export interface RequestOrigin extends UsedFrom {
  readonly requestId: string;
  readonly remoteAddress: string;
}

/** What somebody wants to log in with. */
export interface LoginAttempt {
  readonly accessToken: string;
  /** What came with it, when the gateway itself got it for a code. */
  readonly exchanged?: ExchangedTokens;
  /** What the gateway asked the provider for, when it started the login itself. */
  readonly transaction?: Pick<LoginTransaction, 'demand' | 'startedAt' | 'returnTo'>;
  /** Of an invite to an organisation, redeemed with the login. */
  readonly inviteToken?: string | undefined;
  /** Who was logged in in this browser, by its cookie: that session ends, so that none can be planted. */
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
  readonly #strategy: AuthStrategy;
  readonly #users: UsersService;
  readonly #sessions: SessionService;
  readonly #audit: AuditService;
  readonly #arrivals: ArrivalService;

  constructor(
    strategy: AuthStrategy,
    users: UsersService,
    sessions: SessionService,
    audit: AuditService,
    arrivals: ArrivalService,
  ) {
    this.#strategy = strategy;
    this.#users = users;
    this.#sessions = sessions;
    this.#audit = audit;
    this.#arrivals = arrivals;
  }

  /**
   * Steps 8 to 10: hands the access token to the strategy, maps the person to a local user, starts a session.
   * @throws {Problem} `access_token_rejected`, `login_refused`, `signup_refused`, `unauthenticated` (disabled), `provider_unavailable`;
   *   `gone`, `forbidden` or `email_unverified` for an invite
   */
  async login(attempt: LoginAttempt, origin: RequestOrigin): Promise<CompletedLogin> {
    const { accessToken, exchanged, transaction, inviteToken, previous } = attempt;
    try {
      const validated = await this.#strategy.validate(accessToken, exchanged);
      const { evidence } = validated;
      if (transaction !== undefined) {
        requireMet(transaction.demand, evidence, transaction.startedAt);
      }
      const { account, claims } = await this.#arrivals.arrive(
        validated,
        inviteToken,
        origin,
        transaction?.returnTo,
      );
      const { user } = account;
      const session = await this.#sessions.start(account, evidence, claims, origin);
      await this.#arrivals.requireCurrent(validated, session.claims.sid);
      await this.#strategy.remember(session.claims.sid, validated);
      // A bearer or key beside the access token is no browser's session: its login ends nothing.
      if (previous?.credential === 'cookie') {
        await this.#sessions.end({ id: previous.claims.sid }, 'replaced_by_login');
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
      await this.#audit.record({ type: 'login_failed', ...origin, reason, outcome: 'failure' });
      throw error;
    }
  }

  /** Whether a registration may be begun. @throws {Problem} `signup_refused` */
  async requireSignUp(brought: BroughtLinks): Promise<void> {
    await this.#arrivals.requireSignUp(brought);
  }

  /**
   * A bearer token of the caller's own session, for calls to services that know no cookie.
   * @throws {Problem} `unauthenticated` when the session is over.
   */
  async mintBearer(principal: Principal): Promise<MintedSession> {
    const { claims } = principal;
    const session = hasSession(principal) ? await this.#sessions.findLive(claims.sid) : undefined;
    if (session === undefined) {
      throw new Problem('unauthenticated', { reason: 'session_over' });
    }
    return this.#sessions.mint(await this.#users.requireAccount(claims.sub, session.org_id), session);
  }

  /**
   * Ends the session here first, then at the provider; a provider that can't be reached doesn't keep anybody in.
   * @returns where the browser must go on to, if it must.
   * @throws {Problem} `insufficient_scope` for a bearer that was narrowed: it isn't its person's to end the session.
   */
  async logout(principal: Principal, origin: RequestOrigin): Promise<URL | undefined> {
    if (principal.credential !== 'cookie') {
      assertScope(principal.claims, [fullScope]);
    }
    const session = await this.logoutHere(principal, origin);
    if (session === undefined) {
      return undefined;
    }
    return endAtProvider(this.#strategy, session);
  }

  /** Ends the session here alone, when the provider's own logout is under way. @returns the one that ended. */
  async logoutHere(principal: Principal, origin: RequestOrigin): Promise<SessionRow | undefined> {
    const { claims } = principal;
    if (!hasSession(principal)) {
      return undefined;
    }
    const session = await this.#sessions.findLive(claims.sid);
    await this.#sessions.end({ id: claims.sid }, 'logout');
    await this.#audit.record({ type: 'logout', userId: claims.sub, sessionId: claims.sid, ...origin });
    return session;
  }
}
