import type { AuditEventType } from '../../../platform/features/audit-event.catalogue.js';
import type { SecurityChange } from '../../../platform/mail/security-mail.js';
import type { CredentialSnapshot } from '../kratos/kratos-snapshot.js';
import { toProviderIdentity } from '../kratos/kratos-session.js';
import type { SubmittedForm } from './submitted.form.js';

/** The changes that a form of the settings can make: the audit event of each, and the method by which it was made. */
export const settingsEvents = {
  profile: ['user_updated', 'settings'],
  address: ['user_updated', 'settings'],
  password: ['password_changed', 'settings'],
  totp_added: ['second_factor_added', 'totp'],
  totp_removed: ['second_factor_removed', 'totp'],
  lookup_secret_added: ['second_factor_added', 'lookup_secret'],
  lookup_secret_removed: ['second_factor_removed', 'lookup_secret'],
  webauthn_added: ['second_factor_added', 'webauthn'],
  webauthn_removed: ['second_factor_removed', 'webauthn'],
  passkey_added: ['passkey_added', 'settings'],
  passkey_removed: ['passkey_removed', 'settings'],
  oidc_added: ['login_linked', 'settings'],
  oidc_removed: ['login_unlinked', 'settings'],
} as const satisfies Readonly<Record<string, readonly [AuditEventType, string]>>;

export type SettingsChange = keyof typeof settingsEvents;

/** What a request has changed in the settings of an account. */
export interface AccountChanges {
  readonly changes: readonly SettingsChange[];
  /** The account's address now, and the one before the request. */
  readonly addresses: readonly string[];
  /** Id of the account at Kratos; undefined if nothing was changed. */
  readonly identity?: string;
}

/** Fields of Kratos' forms that determine the change, if the method alone doesn't. */
const byField: readonly (readonly [string, SettingsChange])[] = [
  ['totp_unlink', 'totp_removed'],
  ['totp_code', 'totp_added'],
  ['lookup_secret_disable', 'lookup_secret_removed'],
  ['lookup_secret_confirm', 'lookup_secret_added'],
  ['passkey_remove', 'passkey_removed'],
  ['passkey_settings_register', 'passkey_added'],
  ['webauthn_remove', 'webauthn_removed'],
  ['webauthn_register', 'webauthn_added'],
  ['unlink', 'oidc_removed'],
  ['link', 'oidc_added'],
];

/** The change that a form requests; undefined for one that only shows something, such as new backup codes. */
export function settingsChangeOf({ fields }: Pick<SubmittedForm, 'fields'>): SettingsChange | undefined {
  const filled = new Map(fields.filter(([, value]) => value !== ''));
  const method = filled.get('method');
  if (method === 'profile' || method === 'password') {
    return method;
  }
  return byField.find(([name]) => filled.has(name))?.[1];
}

/** The fields of a profile that people can change. */
const facts = ['email', 'name', 'picture'] as const;

/** The fields of the profile that differ between two moments. */
export function changedFacts(
  before: CredentialSnapshot,
  after: CredentialSnapshot,
): readonly (typeof facts)[number][] {
  const [old, now] = [toProviderIdentity(before.identity), toProviderIdentity(after.identity)];
  return facts.filter((fact) => old[fact] !== now[fact]);
}

/** What differs between two moments, for a request that doesn't say what it asks for. */
export function changesBetween(
  before: CredentialSnapshot,
  after: CredentialSnapshot,
): readonly SettingsChange[] {
  const isNew = (type: 'webauthn' | 'passkey' | 'oidc'): boolean =>
    after[type].some((id) => !before[type].includes(id));
  const isGone = (type: 'webauthn' | 'passkey' | 'oidc'): boolean =>
    before[type].some((id) => !after[type].includes(id));
  const isSet = (type: 'password' | 'totp' | 'lookup_secret'): boolean =>
    after[type] !== undefined && after[type] !== before[type];
  const isUnset = (type: 'totp' | 'lookup_secret'): boolean =>
    before[type] !== undefined && after[type] === undefined;
  const found: Readonly<Record<Exclude<SettingsChange, 'address'>, boolean>> = {
    profile: changedFacts(before, after).length > 0,
    password: isSet('password'),
    totp_added: isSet('totp'),
    totp_removed: isUnset('totp'),
    lookup_secret_added: isSet('lookup_secret'),
    lookup_secret_removed: isUnset('lookup_secret'),
    webauthn_added: isNew('webauthn'),
    webauthn_removed: isGone('webauthn'),
    passkey_added: isNew('passkey'),
    passkey_removed: isGone('passkey'),
    oidc_added: isNew('oidc'),
    oidc_removed: isGone('oidc'),
  };
  return Object.entries(found).flatMap(([change, isFound]) =>
    isFound && isSettingsChange(change) ? [change] : [],
  );
}

/** The change that the mail about a change of the settings tells of; undefined if there is none. */
export function noticeOf(change: SettingsChange): SecurityChange | undefined {
  const [type] = settingsEvents[change];
  switch (type) {
    case 'password_changed':
    case 'second_factor_added':
    case 'second_factor_removed':
    case 'passkey_added':
    case 'passkey_removed':
    case 'login_linked':
      return type;
    case 'user_updated':
      return change === 'address' ? 'address_changed' : undefined;
    default:
      return undefined;
  }
}

/** The value of the parameter `changed` → a known change; undefined for everything else. */
export function settingsChangeIn(given: unknown): SettingsChange | undefined {
  return isSettingsChange(given) ? given : undefined;
}

function isSettingsChange(given: unknown): given is SettingsChange {
  return typeof given === 'string' && Object.hasOwn(settingsEvents, given);
}
