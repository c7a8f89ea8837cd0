/** All kinds of events in the audit trail. */
export const auditEventTypes = [
  'login_succeeded',
  'login_failed',
  'user_created',
  'identity_linked',
  'password_changed',
  'second_factor_added',
  'second_factor_removed',
  'second_factor_reset',
  'passkey_added',
  'passkey_removed',
  'login_linked',
  'login_unlinked',
  'address_proven',
  'host_login',
  'logout',
  'session_ended',
  'renewal_grace',
  'administrator_created',
  'administrator_not_made',
  'key_rotated',
  'key_revoked',
  'tokens_revoked',
  'user_updated',
  'user_disabled',
  'user_enabled',
  'user_deleted',
  'user_exported',
  'recovery_code_created',
  'role_changed',
  'org_created',
  'org_updated',
  'org_deleted',
  'org_domain_confirmed',
  'org_domain_lost',
  'org_switched',
  'member_added',
  'member_removed',
  'member_role_changed',
  'join_requested',
  'invite_created',
  'invite_revoked',
  'invite_redeemed',
  'invite_declined',
  'api_key_created',
  'api_key_revoked',
  'application_created',
  'application_updated',
  'application_secret_rotated',
  'application_deleted',
  'application_access_granted',
  'application_access_revoked',
  'connection_created',
  'connection_updated',
  'connection_deleted',
  'token_exchanged',
  'refresh_token_reused',
  'rate_limited',
] as const;

/** Kind of an event; stable. */
export type AuditEventType = (typeof auditEventTypes)[number];

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
  /** Default: `success`. */
  readonly outcome?: 'success' | 'failure';
}

/** Who acts, and with which credential. */
export interface AuditActor {
  readonly id: string | null;
  readonly credential: 'cookie' | 'bearer' | 'api_key' | 'operator' | 'system' | 'form';
}
