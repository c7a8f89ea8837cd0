import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { Cluster, Redis } from 'ioredis';
import { type RateLimiterAbstract, RateLimiterRedis } from 'rate-limiter-flexible';
import type { RatePolicy, RatePolicyName } from '../../platform/config/rate-limit.parser.js';
import { openKeyedRedis } from '../../platform/redis/redis.client.js';
import type { RedisSettings } from '../../platform/redis/redis.settings.js';
import { LimitStore } from './limit.store.js';
import type { MemoryLimitStore } from './memory-limit-store.js';

const longestDelay = 1000;
const connectTimeout = 2000;
/**
 * Milliseconds to wait for one answer of Redis. Then the connection is dropped, and this process counts in its own memory at once
 * until a new one answers. A shorter time would double the limits on a machine that is merely busy.
 */
const answerTimeout = 1000;

/**
 * Adds points to a count, and begins its window with the first. What is given back (less than none) begins no window, and no count falls
 * below none: the count may have been lost, or taken by a process alone while Redis was away.
 */
const countScript = `
local points = tonumber(ARGV[1])
if points < 0 and tonumber(redis.call('get', KEYS[1]) or '0') + points < 0 then
  return {0, -2}
end
redis.call('set', KEYS[1], 0, 'EX', ARGV[2], 'NX')
return {redis.call('incrby', KEYS[1], points), redis.call('pttl', KEYS[1])}
`;

/** Makes a client drop its connections when an answer doesn't come in time; it then connects anew. */
function dropWhenSilent(client: Redis | Cluster): void {
  const send = client.sendCommand;
  client.sendCommand = (...call: Parameters<Cluster['sendCommand']>): unknown => {
    const sent: unknown = Reflect.apply(send, client, call);
    const [command] = call;
    command.promise.catch((error: unknown) => {
      // Commands that were sent together time out together, and a client that is dropped twice doesn't connect anew.
      const isOpen = client.status === 'ready' || client.status === 'connect';
      if (isOpen && error instanceof Error && error.message === 'Command timed out') {
        client.disconnect(true);
      }
    });
    return sent;
  };
}

/** Stores counts in Redis, shared by all replicas. While Redis is unavailable or slow, each replica counts in its own memory. */
export class RedisLimitStore extends LimitStore implements OnApplicationShutdown {
  readonly #logger = new Logger(RedisLimitStore.name);
  readonly #redis: Redis | Cluster;
  readonly #prefix: string;
  #isClosing = false;
  #isAway = false;

  /** Connects in the background: Redis may be unavailable. @param deployment separates those that share one Redis. */
  constructor(
    settings: RedisSettings,
    deployment: string,
    private readonly insurance: MemoryLimitStore,
  ) {
    super();
    this.#prefix = `vestibule:${deployment}:limit`;
    this.#redis = openKeyedRedis(settings, {
      connectTimeout,
      commandTimeout: answerTimeout,
      // If a command can't be sent now, memory answers at once.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt) => Math.min(attempt * 50, longestDelay),
    });
    dropWhenSilent(this.#redis);
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
      customIncrTtlLuaScript: countScript,
      insuranceLimiter: this.insurance.limiter(name, policy),
    });
  }

  async remember(key: string, value: string, seconds: number, of: string): Promise<void> {
    await this.insurance.remember(key, value, seconds, of);
    await this.#redis.set(`${this.#prefix}:fact:${key}`, value, 'EX', seconds).catch(() => undefined);
  }

  async recall(key: string): Promise<string | undefined> {
    const value = await this.#redis.get(`${this.#prefix}:fact:${key}`).catch(() => undefined);
    return value ?? this.insurance.recall(key);
  }

  onApplicationShutdown(): void {
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
