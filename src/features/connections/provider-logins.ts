import { Inject, Injectable, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { assertStepUp, stepUpRequirementOf } from '../../auth-strategy/step-up-requirement.js';
import { type LoginTransaction, TransactionCookies } from '../../login/login-transaction.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { parseJson } from '../../platform/config/json.parser.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { CookieWriter } from '../../platform/http/cookie-writer.js';
import { Clock } from '../../platform/time/clock.service.js';
import { UsedTokenRepository } from '../../session/store/used-token.repository.js';
import {
  type KeptAnswer,
  type ProviderLogin,
  type ProviderLoginStart,
  keptAnswerSchema,
} from './company.provider.js';
import { ConnectionSetting } from './connection-setting.js';
import { ConnectionRepository } from './connection.repository.js';
import { ConnectionSessions } from './connection-sessions.js';
import { type ProviderConnection, vouchedUser } from './connection.js';

/** Why a login at a company's provider didn't succeed. */
export type ProviderRefusal = 'declined' | 'misconfigured' | 'not_admitted' | 'unavailable';

/** The transactions of logins at companies' providers, each bound to its connection. */
@Injectable()
export class ConnectionTransactions extends TransactionCookies {
  constructor(cookies: CookieWriter, clock: Clock, @Inject(CONFIGURATION) { SECRETS }: Configuration) {
    super(cookies, clock, SECRETS, {
      purpose: 'connection-login',
      cookie: 'vestibule-provider.',
      provider: '',
    });
  }
}

/** What a login at a provider is begun with. */
export interface ProviderLoginRequest extends Pick<ProviderLoginStart, 'loginHint' | 'locales'> {
  /** Hydra's login challenge, which the login is for. */
  readonly challenge: string;
  /** URL of the authorization request that the challenge is about. */
  readonly requestUrl: string;
}

/** A login whose answer has come. */
export interface PendingProviderLogin {
  readonly transaction: LoginTransaction;
  readonly challenge: string;
  /** The provider's posted answer; undefined if it answers by a redirect. */
  readonly answer: KeptAnswer | undefined;
}

/** Milliseconds in which a user has to log in: as long as the transaction's cookie lives. */
const longestLogin = 1_800_000;

/** Logins at a company's provider, to which the browser is sent. They begin a session, from which Hydra's challenge is answered. */
@Injectable()
export class ProviderLogins {
  readonly #logger = new Logger(ProviderLogins.name);

  constructor(
    private readonly setting: ConnectionSetting,
    private readonly sessions: ConnectionSessions,
    private readonly repository: ConnectionRepository,
    private readonly transactions: ConnectionTransactions,
    private readonly used: UsedTokenRepository,
    private readonly clock: Clock,
  ) {}

  /** Begins a login. @returns where to send the browser, or why it can't be sent anywhere. */
  async begin(
    connection: ProviderConnection,
    { challenge, requestUrl, loginHint, locales }: ProviderLoginRequest,
    reply: FastifyReply,
  ): Promise<URL | ProviderRefusal> {
    // One address per connection: an answer of another provider can't be taken for this one's (RFC 9207, RFC 9700 section 4.4).
    const redirectUri = `${this.setting.publicUrl}/auth/connections/${connection.id}/callback`;
    const maxAge = maxAgeIn(new URL(requestUrl).searchParams);
    try {
      const { url, checks } = await connection.provider.begin({ redirectUri, loginHint, locales, maxAge });
      const demand = maxAge === undefined ? {} : { maxAge };
      const login = { checks, returnTo: '', attempt: 1, demand };
      await this.repository.keepLogin(checks.state, challenge, this.clock.now() + longestLogin);
      this.transactions.start(reply, login, connection.id);
      return url;
    } catch (error) {
      return this.#refusalOf(connection, reply.request, error);
    }
  }

  /** Whether a login with this state is under way and has no answer yet. */
  async isAwaited(state: string): Promise<boolean> {
    return this.repository.isAwaited(state);
  }

  /**
   * Keeps an answer that a provider's page has posted. The browser brings no cookie from there, so that the answer waits until it comes
   * back with one. Anyone can post one: only a message that was verified may be kept.
   * @returns whether such a login is under way and has no answer yet.
   */
  async keepAnswer(state: string, answer: KeptAnswer): Promise<boolean> {
    const text = JSON.stringify({ ...answer, at: this.clock.now() });
    return this.repository.keepAnswer(state, this.setting.ofAnswers.encrypt(text));
  }

  /**
   * The login that an answer belongs to; it can't be taken again.
   * @throws {Problem} `login_state_invalid` unless this browser began it at this connection.
   */
  async take(
    connection: ProviderConnection,
    answer: URL,
    reply: FastifyReply,
  ): Promise<PendingProviderLogin> {
    const [state, ...others] = answer.searchParams.getAll('state');
    const only = others.length === 0 ? state : undefined;
    const transaction = this.transactions.take(reply, only, connection.id);
    const login = await this.repository.takeLogin(transaction.state);
    if (login === undefined) {
      throw new Problem('login_state_invalid', { reason: 'state_reused' });
    }
    const text = login.answer === null ? undefined : this.setting.ofAnswers.decrypt(login.answer);
    const kept = keptAnswerSchema.safeParse(text === undefined ? undefined : parseJson(text));
    return { transaction, challenge: login.challenge, answer: kept.data };
  }

  /** Verifies the provider's answer, and begins a session. @returns why not, if it didn't. */
  async finish(
    connection: ProviderConnection,
    { transaction: { demand, startedAt, ...checks }, answer: kept }: PendingProviderLogin,
    answer: URL,
    reply: FastifyReply,
  ): Promise<ProviderRefusal | undefined> {
    const begunAt = kept?.at ?? this.clock.now();
    try {
      const login = await connection.provider.finish(answer, checks, messageOf(kept));
      assertStepUp(demand, login, startedAt);
      await this.#useUp(login);
      return await this.#enter(connection, { ...login, begunAt }, reply);
    } catch (error) {
      return this.#refusalOf(connection, reply.request, error);
    }
  }

  /** @throws {Problem} `login_refused` for a statement that was used before. */
  async #useUp({ onlyOnce }: ProviderLogin): Promise<void> {
    if (onlyOnce !== undefined) {
      const { issuer, id, expiresAt } = onlyOnce;
      if (!(await this.used.use(issuer, id, expiresAt))) {
        throw new Problem('login_refused', { reason: 'statement_used' });
      }
    }
  }

  async #enter(
    connection: ProviderConnection,
    login: ProviderLogin & { readonly begunAt: number },
    reply: FastifyReply,
  ): Promise<ProviderRefusal | undefined> {
    const { repository, sessions } = this;
    const { amr, acr, sid, refreshToken, begunAt } = login;
    const user = vouchedUser(connection, login.user, login.user.isEmailProven);
    if (user.state !== 'active') {
      await repository.refuse(user);
      await sessions.noteFailure(connection, `connection_user_${user.state}`, reply.request);
      return 'not_admitted';
    }
    const identity = await repository.record(user);
    const evidence = {
      amr,
      acr,
      authTime: this.#authTimeOf(login),
      providerSid: sid,
      sealed: refreshToken === undefined ? null : this.setting.ofGrants.encrypt(refreshToken),
      life: connection.provider.lifeOf(login),
      begunAt,
    };
    await sessions.begin(identity, evidence, reply);
    return undefined;
  }

  /** Providers state whole seconds: the end of that second, so that it isn't before a login that began within it. */
  #authTimeOf({ authTime }: ProviderLogin): number {
    return authTime === null ? 0 : Math.min(authTime + 999, this.clock.now());
  }

  /** @throws what isn't a problem of the provider. */
  async #refusalOf(
    connection: ProviderConnection,
    request: FastifyRequest,
    error: unknown,
  ): Promise<ProviderRefusal> {
    if (!(error instanceof Problem) || error.code === 'database_unavailable') {
      throw error;
    }
    const { reason = error.code } = error;
    this.#logger.warn('a login at a connection failed', { reason, connection: connection.id, err: error });
    if (error.code === 'provider_unavailable') {
      return 'unavailable';
    }
    await this.sessions.noteFailure(connection, reason, request);
    return error.code === 'provider_misconfigured' || error.code === 'clocks_differ'
      ? 'misconfigured'
      : 'declined';
  }
}

/** The message of an answer. @throws {Problem} if it was refused when it came. */
function messageOf(answer: KeptAnswer | undefined): string | undefined {
  if (answer !== undefined && 'code' in answer) {
    throw new Problem(answer.code, { reason: answer.reason });
  }
  return answer?.posted;
}

/** The age of credentials that an authorization request requires (OpenID Connect Core section 3.1.2.1). */
function maxAgeIn(asked: URLSearchParams): number | undefined {
  const isNew = (asked.get('prompt') ?? '').split(' ').includes('login');
  return isNew ? 0 : stepUpRequirementOf({ max_age: asked.get('max_age') ?? undefined }).maxAge;
}
