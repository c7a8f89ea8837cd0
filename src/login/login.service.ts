import { Injectable } from '@nestjs/common';
import { AuditService } from '../directory/audit/audit.service.js';
import { Clock } from '../platform/time/clock.service.js';
import { Problem } from '../platform/errors/problem.error.js';
import { type ExchangedTokens, AuthStrategy } from '../auth-strategy/auth.strategy.js';
import type { Principal } from '../session/principal.js';
import { SessionCookie } from '../session/cookie/session-cookie.js';
import type { MintedSession } from '../session/session-minter.js';
import { SessionService } from '../session/session.service.js';
import type { User } from '../directory/users/identity.js';
import { UserProvisioning } from './user-provisioning.js';
import { assertStepUp } from '../auth-strategy/step-up-requirement.js';
import type { LoginTransaction } from './login-transaction.js';
import type { ClientInfo } from '../platform/http/client-info.js';

/** The credentials and circumstances of a login. */
export interface LoginAttempt {
  readonly accessToken: string;
  /** The tokens that came with it, if the gateway itself exchanged a code. */
  readonly exchanged?: ExchangedTokens;
  /** What the gateway asked the provider for, if it started the login itself. */
  readonly transaction?: Pick<LoginTransaction, 'demand' | 'startedAt' | 'returnTo'>;
  /** When the exchange of the provider's answer began, in milliseconds since the epoch. Default: now. */
  readonly begunAt?: number;
  /** Token of an invite to an organisation, redeemed with the login. */
  readonly inviteToken?: string | undefined;
  /** Whether the session's token goes into a cookie, which limits its size. Default true. */
  readonly isForCookie?: boolean;
  /** The user who was logged in in this browser, by its cookie: that session ends, so that none can be planted. */
  readonly previous: Principal | undefined;
}

/** A login that succeeded. */
export interface CompletedLogin {
  readonly user: User;
  readonly session: MintedSession;
}

/** How many times a login is started when others get in its way, without asking the user. */
const maximumAttempts = 4;

/** Logs users in, whatever the provider. No other code decides on a login, up to the stored and audited session. */
@Injectable()
export class LoginService {
  constructor(
    private readonly strategy: AuthStrategy,
    private readonly sessions: SessionService,
    private readonly cookie: SessionCookie,
    private readonly audit: AuditService,
    private readonly provisioning: UserProvisioning,
    private readonly clock: Clock,
  ) {}

  /**
   * Completes a login (steps 6 to 10) of a browser that comes back from the provider. The access token is revoked
   * afterwards, whatever the outcome.
   * @param answer the callback's URL with its query.
   * @returns nothing when another login got in its way and it should start again: a user who has logged in meanwhile isn't asked twice.
   * @throws {Problem} as {@link login} does, but `login_refused` for a disabled account; `login_state_invalid`
   */
  async complete(
    answer: URL,
    transaction: LoginTransaction,
    previous: Principal | undefined,
    client: ClientInfo,
  ): Promise<CompletedLogin | undefined> {
    const begunAt = this.clock.now();
    const exchanged = await this.#exchange(answer, transaction);
    if (exchanged === undefined) {
      return undefined;
    }
    const { accessToken } = exchanged;
    try {
      return await this.login({ accessToken, exchanged, transaction, begunAt, previous }, client);
    } catch (error) {
      throw asPage(error);
    } finally {
      await this.strategy.discard(accessToken);
    }
  }

  /**
   * Logs a user in (steps 8 to 10). The strategy confirms the access token, the person becomes a local user, and a session is
   * stored once its cookie is known to fit.
   * @throws {Problem} `access_token_rejected`, `login_refused`, `signup_refused`, `unauthenticated` (disabled),
   *   `session_too_large`, `provider_unavailable`; `gone`, `forbidden` or `email_unverified` for an invite
   */
  async login(attempt: LoginAttempt, client: ClientInfo): Promise<CompletedLogin> {
    try {
      return await this.#login(attempt, client);
    } catch (error) {
      const reason = error instanceof Problem ? (error.reason ?? error.code) : 'unexpected_error';
      await this.audit.record({ type: 'login_failed', ...client, reason, outcome: 'failure' });
      throw error;
    }
  }

  /** Ends a session that was begun for a purpose that failed. */
  async takeBack({ claims }: MintedSession, reason: string): Promise<void> {
    await this.sessions.end({ id: claims.sid }, reason);
  }

  async #login(
    {
      accessToken,
      exchanged,
      transaction,
      begunAt = this.clock.now(),
      inviteToken,
      previous,
      isForCookie = true,
    }: LoginAttempt,
    client: ClientInfo,
  ): Promise<CompletedLogin> {
    const validated = await this.strategy.validate(accessToken, exchanged);
    const { evidence } = validated;
    if (transaction !== undefined) {
      assertStepUp(transaction.demand, evidence, transaction.startedAt);
    }
    const { account, claims } = await this.provisioning.provision(
      validated,
      { token: inviteToken, destination: transaction?.returnTo },
      client,
      begunAt,
    );
    const { user } = account;
    const session = await this.sessions.start(account, evidence, claims, client, {
      begunAt,
      check: ({ token }) => {
        if (isForCookie) {
          this.cookie.requireFit(token);
        }
      },
    });
    const { sid: sessionId } = session.claims;
    try {
      await this.provisioning.requireCurrent(validated, user, sessionId);
      if (inviteToken !== undefined) {
        await this.provisioning.redeemInvite(validated.identity, user, inviteToken, client);
      }
      await this.strategy.remember(sessionId, validated);
      // A bearer or key beside the access token isn't a browser's session: its login ends nothing.
      if (previous?.credential === 'cookie') {
        await this.sessions.end({ id: previous.claims.sid }, 'replaced_by_login');
      }
    } catch (error) {
      // Its token is given to no caller.
      await this.takeBack(session, 'login_failed').catch(() => undefined);
      throw error;
    }
    await this.audit.record({ type: 'login_succeeded', userId: user.id, sessionId, ...client });
    return { user, session };
  }

  async #exchange(answer: URL, transaction: LoginTransaction): Promise<ExchangedTokens | undefined> {
    try {
      return await this.strategy.exchange(answer, transaction);
    } catch (error) {
      const isOvertaken = error instanceof Problem && error.code === 'login_state_invalid';
      if (isOvertaken && transaction.attempt < maximumAttempts) {
        return undefined;
      }
      throw error;
    }
  }
}

/** The error as a page shows it, for a refused account: a browser that was sent to log in again would come back here forever. */
function asPage(error: unknown): unknown {
  return error instanceof Problem && error.code === 'unauthenticated'
    ? new Problem('login_refused', {
        ...(error.reason === 'user_disabled'
          ? { detail: 'This account is disabled. An administrator can enable it.' }
          : {}),
        ...(error.reason === undefined ? {} : { reason: error.reason }),
        cause: error,
      })
    : error;
}
