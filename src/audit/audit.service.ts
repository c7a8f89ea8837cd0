import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../core/clock.service.js';
import { newId } from '../core/identifier.js';
import { Database } from '../database/database.schema.js';

/** What can be in the audit trail. */
export type AuditEventType =
  | 'login_succeeded'
  | 'login_failed'
  | 'identity_linked'
  | 'logout'
  | 'session_ended'
  | 'renewal_grace'
  | 'administrator_created'
  | 'key_rotated'
  | 'key_revoked'
  | 'tokens_revoked';

/** Who, what, why. */
export interface AuditEvent {
  readonly type: AuditEventType;
  readonly userId?: string | undefined;
  readonly sessionId?: string | undefined;
  /** Id of the request, as in its log lines. */
  readonly requestId?: string | undefined;
  readonly remoteAddress?: string | undefined;
  /** Reason id, snake_case. */
  readonly reason?: string | undefined;
}

/** The append-only trail of what happened to accounts and sessions. */
@Injectable()
export class AuditService {
  readonly #logger = new Logger('audit');
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Writes an event to log and table. A table that can't be written never fails the act that is recorded. */
  async record(event: AuditEvent): Promise<void> {
    this.#logger.log(event.type, { ...event });
    try {
      await this.#database.query
        .insertInto('audit_events')
        .values({
          id: newId(),
          at: this.#clock.now(),
          type: event.type,
          user_id: event.userId ?? null,
          session_id: event.sessionId ?? null,
          request_id: event.requestId ?? null,
          remote_address: event.remoteAddress ?? null,
          reason: event.reason ?? null,
        })
        .execute();
    } catch (error) {
      this.#logger.error(error);
    }
  }
}
