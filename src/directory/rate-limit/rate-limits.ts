import { Inject, Injectable, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AuditService } from '../audit/audit.service.js';
import { addressRanges } from '../../platform/config/address-ranges.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { type RatePolicyName, isRatePolicyName } from '../../platform/config/rate-limit.parser.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { PurposeCipher } from '../../platform/crypto/purpose-cipher.js';
import { Clock } from '../../platform/time/clock.service.js';
import { type LimitCount, LimitCounter } from './limit-counter.js';
import { type LimitState, rateLimitHeaders } from './limit-headers.js';
import { networkOf, plainAddress } from './limit-keys.js';
import { LimitStore } from './limit.store.js';

/** The outcome of an attempt. `void`: nothing was tried, for example because an upstream was unavailable. */
export type Outcome = 'success' | 'failure' | 'void';

/** One count that a request adds to. */
export interface LimitCheck {
  readonly policy: RatePolicyName;
  /** What is counted, as plain text; only a keyed hash of it leaves this class. */
  readonly key: string;
  /** The effect of a success: none, this attempt is given back, or all attempts are. */
  readonly onSuccess: 'keep' | 'return' | 'reset';
}

/** Determines the outcome of an attempt from the answer that is about to be sent. */
export type Judge = (reply: FastifyReply) => Outcome | Promise<Outcome>;

/** What a request has been counted by, and who determines whether that is given back. */
interface Attempt {
  readonly taken: readonly Taken[];
  readonly judge: Judge;
}

interface Taken {
  readonly check: LimitCheck;
  readonly counter: LimitCounter;
  readonly count: LimitCount;
}

/** Judges by status: success below 400, failure below 500, otherwise void. */
export const judgeByStatus: Judge = ({ statusCode }) =>
  statusCode < 400 ? 'success' : statusCode < 500 ? 'failure' : 'void';

/**
 * Counts attempts, and refuses those beyond a policy's limit. An attempt is counted before it's made, and given back if its
 * outcome shouldn't cost anything. So concurrent attempts can't exceed a limit that would be counted only afterwards. A window
 * runs from the first attempt; more attempts don't extend it.
 */
@Injectable()
export class RateLimits {
  readonly #logger = new Logger(RateLimits.name);
  readonly #cipher: PurposeCipher;
  readonly #isOn: boolean;
  readonly #isAllowed: (address: string | undefined) => boolean;
  readonly #counters: ReadonlyMap<RatePolicyName, LimitCounter>;
  readonly #attempts = new WeakMap<FastifyRequest, readonly Attempt[]>();
  readonly #refusals = new Map<RatePolicyName, number>();

  constructor(
    private readonly store: LimitStore,
    private readonly audit: AuditService,
    clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#cipher = new PurposeCipher(configuration.SECRETS, 'rate-limits');
    this.#isOn = configuration.RATE_LIMIT;
    this.#isAllowed = addressRanges(configuration.RATE_LIMIT_ALLOW.map(plainRange));
    this.#counters = new Map(
      Object.entries(configuration.RATE_LIMIT_POLICIES).flatMap(([name, policy]) =>
        isRatePolicyName(name) ? [[name, new LimitCounter(policy, store.limiter(name, policy), clock)]] : [],
      ),
    );
  }

  /** How many requests each policy has refused in this process. */
  get refusals(): ReadonlyMap<RatePolicyName, number> {
    return this.#refusals;
  }

  /** Whether attempts of this request are counted. */
  appliesTo(request: FastifyRequest): boolean {
    return this.#isOn && !this.#isAllowed(plainAddress(request.ip));
  }

  /**
   * Counts an attempt, check by check. The first check whose limit is exceeded refuses the attempt, and later checks are neither
   * counted nor asked for. The answer gets the `RateLimit` headers.
   * @param judge determines the outcome, in {@link settle}.
   * @throws {Problem} `rate_limited`.
   */
  async take(
    reply: FastifyReply,
    checks: Iterable<LimitCheck> | AsyncIterable<LimitCheck>,
    judge: Judge = judgeByStatus,
  ): Promise<void> {
    const { request } = reply;
    if (!this.appliesTo(request)) {
      return;
    }
    const states = await this.#count(request, checks, judge);
    if (states.length > 0) {
      void reply.headers(rateLimitHeaders(states));
    }
  }

  /**
   * Counts an attempt that was taken by more, now that this is known. The answer tells of these counts only when one is exceeded:
   * otherwise it would tell what is known.
   * @throws {Problem} `rate_limited`.
   */
  async takeMore(request: FastifyRequest, checks: Iterable<LimitCheck>, judge: Judge): Promise<void> {
    if (this.appliesTo(request)) {
      await this.#count(request, checks, judge);
    }
  }

  /** Gives back the attempts of a request whatever its answer's status: it only says that the caller is to ask again. */
  excuse(request: FastifyRequest): void {
    const attempts = this.#attempts.get(request) ?? [];
    this.#attempts.set(
      request,
      attempts.map(({ taken }) => ({ taken, judge: () => 'void' })),
    );
  }

  /** Counts something that no request waits for. @returns whether the limit allows it. */
  async allows({ policy, key }: Pick<LimitCheck, 'policy' | 'key'>): Promise<boolean> {
    return !this.#isOn || (await this.#consume({ policy, key, onSuccess: 'keep' }))?.count.isOver !== true;
  }

  /**
   * Gives back the attempts that this request's outcome shouldn't cost. Called once, when its answer is about to be sent.
   * @returns nothing if the request wasn't counted. Never rejects.
   */
  settle(request: FastifyRequest, reply: FastifyReply): Promise<unknown> | undefined {
    const attempts = this.#attempts.get(request);
    if (attempts === undefined) {
      return undefined;
    }
    this.#attempts.delete(request);
    return Promise.all(attempts.map((attempt) => this.#settleAttempt(attempt, reply)));
  }

  /** @returns the states that the answer may tell of. */
  async #count(
    request: FastifyRequest,
    checks: Iterable<LimitCheck> | AsyncIterable<LimitCheck>,
    judge: Judge,
  ): Promise<readonly LimitState[]> {
    const states: LimitState[] = [];
    const taken: Taken[] = [];
    // Already now: if an upstream fails between two checks, the answer that says so gives the first back.
    this.#attempts.set(request, [...(this.#attempts.get(request) ?? []), { taken, judge }]);
    for await (const check of checks) {
      const one = await this.#consume(check);
      if (one === undefined) {
        continue;
      }
      taken.push(one);
      const { counter, count } = one;
      const state = { name: check.policy, policy: counter.policy, ...count };
      if (count.isOver) {
        this.#attempts.delete(request);
        this.#refuse(request, check, state, count.consumed);
      }
      // The count of an account or mailbox reveals what others do with it, so it's reported only when its limit is exceeded.
      if (!/-(?:account|recipient)$/.test(check.policy)) {
        states.push(state);
      }
    }
    return states;
  }

  async #settleAttempt({ taken, judge }: Attempt, reply: FastifyReply): Promise<void> {
    try {
      const outcome = await judge(reply);
      await Promise.all(taken.map((one) => this.#giveBack(one, outcome)));
    } catch (error) {
      this.#logger.error(error);
    }
  }

  /** How many more attempts a policy allows; undefined if nothing is counted, or the count can't be read now. */
  async remaining(request: FastifyRequest, name: RatePolicyName, key: string): Promise<number | undefined> {
    const counter = this.#counters.get(name);
    if (counter === undefined || !this.appliesTo(request)) {
      return undefined;
    }
    try {
      return await counter.remaining(this.hash(key));
    } catch (error) {
      this.#logger.error(error);
      return undefined;
    }
  }

  /** Stores a fact for this many seconds. @param key as plain text, as `of`, whose it is; they're hashed like the keys of counts. */
  async remember(key: string, value: string, seconds: number, of: string): Promise<void> {
    await this.store.remember(this.hash(key), value, seconds, this.hash(of));
  }

  /** A stored fact, also one from before the secrets were rotated; undefined if there is none. */
  async recall(key: string): Promise<string | undefined> {
    for (const hash of this.hashes(key)) {
      const value = await this.store.recall(hash);
      if (value !== undefined) {
        return value;
      }
    }
    return undefined;
  }

  /** The keyed hash that replaces a text outside of this process. */
  hash(text: string): string {
    return this.#cipher.sign(text);
  }

  /** The hashes of a text under each of the secrets, of which {@link hash} is the first. */
  hashes(text: string): readonly string[] {
    return this.#cipher.signAll(text);
  }

  /** @returns undefined if nothing was counted. If counting fails, the attempt is allowed. */
  async #consume(check: LimitCheck): Promise<Taken | undefined> {
    const counter = this.#counters.get(check.policy);
    if (counter === undefined) {
      return undefined;
    }
    try {
      return { check, counter, count: await counter.take(this.hash(check.key)) };
    } catch (error) {
      this.#logger.error(error);
      return undefined;
    }
  }

  async #giveBack({ check, counter, count }: Taken, outcome: Outcome): Promise<void> {
    const key = this.hash(check.key);
    if (outcome === 'success' && check.onSuccess === 'reset') {
      await counter.reset(key);
    } else if (outcome === 'void' || (outcome === 'success' && check.onSuccess === 'return')) {
      await counter.giveBack(key, count);
    }
  }

  #refuse(request: FastifyRequest, check: LimitCheck, state: LimitState, consumed: number): never {
    const reason = `limit_${check.policy.replaceAll('-', '_')}`;
    this.#refusals.set(check.policy, (this.#refusals.get(check.policy) ?? 0) + 1);
    // Only the first refusal of a window is recorded, so that a flood can't fill the audit trail.
    if (consumed === state.policy.points + 1) {
      void this.audit.record({
        type: 'rate_limited',
        requestId: request.id,
        remoteAddress: request.ip,
        reason,
        outcome: 'failure',
      });
    }
    throw new Problem('rate_limited', {
      detail: `Try again in ${state.reset} seconds.`,
      reason,
      headers: { 'retry-after': String(state.reset), ...rateLimitHeaders([state]) },
    });
  }
}

/** A check that counts the address of a request. */
export function addressCheck(
  request: FastifyRequest,
  policy: RatePolicyName,
  onSuccess: LimitCheck['onSuccess'],
): LimitCheck {
  return { policy, key: `address:${networkOf(request.ip)}`, onSuccess };
}

/** A range of IPv4 inside IPv6 as one of IPv4. */
function plainRange(range: string): string {
  const [given = '', prefix] = range.split('/');
  const address = plainAddress(given) ?? given;
  if (prefix === undefined) {
    return address;
  }
  return `${address}/${address === given ? prefix : Math.max(0, Number(prefix) - 96)}`;
}
