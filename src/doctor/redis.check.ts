import { Redis } from 'ioredis';
import type { Check } from './check.port.js';
import { reasonOf } from './http.probe.js';

const limit = 1500;
const oldest = 6.2;

/** Redis or Valkey, where it is set, answers in a version that knows what is asked of it. */
export const redisCheck: Check = {
  name: 'Redis',
  isCheap: true,
  run: async ({ REDIS_URL }) => {
    if (REDIS_URL === undefined) {
      return [];
    }
    let trouble: unknown;
    const redis = new Redis(REDIS_URL, {
      lazyConnect: true,
      connectTimeout: limit,
      commandTimeout: limit,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    redis.on('error', (error: unknown) => {
      trouble = error;
    });
    try {
      await redis.connect();
      const version = /^redis_version:(\d+\.\d+)/m.exec(await redis.info('server'))?.[1] ?? '0';
      return Number(version) < oldest
        ? [{ code: 'redis_version_unsupported', detail: `it says ${version}` }]
        : [];
    } catch (error) {
      return [{ code: 'redis_unreachable', detail: reasonOf(trouble ?? error) }];
    } finally {
      redis.disconnect();
    }
  },
};
