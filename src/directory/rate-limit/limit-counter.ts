import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';
import type { RatePolicy } from '../../platform/config/rate-limit.parser.js';
import type { Clock } from '../../platform/time/clock.service.js';

/** Milliseconds before the end of a window in which nothing is given back: it might arrive in the next one. */
const arrival = 100;

/** A count after one more attempt. */
export interface LimitCount {
  /** Whether this attempt exceeds the limit. */
  readonly isOver: boolean;
  /** Attempts in this window, with this one. */
  readonly consumed: number;
  readonly remaining: number;
  /** Seconds until the count starts again. */
  readonly reset: number;
  /** Milliseconds since the epoch: the window that this attempt was taken from doesn't end before. */
  readonly endsAt: number;
}

/** The counter of one policy, by hashed keys. */
export class LimitCounter {
  constructor(
    readonly policy: RatePolicy,
    private readonly limiter: RateLimiterAbstract,
    private readonly clock: Clock,
  ) {}

  /** Counts an attempt. Rejects if counting fails. */
  async take(key: string): Promise<LimitCount> {
    const begunAt = this.clock.now();
    try {
      return this.#countOf(await this.limiter.consume(key), begunAt, false);
    } catch (error) {
      if (error instanceof RateLimiterRes) {
        return this.#countOf(error, begunAt, true);
      }
      throw error;
    }
  }

  /** Gives an attempt back to the window that it was taken from; if that is over, to none. */
  async giveBack(key: string, { endsAt }: Pick<LimitCount, 'endsAt'>): Promise<void> {
    if (this.clock.now() < endsAt - arrival) {
      await this.limiter.reward(key);
    }
  }

  /** Forgets all attempts of a key. */
  async reset(key: string): Promise<void> {
    await this.limiter.delete(key);
  }

  /** How many more attempts a key has. */
  async remaining(key: string): Promise<number> {
    const state = await this.limiter.get(key);
    return Math.max(0, this.policy.points - (state?.consumedPoints ?? 0));
  }

  #countOf(
    { consumedPoints: consumed, msBeforeNext, remainingPoints: remaining }: RateLimiterRes,
    begunAt: number,
    isOver: boolean,
  ): LimitCount {
    const left = msBeforeNext > 0 ? msBeforeNext : this.policy.window * 1000;
    const reset = Math.max(1, Math.ceil(left / 1000));
    return { isOver, consumed, remaining, reset, endsAt: begunAt + left };
  }
}
