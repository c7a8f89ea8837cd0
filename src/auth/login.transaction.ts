import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { Problem } from '../core/problem.error.js';
import { SecretBox } from '../core/secret.box.js';
import { cookieNames, readSingleCookie } from '../http/cookie.reader.js';
import { CookieJar } from '../http/cookie.writer.js';
import type { LoginChecks } from '../oidc/relying.party.js';
import { type LoginDemand, loginDemandSchema } from './login.demand.js';

/** Seconds that a person has to log in. */
const lifetime = 1800;
/** Logins that one browser may have open at once (tabs); the oldest cookies give way. */
const openAtOnce = 4;

const transactionSchema = z.object({
  provider: z.string(),
  state: z.string(),
  nonce: z.string(),
  codeVerifier: z.string(),
  returnTo: z.string(),
  /** Which try this is, from 1; more than 1 after other tabs' logins got in between. */
  attempt: z.int().default(1),
  /** What the provider was asked for. */
  demand: loginDemandSchema.default({}),
  /** Seconds since the epoch. */
  startedAt: z.number().default(0),
  /** Seconds since the epoch. */
  expiresAt: z.number(),
});

/** One login that this browser has started, between its start and the provider's answer. */
export type LoginTransaction = z.output<typeof transactionSchema>;

/** What a login by browser is started with. */
export interface PendingLogin {
  readonly checks: LoginChecks;
  /** Path to come back to, already checked. */
  readonly returnTo: string;
  readonly attempt: number;
  readonly demand: LoginDemand;
}

/** Keeps login transactions in encrypted cookies of the browser that started them; each is used once. */
@Injectable()
export class LoginTransactions {
  readonly #jar: CookieJar;
  readonly #clock: Clock;
  readonly #box: SecretBox;
  readonly #provider: string;
  readonly #prefix: string;
  /** States that were used here, until their transactions expire (seconds). */
  readonly #used = new Map<string, number>();

  constructor(jar: CookieJar, clock: Clock, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#jar = jar;
    this.#clock = clock;
    this.#box = new SecretBox(configuration.SECRETS, 'login-transaction');
    this.#provider = configuration.AUTH_PROVIDER;
    this.#prefix = jar.name('vestibule-login.');
  }

  /** Starts a transaction and ties it to the browser. */
  start(request: FastifyRequest, reply: FastifyReply, login: PendingLogin): void {
    for (const name of cookieNames(request.headers.cookie, this.#prefix).slice(0, -(openAtOnce - 1))) {
      this.#jar.clear(reply, name);
    }
    const now = this.#clock.seconds();
    const transaction: LoginTransaction = {
      provider: this.#provider,
      ...login.checks,
      returnTo: login.returnTo,
      attempt: login.attempt,
      demand: login.demand,
      startedAt: now,
      expiresAt: now + lifetime,
    };
    const sealed = this.#box.seal(JSON.stringify(transaction));
    this.#jar.set(reply, this.#cookieName(transaction.state), sealed, lifetime);
  }

  /**
   * The transaction that an answer with this `state` belongs to; it can't be taken again.
   * @throws {Problem} `login_state_invalid` unless this browser started it, with this provider, not long ago.
   */
  take(request: FastifyRequest, reply: FastifyReply, state: unknown): LoginTransaction {
    if (typeof state !== 'string' || state === '' || state.length > 512) {
      throw invalid('state_missing');
    }
    const name = this.#cookieName(state);
    const sealed = readSingleCookie(request.headers.cookie, name);
    const text = sealed === undefined ? undefined : this.#box.open(sealed);
    if (text === undefined) {
      throw invalid('state_unknown');
    }
    this.#jar.clear(reply, name);
    const transaction = transactionSchema.parse(JSON.parse(text));
    if (transaction.state !== state || transaction.provider !== this.#provider) {
      throw invalid('state_of_other_provider');
    }
    const now = this.#clock.seconds();
    if (transaction.expiresAt < now) {
      throw invalid('state_expired');
    }
    this.#forgetExpired(now);
    if (this.#used.has(state)) {
      throw invalid('state_reused');
    }
    this.#used.set(state, transaction.expiresAt);
    return transaction;
  }

  /** A transaction that this browser has open, without taking it; undefined when it has none with this `state`. */
  find(request: FastifyRequest, state: string): LoginTransaction | undefined {
    const sealed = readSingleCookie(request.headers.cookie, this.#cookieName(state));
    const text = sealed === undefined ? undefined : this.#box.open(sealed);
    const transaction = text === undefined ? undefined : transactionSchema.parse(JSON.parse(text));
    return transaction?.state === state && transaction.expiresAt >= this.#clock.seconds()
      ? transaction
      : undefined;
  }

  #cookieName(state: string): string {
    return this.#prefix + createHash('sha256').update(state).digest('base64url').slice(0, 16);
  }

  #forgetExpired(now: number): void {
    for (const [state, expiresAt] of this.#used) {
      if (expiresAt >= now) {
        break;
      }
      this.#used.delete(state);
    }
  }
}

function invalid(reason: string): Problem {
  return new Problem('login_state_invalid', { reason });
}
