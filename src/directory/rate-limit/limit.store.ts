import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import type { RatePolicy, RatePolicyName } from '../../platform/config/rate-limit.parser.js';

/**
 * Port: stores counts, and a few facts that limits depend on. Nothing has to be durable: after a loss, counting starts again. No
 * call fails or waits long because a server is unavailable.
 */
export abstract class LimitStore {
  /** The counter of a policy. What is given back to it (`reward`) begins no window, and leaves no count below none. */
  abstract limiter(name: RatePolicyName, policy: RatePolicy): RateLimiterAbstract;

  /** Stores a value for this many seconds. @param of whose it is: where room is short, none costs another one theirs. */
  abstract remember(key: string, value: string, seconds: number, of: string): Promise<void>;

  /** A stored value; undefined if there is none. */
  abstract recall(key: string): Promise<string | undefined>;
}
