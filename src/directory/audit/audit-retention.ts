import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Clock } from '../../platform/time/clock.service.js';
import { PeriodicTask } from '../../platform/time/periodic-task.js';
import { AuditRepository } from './audit.repository.js';

/** Rows that one statement removes: few enough that nobody has to wait for it. */
const slice = 1000;

/** Removes audit events that are older than `AUDIT_RETENTION`, every hour. */
@Injectable()
export class AuditRetention extends PeriodicTask {
  readonly #retention: number;

  constructor(
    private readonly repository: AuditRepository,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { AUDIT_RETENTION }: Configuration,
  ) {
    super({ message: 'old audit events cannot be removed', reason: 'audit_purge_failed' });
    this.#retention = AUDIT_RETENTION * 1000;
  }

  /** Removes events that are too old, slice by slice. @returns how many. @throws {Problem} `database_unavailable` */
  async purge(): Promise<number> {
    const before = this.clock.now() - this.#retention;
    let total = 0;
    for (;;) {
      const removed = await this.repository.removeBefore(before, slice);
      total += removed;
      if (removed < slice || this.isOver) {
        return total;
      }
    }
  }

  protected override run(): Promise<number> {
    return this.purge();
  }
}
