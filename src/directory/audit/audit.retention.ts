import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Clock } from '../../platform/time/clock.service.js';
import { AuditRepository } from './audit.repository.js';

const purgeMilliseconds = 3_600_000;
/** Rows that one statement removes: few enough that nobody has to wait for it. */
const slice = 1000;

/** Removes audit events that are older than `AUDIT_RETENTION`, every hour. */
@Injectable()
export class AuditRetention implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(AuditRetention.name);
  readonly #repository: AuditRepository;
  readonly #clock: Clock;
  readonly #retention: number;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(
    repository: AuditRepository,
    clock: Clock,
    @Inject(CONFIGURATION) { AUDIT_RETENTION }: Configuration,
  ) {
    this.#repository = repository;
    this.#clock = clock;
    this.#retention = AUDIT_RETENTION * 1000;
  }

  onModuleInit(): void {
    this.#timer = setInterval(() => void this.#purgeQuietly(), purgeMilliseconds).unref();
  }

  onModuleDestroy(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
  }

  /** Removes events that are too old, slice by slice. @returns how many. @throws {Problem} `database_unavailable` */
  async purge(): Promise<number> {
    const before = this.#clock.now() - this.#retention;
    let total = 0;
    for (;;) {
      const removed = await this.#repository.removeBefore(before, slice);
      total += removed;
      if (removed < slice || this.#isOver) {
        return total;
      }
    }
  }

  async #purgeQuietly(): Promise<void> {
    try {
      const removed = await this.purge();
      this.#logger.debug('old audit events removed', { removed });
    } catch (error) {
      this.#logger.warn('old audit events cannot be removed', { reason: 'audit_purge_failed', err: error });
    }
  }
}
