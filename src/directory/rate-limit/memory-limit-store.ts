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

/** Stores the counts of this process alone, in memory. */
export class MemoryLimitStore extends LimitStore {
  readonly #facts = new Map<string, { readonly value: string; readonly until: number }>();

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

  async remember(key: string, value: string, seconds: number): Promise<void> {
    // Inserted again at the end, because the first entries are removed first.
    this.#facts.delete(key);
    this.#facts.set(key, { value, until: this.now() + seconds * 1000 });
    const [oldest] = this.#facts.keys();
    if (this.#facts.size > this.maximum && oldest !== undefined) {
      this.#facts.delete(oldest);
    }
  }

  async recall(key: string): Promise<string | undefined> {
    const fact = this.#facts.get(key);
    return fact !== undefined && fact.until > this.now() ? fact.value : undefined;
  }
}
