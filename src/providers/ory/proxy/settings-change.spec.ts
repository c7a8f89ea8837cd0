import { describe, expect, it } from 'vitest';
import { settingsChangeIn, settingsChangeOf } from './settings-change.js';

const form = (fields: Readonly<Record<string, string>>) => ({ fields: Object.entries(fields) });

describe('what a form of the settings changes', () => {
  it.each([
    [{ method: 'profile', 'traits.name': 'Ada' }, 'profile'],
    [{ method: 'password', password: 'x', totp_unlink: 'true' }, 'password'],
    [{ method: 'totp', totp_code: '123456' }, 'totp_added'],
    [{ totp_unlink: 'true' }, 'totp_removed'],
    [{ lookup_secret_confirm: 'true' }, 'lookup_secret_added'],
    [{ passkey_remove: 'AA', passkey_settings_register: '' }, 'passkey_removed'],
    [{ webauthn_register: '{}', webauthn_remove: '' }, 'webauthn_added'],
    [{ link: 'google' }, 'oidc_added'],
    // Only shown so far.
    [{ lookup_secret_regenerate: 'true' }, undefined],
    [{ lookup_secret_reveal: 'true' }, undefined],
    [{}, undefined],
  ])('%j: %s', (fields, change) => {
    expect(settingsChangeOf(form(fields))).toBe(change);
  });

  it('an address names one that there is, or none', () => {
    expect(settingsChangeIn('totp_added')).toBe('totp_added');
    for (const odd of ['totp', '<script>', '__proto__', ['password'], undefined]) {
      expect(settingsChangeIn(odd)).toBeUndefined();
    }
  });
});
