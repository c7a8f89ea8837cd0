import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Clock } from '../../platform/time/clock.service.js';
import { newId } from '../../platform/core/identifier.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { AuditEventType } from '../../platform/features/audit-event.catalogue.js';
import type { AuditEvent } from './audit-event.js';
import { type AuditEventRow, AuditRepository } from './audit.repository.js';
import { FailureCap } from './failure-cap.js';

export type { AuditEvent } from './audit-event.js';

/** Rows that one statement writes. */
const batchSize = 100;
/** Milliseconds that an event waits to be written together with others. */
const waitMilliseconds = 100;
/** Milliseconds between attempts while the database is unavailable. */
const retryMilliseconds = 1000;
/** Maximum events that wait for the database: a few megabytes. */
const maximumWaiting = 10_000;

/**
 * Records the append-only audit trail of accounts and sessions.
 *
 * An event is logged and queued, so that no request waits for it. The queue is written to the table in batches. Writes are
 * retried while the database is unavailable, and the queue is flushed when the process is asked to stop.
 */
@Injectable()
export class AuditService implements OnApplicationShutdown {
  readonly #logger = new Logger('audit');
  readonly #waiting: AuditEventRow[] = [];
  readonly #counts = new Map<AuditEventType, number>();
  readonly #cap = new FailureCap();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #sequence = 0;
  #isOverflowing = false;
  #isAway = false;
  #isCapped = false;

  constructor(
    private readonly repository: AuditRepository,
    private readonly clock: Clock,
  ) {}

  /** How many events of a type this process has recorded. */
  countOf(type: AuditEventType): number {
    return this.#counts.get(type) ?? 0;
  }

  /** How many events wait for the database. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Writes an event to the log at once and to the table soon. {@link FailureCap} limits the rows of outsiders' failures.
   * Recording never makes the recorded operation fail.
   */
  async record(event: AuditEvent): Promise<void> {
    this.#logger.log(event.type, { ...event });
    this.#counts.set(event.type, this.countOf(event.type) + 1);
    if (!this.#cap.admits(event, this.clock.now())) {
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

  /** The latest event of a type about a target, which may still wait to be written. @param except a reason that doesn't count. */
  async latest(type: AuditEventType, targetId: string, except: string): Promise<AuditEventRow | undefined> {
    await this.flush();
    return this.repository.latest(type, targetId, except);
  }

  /** Writes the waiting events. @returns when they are written, or the database is unavailable. */
  async flush(): Promise<void> {
    await this.#writing;
    await this.#write();
  }

  /** Runs while the database is still open: modules shut down in the reverse order of their imports. */
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

  /**
   * Writes a batch. If the database refuses it for any other reason, its rows are tried one by one, and refused ones are given
   * up.
   * @throws {Problem} `database_unavailable`
   */
  async #append(batch: readonly AuditEventRow[]): Promise<void> {
    try {
      await this.repository.append(batch);
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
      // Cleared first: a write may be in progress, and events that come after it need a new timer.
      this.#timer = undefined;
      void this.#write();
    }, milliseconds).unref();
  }

  #row(event: AuditEvent): AuditEventRow {
    const at = this.clock.now();
    this.#sequence = (this.#sequence + 1) % 0x7f_ff_ff_ff;
    return {
      // Ids sort by time, and within a millisecond by the order of recording, because lists are sorted by id.
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
      count: event.count ?? null,
    };
  }
}
