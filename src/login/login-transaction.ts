import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { Clock } from '../platform/time/clock.service.js';
import { Problem } from '../platform/errors/problem.error.js';
import { parseJson } from '../platform/config/json.parser.js';
import { PurposeCipher } from '../platform/crypto/purpose-cipher.js';
import { cookieNames, readSingleCookie, surplusOf } from '../platform/http/cookie-reader.js';
import { CookieWriter } from '../platform/http/cookie-writer.js';
import type { LoginChecks } from '../auth-strategy/auth.strategy.js';
import { stepUpRequirementSchema } from '../auth-strategy/step-up-requirement.js';

/** Seconds in which a user has to log in. */
const lifetime = 1800;
/** Logins that one browser may have open at once (tabs); the oldest cookies are dropped. */
const openAtOnce = 4;

const transactionSchema = z.object({
  provider: z.string(),
  state: z.string(),
  nonce: z.string(),
  codeVerifier: z.string(),
  returnTo: z.string(),
  /** The number of this try, from 1; more than 1 after logins in other tabs got in between. */
  attempt: z.int().default(1),
  /** The step-up that the provider was asked for. */
  demand: stepUpRequirementSchema.default({}),
  /** Seconds since the epoch. */
  startedAt: z.number().default(0),
  /** Seconds since the epoch. */
  expiresAt: z.number(),
});

/** One login that this browser has started, between its start and the provider's answer. */
export type LoginTransaction = z.output<typeof transactionSchema>;

/** The input of a browser login's start. */
export interface PendingLogin extends Pick<LoginTransaction, 'returnTo' | 'attempt' | 'demand'> {
  readonly checks: LoginChecks;
}

/** What separates one kind of transactions from another. */
interface TransactionKind {
  /** Purpose of the cipher. */
  readonly purpose: string;
  /** Prefix of the cookies' names. */
  readonly cookie: string;
  /** The provider of transactions that name none. */
  readonly provider: string;
}

/** Keeps transactions of one kind in encrypted cookies of the browser that started them; each is used once. */
export class TransactionCookies {
  readonly #cipher: PurposeCipher;
  readonly #provider: string;
  readonly #prefix: string;
  /** States that were used here, until their transactions expire (seconds). */
  readonly #used = new Map<string, number>();

  constructor(
    private readonly cookies: CookieWriter,
    private readonly clock: Clock,
    secrets: readonly Uint8Array[],
    { purpose, cookie, provider }: TransactionKind,
  ) {
    this.#cipher = new PurposeCipher(secrets, purpose);
    this.#provider = provider;
    this.#prefix = cookies.name(cookie);
  }

  /** Starts a transaction and binds it to the browser. */
  start(reply: FastifyReply, { checks, ...login }: PendingLogin, provider = this.#provider): void {
    for (const name of surplusOf(cookieNames(reply.request.headers.cookie, this.#prefix), openAtOnce - 1)) {
      this.cookies.clear(reply, name);
    }
    const now = this.clock.seconds();
    const transaction: LoginTransaction = {
      provider,
      ...checks,
      ...login,
      startedAt: now,
      expiresAt: now + lifetime,
    };
    const sealed = this.#cipher.encrypt(JSON.stringify(transaction));
    this.cookies.set(reply, this.#cookieName(transaction.state), sealed, lifetime);
  }

  /**
   * The transaction that an answer with this `state` belongs to; it can't be taken again.
   * @throws {Problem} `login_state_invalid` unless this browser started it, with this provider, not long ago.
   */
  take(reply: FastifyReply, state: unknown, provider = this.#provider): LoginTransaction {
    if (typeof state !== 'string' || state === '' || state.length > 512) {
      throw invalid('state_missing');
    }
    const transaction = this.#read(reply.request, state);
    if (transaction === undefined) {
      throw invalid('state_unknown');
    }
    this.cookies.clear(reply, this.#cookieName(state));
    if (transaction.state !== state || transaction.provider !== provider) {
      throw invalid('state_of_other_provider');
    }
    const now = this.clock.seconds();
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

  /** A transaction that this browser has open, without using it up; undefined if it has none with this `state`. */
  find(request: FastifyRequest, state: string): LoginTransaction | undefined {
    const transaction = this.#read(request, state);
    return transaction?.state === state && transaction.expiresAt >= this.clock.seconds()
      ? transaction
      : undefined;
  }

  #read(request: FastifyRequest, state: string): LoginTransaction | undefined {
    const sealed = readSingleCookie(request.headers.cookie, this.#cookieName(state));
    const text = sealed === undefined ? undefined : this.#cipher.decrypt(sealed);
    // Another version's cookie, during an update, is as good as none.
    return text === undefined ? undefined : transactionSchema.safeParse(parseJson(text)).data;
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

/** The transactions of browser logins at the provider. */
@Injectable()
export class LoginTransactions extends TransactionCookies {
  constructor(cookies: CookieWriter, clock: Clock, @Inject(CONFIGURATION) configuration: Configuration) {
    const { AUTH_PROVIDER: provider, SECRETS } = configuration;
    super(cookies, clock, SECRETS, { purpose: 'login-transaction', cookie: 'vestibule-login.', provider });
  }
}

function invalid(reason: string): Problem {
  return new Problem('login_state_invalid', { reason });
}
