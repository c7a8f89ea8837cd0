import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { RatePolicy, RatePolicyName } from '../../platform/config/rate-limit.parser.js';
import { LimitStore } from './limit.store.js';

/** Maximum keys of one policy, and maximum facts: about ten megabytes. */
const maximumKeys = 50_000;

/** The library's in-memory counter with a bound, so that a caller with a million addresses can't fill the memory. */
class BoundedLimiter extends RateLimiterMemory {
  #added = 0;

  constructor(
    policy: RatePolicy,
    private readonly maximum: number,
  ) {
    super({ points: policy.points, duration: policy.window });
  }

  override async consume(key: string, points?: number): Promise<RateLimiterRes> {
    try {
      const result = await super.consume(key, points);
      await this.#note(result);
      return result;
    } catch (error) {
      await this.#note(error);
      throw error;
    }
  }

  /** Gives points back to a count; never to one that has none or isn't there, as when it was removed meanwhile. */
  override async reward(key: string, points?: number): Promise<RateLimiterRes> {
    const state = await this.get(key);
    const isCounted = state !== null && state.msBeforeNext > 0 && state.consumedPoints > 0;
    return isCounted ? super.reward(key, points) : new RateLimiterRes();
  }

  /**
   * Removes half of the keys when there are too many: those with the fewest attempts, and of these the oldest. So new names, which cost
   * a stranger nothing, make no used-up count start anew. It counts additions, and looks at the storage only when those exceed the
   * maximum.
   */
  async #note(result: unknown): Promise<void> {
    if (!(result instanceof Object) || Reflect.get(result, 'isFirstInDuration') !== true) {
      return;
    }
    this.#added += 1;
    if (this.#added > this.maximum) {
      const { storage } = this.dump();
      const byUse = storage.toSorted((one, other) => one.value - other.value);
      const surplus = storage.length > this.maximum ? byUse.slice(0, storage.length / 2) : [];
      this.#added = storage.length - surplus.length;
      await Promise.all(surplus.map(({ key }) => this.delete(key)));
    }
  }
}

/** A fact: milliseconds since the epoch until which it holds, and whose it is. */
interface Fact {
  readonly value: string;
  readonly until: number;
  readonly of: string;
}

/** Stores the counts of this process alone, in memory. */
export class MemoryLimitStore extends LimitStore {
  /** In the order in which they were stored. */
  readonly #facts = new Map<string, Fact>();

  /** @param now milliseconds. @param maximum of keys per policy, and of facts. */
  constructor(
    private readonly now: () => number,
    private readonly maximum = maximumKeys,
  ) {
    super();
  }

  limiter(_name: RatePolicyName, policy: RatePolicy): RateLimiterMemory {
    return new BoundedLimiter(policy, this.maximum);
  }

  async remember(key: string, value: string, seconds: number, of: string): Promise<void> {
    // Inserted again at the end.
    this.#facts.delete(key);
    this.#facts.set(key, { value, until: this.now() + seconds * 1000, of });
    if (this.#facts.size > this.maximum) {
      this.#makeRoom();
    }
  }

  async recall(key: string): Promise<string | undefined> {
    const fact = this.#facts.get(key);
    return fact !== undefined && fact.until > this.now() ? fact.value : undefined;
  }

  /**
   * Removes a tenth of the facts: those whose time is over, then those of the account that has the most, the oldest first. So a stranger who
   * logs in to an own account from 50,000 networks makes no network unknown to anyone else.
   */
  #makeRoom(): void {
    const now = this.now();
    const counts = new Map<string, number>();
    const ranked = [...this.#facts].toReversed().map(([key, { of, until }]) => {
      const isLive = until > now;
      const rank = counts.get(of) ?? 0;
      counts.set(of, isLive ? rank + 1 : rank);
      return { key, rank: isLive ? rank : Number.MAX_SAFE_INTEGER };
    });
    const kept = this.maximum - Math.floor(this.maximum / 10);
    for (const { key } of ranked.toSorted((one, other) => one.rank - other.rank).slice(kept)) {
      this.#facts.delete(key);
    }
  }
}
