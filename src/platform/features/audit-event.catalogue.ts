import { mapEntries } from '../core/map-entries.js';
import type { DeclaredName } from './declared-name.js';

/** The core's types of events in the audit trail. */
export const coreAuditEvents = [
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
  'role_changed',
  'org_domain_lost',
  'member_added',
  'member_role_changed',
  'api_key_created',
  'api_key_revoked',
  'application_access_granted',
  'application_access_revoked',
  'refresh_token_reused',
  'rate_limited',
] as const;

type CoreAuditEvent = (typeof coreAuditEvents)[number];

/** Type of an event that a feature declares. */
export type FeatureAuditEventType = DeclaredName<'event'>;

/** Type of an event; stable. */
export type AuditEventType = CoreAuditEvent | FeatureAuditEventType;

/** What the audit page calls a type of event, by language tag. */
export interface AuditEventWords {
  readonly en: string;
  readonly [tag: string]: string;
}

/** An event that a feature adds to the audit trail. */
export interface FeatureAuditEvent {
  readonly type: FeatureAuditEventType;
  readonly words: AuditEventWords;
}

const isCoreAuditEvent = (type: string): type is CoreAuditEvent =>
  coreAuditEvents.some((known) => known === type);

/** Whether a text has the form of a type. */
export const isAuditEventType = (type: string): boolean => /^[\w.:-]{1,100}$/.test(type);

const isFeatureAuditEventType = (type: string): type is FeatureAuditEventType =>
  isAuditEventType(type) && !isCoreAuditEvent(type);

/** The types of events of a program: the core's, and then those of its features. */
export function auditEventTypesWith(
  features: readonly { readonly auditEvents: Readonly<Record<string, FeatureAuditEvent>> }[],
): readonly AuditEventType[] {
  return [
    ...coreAuditEvents,
    ...features.flatMap(({ auditEvents }) => Object.values(auditEvents).map(({ type }) => type)),
  ];
}

/**
 * Declares the audit events of a feature: `const noteEvents = defineAuditEvents('notes', { cleared: { en: 'Notes removed' } })`, then
 * `audit.record({ type: noteEvents.cleared.type, … })`, whose type is `notes:cleared`. The feature's manifest names them as `auditEvents`.
 */
export function defineAuditEvents<Name extends string>(
  feature: string,
  words: Readonly<Record<Name, AuditEventWords>>,
): Readonly<Record<Name, FeatureAuditEvent>> {
  return mapEntries(words, (name, ownWords) => featureAuditEvent(`${feature}:${name}`, ownWords));
}

/** Declares audit events of a feature whose types are as they were before it had a manifest: they begin with one of its `prefixes`. */
export function releasedAuditEvents<Name extends string>(
  words: Readonly<Record<Name, AuditEventWords>>,
): Readonly<Record<Name, FeatureAuditEvent>> {
  return mapEntries(words, featureAuditEvent);
}

function featureAuditEvent(type: string, words: AuditEventWords): FeatureAuditEvent {
  if (!isFeatureAuditEventType(type)) {
    throw new TypeError(`${type} cannot be the type of a feature's audit event`);
  }
  return { type, words };
}
