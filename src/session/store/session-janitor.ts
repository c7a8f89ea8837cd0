import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Clock } from '../../platform/time/clock.service.js';
import { PeriodicTask } from '../../platform/time/periodic-task.js';
import { SessionRepository } from './session.repository.js';

/** Milliseconds for which a session's row stays after its end: a week. The audit trail keeps the rest. */
const keptMilliseconds = 604_800_000;

/** Removes the rows of sessions that ended long ago, a batch at a time. Any number of replicas may run it. */
@Injectable()
export class SessionJanitor extends PeriodicTask {
  readonly #maximum: number;

  constructor(
    private readonly sessions: SessionRepository,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    super({ message: 'old sessions cannot be removed', reason: 'session_purge_failed' });
    this.#maximum = configuration.SESSION_MAX_TTL * 1000;
  }

  /** Removes all such rows. @returns how many. */
  async clean(): Promise<number> {
    const endedBefore = this.clock.now() - keptMilliseconds;
    let total = 0;
    for (;;) {
      const removed = await this.sessions.purge(endedBefore, endedBefore - this.#maximum);
      total += removed;
      if (removed === 0) {
        return total;
      }
    }
  }

  protected override run(): Promise<number> {
    return this.clean();
  }
}
