import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import type { RatePolicy, RatePolicyName } from '../config/rate-limit.parser.js';

/**
 * Port: where counts are kept, and a few facts that limits go by. Nothing of it must be kept: what is lost is counted anew.
 * No call fails or waits long because a server is away.
 */
export abstract class LimitStore {
  /** The counter of a policy. */
  abstract limiter(name: RatePolicyName, policy: RatePolicy): RateLimiterAbstract;

  /** Keeps a value for this many seconds. */
  abstract remember(key: string, value: string, seconds: number): Promise<void>;

  /** A value that is kept, or undefined. */
  abstract recall(key: string): Promise<string | undefined>;

  /** Lets go of connections. */
  abstract close(): void;
}
