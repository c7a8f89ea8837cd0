import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { type RateLimiterAbstract, RateLimiterRedis } from 'rate-limiter-flexible';
import type { RatePolicy, RatePolicyName } from '../config/rate-limit.parser.js';
import { LimitStore } from './limit.store.js';
import type { MemoryLimitStore } from './memory.limit-store.js';

const longestDelay = 1000;
const connectTimeout = 2000;
/** Milliseconds that a login waits for one answer of Redis before this process counts by itself. */
const commandTimeout = 250;

/** Counts that all replicas share; while Redis is away or slow, each counts in its memory. */
export class RedisLimitStore extends LimitStore {
  readonly #logger = new Logger(RedisLimitStore.name);
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #insurance: MemoryLimitStore;
  #isClosing = false;
  #isAway = false;

  /**
   * Connects in the background; a Redis that isn't there doesn't keep a process from starting.
   * @param deployment keeps deployments on one Redis apart.
   */
  constructor(url: string, deployment: string, insurance: MemoryLimitStore) {
    super();
    this.#prefix = `vestibule:${deployment}:limit`;
    this.#insurance = insurance;
    this.#redis = new Redis(url, {
      connectTimeout,
      commandTimeout,
      // A command that can't be sent now is answered from memory now.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt) => Math.min(attempt * 50, longestDelay),
    });
    this.#redis.on('error', (error: unknown) => {
      this.#logger.debug('Redis cannot be reached', { reason: 'redis_unreachable', err: error });
    });
    this.#redis.on('close', () => this.#noteAway());
    this.#redis.on('ready', () => {
      this.#isAway = false;
    });
  }

  limiter(name: RatePolicyName, policy: RatePolicy): RateLimiterAbstract {
    return new RateLimiterRedis({
      storeClient: this.#redis,
      keyPrefix: `${this.#prefix}:${name}`,
      points: policy.points,
      duration: policy.window,
      rejectIfRedisNotReady: true,
      insuranceLimiter: this.#insurance.limiter(name, policy),
    });
  }

  async remember(key: string, value: string, seconds: number): Promise<void> {
    await this.#insurance.remember(key, value, seconds);
    await this.#redis.set(`${this.#prefix}:fact:${key}`, value, 'EX', seconds).catch(() => undefined);
  }

  async recall(key: string): Promise<string | undefined> {
    const value = await this.#redis.get(`${this.#prefix}:fact:${key}`).catch(() => undefined);
    return value ?? this.#insurance.recall(key);
  }

  close(): void {
    this.#isClosing = true;
    this.#redis.disconnect();
  }

  #noteAway(): void {
    if (!this.#isAway && !this.#isClosing) {
      this.#isAway = true;
      this.#logger.warn('Redis is gone: this process counts by itself', { reason: 'redis_unreachable' });
    }
  }
}
