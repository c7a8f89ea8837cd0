import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Clock } from '../../platform/time/clock.service.js';
import { SessionRepository } from './session.repository.js';

const cycleMilliseconds = 3_600_000;
/** Milliseconds for which a session's row stays after its end: a week. The audit trail keeps the rest. */
const keptMilliseconds = 604_800_000;

/** Removes the rows of sessions that ended long ago, a batch at a time. Any number of replicas may run it. */
@Injectable()
export class SessionJanitor implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(SessionJanitor.name);
  readonly #sessions: SessionRepository;
  readonly #clock: Clock;
  readonly #maximum: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    sessions: SessionRepository,
    clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#sessions = sessions;
    this.#clock = clock;
    this.#maximum = configuration.SESSION_MAX_TTL * 1000;
  }

  onModuleInit(): void {
    this.#timer = setInterval(() => void this.#cycle(), cycleMilliseconds).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** Removes all such rows. @returns how many. */
  async clean(): Promise<number> {
    const endedBefore = this.#clock.now() - keptMilliseconds;
    let total = 0;
    for (;;) {
      const removed = await this.#sessions.purge(endedBefore, endedBefore - this.#maximum);
      total += removed;
      if (removed === 0) {
        return total;
      }
    }
  }

  async #cycle(): Promise<void> {
    try {
      await this.clean();
    } catch (error) {
      this.#logger.warn('old sessions cannot be removed', { reason: 'session_purge_failed', err: error });
    }
  }
}
