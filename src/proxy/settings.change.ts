import type { SubmittedForm } from './submitted.form.js';

/** What a form of the settings changes. */
export const settingsChanges = [
  'profile',
  'address',
  'password',
  'totp_added',
  'totp_removed',
  'lookup_secret_added',
  'lookup_secret_removed',
  'passkey_added',
  'passkey_removed',
  'webauthn_added',
  'webauthn_removed',
  'oidc_added',
  'oidc_removed',
] as const;

export type SettingsChange = (typeof settingsChanges)[number];

/** Fields by which Kratos' forms name what they do beyond their method. */
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

/** What a form is meant to change; undefined for one that only shows something, such as new backup codes. */
export function settingsChangeOf({ fields }: Pick<SubmittedForm, 'fields'>): SettingsChange | undefined {
  const filled = new Map(fields.filter(([, value]) => value !== ''));
  const method = filled.get('method');
  if (method === 'profile' || method === 'password') {
    return method;
  }
  return byField.find(([name]) => filled.has(name))?.[1];
}

/** What follows `changed=` → a change that there is; undefined for everything else. */
export function settingsChangeIn(given: unknown): SettingsChange | undefined {
  return settingsChanges.find((change) => change === given);
}
