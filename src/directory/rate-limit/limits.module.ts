import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Clock } from '../../platform/time/clock.service.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { redisSettings } from '../../platform/redis/redis.settings.js';
import { HttpModule } from '../../platform/http/http.module.js';
import { DatabaseModule } from '../../platform/database/database.module.js';
import { DeviceCookie } from './device-cookie.js';
import { ForgottenAccounts } from './forgotten-accounts.js';
import { LimitStore } from './limit.store.js';
import { MemoryLimitStore } from './memory-limit-store.js';
import { LoginLimits } from './login-limits.js';
import { RateLimits } from './rate-limits.js';

async function openStore(configuration: Configuration, clock: Clock): Promise<LimitStore> {
  const memory = new MemoryLimitStore(() => clock.now());
  const settings = redisSettings(configuration);
  if (!configuration.RATE_LIMIT || settings === undefined) {
    return memory;
  }
  const { RedisLimitStore } = await import('./redis-limit-store.js');
  return new RedisLimitStore(settings, configuration.PUBLIC_URL, memory);
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
