import { describe, expect, it } from 'vitest';
import { stateOf, statesControl, textOf } from './ldap-entry.js';

const dn = 'cn=Ada,dc=example,dc=org';
const now = Date.parse('2026-03-01T00:00:00Z');
/** Steps of 100 ns since 1601, as Active Directory counts them. */
const windows = (moment: number): string => String(BigInt(moment + 11_644_473_600_000) * 10_000n);

describe('an account of Active Directory', () => {
  it.each([
    [{ userAccountControl: '512', accountExpires: '0', pwdLastSet: windows(now - 1) }, 'active'],
    [{ userAccountControl: '514' }, 'disabled'],
    [{ useraccountcontrol: '66050' }, 'disabled'],
    [{ userAccountControl: '512', accountExpires: '9223372036854775807' }, 'active'],
    [{ userAccountControl: '512', accountExpires: windows(now + 1000) }, 'active'],
    [{ userAccountControl: '512', accountExpires: windows(now) }, 'expired'],
    [{ userAccountControl: '512', accountExpires: 'never' }, 'active'],
    [{ userAccountControl: '512', pwdLastSet: '0' }, 'must_change_password'],
    // Of an account whose password never expires, it says nothing.
    [{ userAccountControl: '66048', pwdLastSet: '0' }, 'active'],
    [{ userAccountControl: '514', pwdLastSet: '0', accountExpires: windows(now - 1) }, 'disabled'],
  ])('with %j is %s', (attributes, state) => {
    expect(stateOf({ dn, ...attributes }, now)).toBe(state);
  });
});

it.each([
  [{ userAccountControl: '512' }, true],
  [{ useraccountcontrol: '-2147483646' }, true],
  [{ userAccountControl: '' }, false],
  [{ userAccountControl: 'normal' }, false],
  [{}, false],
])(
  'an entry with %j states whether it can be used by Active Directory’s attribute: %s',
  (attributes, isStated) => {
    expect(statesControl({ dn, ...attributes })).toBe(isStated);
  },
);

describe('an account of another directory', () => {
  it.each([
    [{}, 'active'],
    // Of Active Directory Lightweight Directory Services.
    [{ 'msDS-UserAccountDisabled': 'TRUE' }, 'disabled'],
    [{ 'msDS-UserAccountDisabled': 'FALSE' }, 'active'],
    [{ nsAccountLock: 'TRUE' }, 'disabled'],
    [{ nsAccountLock: 'false' }, 'active'],
    // A lock after wrong passwords passes: it must not let others log a user out.
    [{ pwdAccountLockedTime: '20260228235900Z' }, 'active'],
    [{ shadowExpire: '0' }, 'active'],
    [{ pwdEndTime: '20260301000000Z' }, 'expired'],
    [{ pwdEndTime: '202603010000Z' }, 'expired'],
    [{ pwdEndTime: '20260301000001Z' }, 'active'],
    [{ pwdEndTime: '20269901000001Z' }, 'active'],
  ])('with %j is %s', (attributes, state) => {
    expect(stateOf({ dn, ...attributes }, now)).toBe(state);
  });
});

it('a text is the first value, unless it is empty or overlong', () => {
  const entry = { dn, mail: ['a@example.org', 'b@example.org'], cn: [], sn: 'x'.repeat(321) };
  expect(['mail', 'MAIL', 'cn', 'sn', 'other'].map((name) => textOf(entry, name))).toEqual([
    'a@example.org',
    'a@example.org',
    null,
    null,
    null,
  ]);
});
