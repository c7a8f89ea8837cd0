import type { AuditEventType } from '../../platform/features/audit-event.catalogue.js';

/** An event to record in the audit trail. */
export interface AuditEvent {
  readonly type: AuditEventType;
  readonly userId?: string | undefined;
  readonly sessionId?: string | undefined;
  /** Id of the request, as in its log lines. */
  readonly requestId?: string | undefined;
  readonly remoteAddress?: string | undefined;
  /** Reason id, snake_case; of `application_access_granted`, the scopes. */
  readonly reason?: string | undefined;
  /** Who did it; if left out, the user themselves or an unknown person. */
  readonly actor?: AuditActor | undefined;
  /** What it was done to, if that isn't the user. */
  readonly target?: {
    readonly kind: 'user' | 'org' | 'invite' | 'api_key' | 'application' | 'connection' | 'session' | 'host';
    readonly id: string;
  };
  readonly orgId?: string | undefined;
  /** How many sessions it is about, if it is about several. */
  readonly count?: number | undefined;
  /** Default: `success`. */
  readonly outcome?: 'success' | 'failure';
}

/** What an event states of the sessions that it is about. @param ids at least one. */
export function ofSessions(ids: readonly string[]): Pick<AuditEvent, 'sessionId' | 'count'> {
  return ids.length === 1 ? { sessionId: ids[0] } : { count: ids.length };
}

/** Who acts, and with which credential. */
export interface AuditActor {
  readonly id: string | null;
  readonly credential: 'cookie' | 'bearer' | 'api_key' | 'operator' | 'system' | 'form';
}
