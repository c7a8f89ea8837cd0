import type { Configuration } from '../config/configuration.js';

/** The settings that name where Redis or Valkey is: one server, a primary that sentinels name, or a cluster. */
export type RedisSettings = Pick<
  Configuration,
  'REDIS_SENTINEL_MASTER' | 'REDIS_SENTINEL_PASSWORD' | 'REDIS_CLUSTER'
> & { readonly REDIS_URL: readonly string[] };

/** The settings if Redis is configured, otherwise undefined. */
export function redisSettings(configuration: Configuration): RedisSettings | undefined {
  const { REDIS_URL, ...rest } = configuration;
  return REDIS_URL === undefined ? undefined : { ...rest, REDIS_URL };
}
