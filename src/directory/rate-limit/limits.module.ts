import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Clock } from '../../platform/time/clock.service.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { redisSettings } from '../../platform/redis/redis.client.js';
import { HttpModule } from '../../platform/http/http.module.js';
import { DatabaseModule } from '../../platform/database/database.module.js';
import { DeviceCookie } from './device-cookie.js';
import { ForgottenAccounts } from './forgotten-accounts.js';
import { LimitStore } from './limit.store.js';
import { MemoryLimitStore } from './memory-limit-store.js';
import { LoginLimits } from './login-limits.js';
import { RateLimits } from './rate-limits.js';
import { RedisLimitStore } from './redis-limit-store.js';

function openStore(configuration: Configuration, clock: Clock): LimitStore {
  const memory = new MemoryLimitStore(() => clock.now());
  const settings = redisSettings(configuration);
  return configuration.RATE_LIMIT && settings !== undefined
    ? new RedisLimitStore(settings, configuration.PUBLIC_URL, memory)
    : memory;
}

/** The module of rate limits. */
@Module({
  imports: [AuditModule, CoreModule, DatabaseModule, HttpModule],
  providers: [
    RateLimits,
    LoginLimits,
    DeviceCookie,
    ForgottenAccounts,
    { provide: LimitStore, inject: [CONFIGURATION, Clock], useFactory: openStore },
  ],
  exports: [RateLimits, LoginLimits],
})
export class LimitsModule {}
