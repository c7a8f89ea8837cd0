import type { AuditEventType } from '../../../directory/audit/audit.event.js';
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

/** The value of the parameter `changed` → a known change; undefined for everything else. */
export function settingsChangeIn(given: unknown): SettingsChange | undefined {
  return isSettingsChange(given) ? given : undefined;
}

function isSettingsChange(given: unknown): given is SettingsChange {
  return typeof given === 'string' && Object.hasOwn(settingsEvents, given);
}
