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
  | 'tokens_revoked'
  | 'user_updated'
  | 'user_disabled'
  | 'user_enabled'
  | 'user_deleted'
  | 'user_exported'
  | 'role_changed'
  | 'org_created'
  | 'org_updated'
  | 'org_deleted'
  | 'org_switched'
  | 'member_added'
  | 'member_removed'
  | 'member_role_changed'
  | 'join_requested'
  | 'invite_created'
  | 'invite_revoked'
  | 'invite_redeemed'
  | 'api_key_created'
  | 'api_key_revoked'
  | 'token_exchanged';

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
  /** Who did it; left out: the user themselves, or nobody known. */
  readonly actor?: AuditActor | undefined;
  /** What it was done to, where that isn't the user. */
  readonly target?: { readonly kind: 'user' | 'org' | 'invite' | 'api_key' | 'session'; readonly id: string };
  readonly orgId?: string | undefined;
  /** Default: `success`. */
  readonly outcome?: 'success' | 'failure';
}

/** Who does something, by what credential. */
export interface AuditActor {
  readonly id: string | null;
  readonly credential: 'cookie' | 'bearer' | 'api_key' | 'operator' | 'system';
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
          actor_id: event.actor === undefined ? (event.userId ?? null) : event.actor.id,
          actor_credential: event.actor?.credential ?? null,
          target_kind: event.target?.kind ?? (event.userId === undefined ? null : 'user'),
          target_id: event.target?.id ?? event.userId ?? null,
          org_id: event.orgId ?? null,
          outcome: event.outcome ?? 'success',
        })
        .execute();
    } catch (error) {
      this.#logger.error(error);
    }
  }
}
