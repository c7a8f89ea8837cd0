import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Clock } from '../core/clock.service.js';
import { newId } from '../core/identifier.js';
import { Problem } from '../core/problem.error.js';
import type { AuditEvent, AuditEventType } from './audit.event.js';
import { type AuditEventRow, AuditRepository } from './audit.repository.js';
import { FailureCap } from './failure.cap.js';

export type { AuditEvent } from './audit.event.js';

/** Rows of one statement. */
const batchSize = 100;
/** How long an event waits for others, in milliseconds. */
const waitMilliseconds = 100;
/** Between attempts while the database is away. */
const retryMilliseconds = 1000;
/** Events that wait for the database at most: a few megabytes. */
const maximumWaiting = 10_000;

/**
 * The append-only trail of what happened to accounts and sessions.
 *
 * Recording is an entry in the log and a place in a queue, so that no request waits for it; the queue is written to the
 * table in batches, again and again while the database is away, and to its end when the process is asked to stop.
 */
@Injectable()
export class AuditService implements OnApplicationShutdown {
  readonly #logger = new Logger('audit');
  readonly #repository: AuditRepository;
  readonly #clock: Clock;
  readonly #waiting: AuditEventRow[] = [];
  readonly #counts = new Map<AuditEventType, number>();
  readonly #cap = new FailureCap();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #sequence = 0;
  #isOverflowing = false;
  #isAway = false;
  #isCapped = false;

  constructor(repository: AuditRepository, clock: Clock) {
    this.#repository = repository;
    this.#clock = clock;
  }

  /** How many events of a type this process has recorded. */
  countOf(type: AuditEventType): number {
    return this.#counts.get(type) ?? 0;
  }

  /** How many events wait for the database. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Writes an event to the log at once and to the table soon; of what outsiders fail at, no more than {@link FailureCap} says to the
   * table. Never fails the act that is recorded.
   */
  async record(event: AuditEvent): Promise<void> {
    this.#logger.log(event.type, { ...event });
    this.#counts.set(event.type, this.countOf(event.type) + 1);
    if (!this.#cap.admits(event, this.#clock.now())) {
      this.#noteCapped();
      return;
    }
    this.#isCapped = false;
    if (this.#waiting.length >= maximumWaiting) {
      if (!this.#isOverflowing) {
        this.#isOverflowing = true;
        this.#logger.error(
          'too many audit events wait for the database; from here on they are only in the log',
          {
            reason: 'audit_queue_full',
          },
        );
      }
      return;
    }
    this.#waiting.push(this.#row(event));
    if (!this.#isAway && this.#waiting.length >= batchSize) {
      void this.#write();
    } else {
      this.#writeLater(waitMilliseconds);
    }
  }

  /** Writes what waits. @returns when it's written, or the database is away. */
  async flush(): Promise<void> {
    await this.#writing;
    await this.#write();
  }

  /** Requests are over and the database is still open: modules end in the order opposite to their imports. */
  async onApplicationShutdown(): Promise<void> {
    await this.flush();
    clearTimeout(this.#timer);
    if (this.#waiting.length > 0) {
      this.#logger.error('audit events could not be written before the end; they are only in the log', {
        reason: 'audit_events_lost',
        count: this.#waiting.length,
      });
    }
  }

  async #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, batchSize);
      try {
        await this.#append(batch);
      } catch (error) {
        this.#noteAway(error);
        this.#writeLater(retryMilliseconds);
        return;
      }
      this.#waiting.splice(0, batch.length);
      this.#isAway = false;
      this.#isOverflowing = false;
    }
  }

  /** @throws {Problem} `database_unavailable`; what the database refuses for another reason is given up, row by row. */
  async #append(batch: readonly AuditEventRow[]): Promise<void> {
    try {
      await this.#repository.append(batch);
    } catch (error) {
      if (error instanceof Problem && error.code === 'database_unavailable') {
        throw error;
      }
      const [row, ...others] = batch;
      if (row !== undefined && others.length === 0) {
        this.#logger.error(error);
        return;
      }
      for (const single of batch) {
        await this.#append([single]);
      }
    }
  }

  #noteCapped(): void {
    if (!this.#isCapped) {
      this.#isCapped = true;
      this.#logger.warn('more failures than the table has room for: they are only in the log', {
        reason: 'audit_failures_capped',
      });
    }
  }

  #noteAway(error: unknown): void {
    if (!this.#isAway) {
      this.#isAway = true;
      this.#logger.warn('audit events wait for the database', { reason: 'audit_database_away', err: error });
    }
  }

  #writeLater(milliseconds: number): void {
    this.#timer ??= setTimeout(() => {
      // First: a write may be under way, and what comes after it needs a timer of its own.
      this.#timer = undefined;
      void this.#write();
    }, milliseconds).unref();
  }

  #row(event: AuditEvent): AuditEventRow {
    const at = this.#clock.now();
    this.#sequence = (this.#sequence + 1) % 0x7f_ff_ff_ff;
    return {
      // Ids are ordered by the clock, and within a millisecond by the order of the acts: lists are read by them.
      id: newId(at, this.#sequence),
      at,
      type: event.type,
      user_id: event.userId ?? null,
      session_id: event.sessionId ?? null,
      request_id: event.requestId ?? null,
      remote_address: event.remoteAddress ?? null,
      reason: event.reason ?? null,
      actor_id: event.actor === undefined ? (event.userId ?? null) : event.actor.id,
      actor_credential: event.actor?.credential ?? null,
      target_kind: event.target?.kind ?? (event.userId === undefined ? null : 'user'),
      target_id: event.target?.id ?? event.userId ?? null,
      org_id: event.orgId ?? null,
      outcome: event.outcome ?? 'success',
    };
  }
}
