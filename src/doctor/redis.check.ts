import { redisSettings } from '../platform/redis/redis.settings.js';
import type { Check } from './check.port.js';
import { answerLimit, reasonOf } from './http.probe.js';

/** Major and minor version. */
const oldest = [6, 2] as const;

/** Checks that Redis or Valkey, if set, answers and isn't older than the commands that we use. */
export const redisCheck: Check = {
  name: 'Redis',
  isCheap: true,
  run: async (configuration) => {
    const settings = redisSettings(configuration);
    if (settings === undefined) {
      return [];
    }
    const { openRedis } = await import('../platform/redis/redis.client.js');
    const limit = answerLimit();
    let trouble: unknown;
    const redis = openRedis(settings, {
      lazyConnect: true,
      connectTimeout: limit,
      commandTimeout: limit,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      sentinelRetryStrategy: () => null,
    });
    redis.on('error', (error: unknown) => {
      trouble = error;
    });
    try {
      await redis.connect();
      const [, major = '0', minor = '0'] =
        /^redis_version:(\d+)\.(\d+)/m.exec(await redis.info('server')) ?? [];
      const isOld = Number(major) < oldest[0] || (Number(major) === oldest[0] && Number(minor) < oldest[1]);
      return isOld ? [{ code: 'redis_version_unsupported', detail: `it says ${major}.${minor}` }] : [];
    } catch (error) {
      return [{ code: 'redis_unreachable', detail: reasonOf(trouble ?? error) }];
    } finally {
      redis.disconnect();
    }
  },
};
