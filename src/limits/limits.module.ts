import { Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { CoreModule } from '../core/core.module.js';
import { LimitStore } from './limit.store.js';
import { MemoryLimitStore } from './memory.limit-store.js';
import { RateLimits } from './rate.limits.js';
import { RedisLimitStore } from './redis.limit-store.js';

@Injectable()
class StoreCloser implements OnApplicationShutdown {
  readonly #store: LimitStore;

  constructor(store: LimitStore) {
    this.#store = store;
  }

  onApplicationShutdown(): void {
    this.#store.close();
  }
}

function openStore({ RATE_LIMIT, REDIS_URL, PUBLIC_URL }: Configuration, clock: Clock): LimitStore {
  const memory = new MemoryLimitStore(() => clock.now());
  return RATE_LIMIT && REDIS_URL !== undefined ? new RedisLimitStore(REDIS_URL, PUBLIC_URL, memory) : memory;
}

/** How often something may be tried. */
@Module({
  imports: [AuditModule, CoreModule],
  providers: [
    RateLimits,
    StoreCloser,
    { provide: LimitStore, inject: [CONFIGURATION, Clock], useFactory: openStore },
  ],
  exports: [RateLimits],
})
export class LimitsModule {}
