import type { Entry } from 'ldapts';
import type { LdapConnectionSettings } from './ldap-connection.parser.js';
import type { UserState } from '../connections/company-directory.js';

/** Attributes that state whether an account can be used, of Active Directory, OpenLDAP's policies, 389 and RFC 2307. */
export const stateAttributes = [
  'userAccountControl',
  'msDS-UserAccountDisabled',
  'accountExpires',
  'pwdLastSet',
  'pwdAccountLockedTime',
  'pwdEndTime',
  'pwdReset',
  'nsAccountLock',
  'shadowExpire',
] as const;

/** Bits of `userAccountControl`. */
const accountDisabled = 0x2;
const passwordNeverExpires = 0x1_00_00;
/** Milliseconds from 1601, where Active Directory's time begins, to 1970. */
const windowsEpoch = 11_644_473_600_000n;
const dayMilliseconds = 86_400_000;
/** Longest value that is taken over. */
const longestValue = 320;

/** The first value of an attribute as text; null for none, an empty or an overlong one. */
export function textOf(entry: Entry, attribute: string): string | null {
  const [value = ''] = valuesOf(entry, attribute);
  return value === '' || value.length > longestValue ? null : value;
}

/** All values of an attribute as text. Names of attributes have no case (RFC 4512 section 2.5). */
export function valuesOf(entry: Entry, attribute: string): readonly string[] {
  const name = Object.keys(entry).find((key) => key.toLowerCase() === attribute.toLowerCase());
  const value = name === undefined ? undefined : entry[name];
  return [value ?? []].flat().map((one) => (Buffer.isBuffer(one) ? one.toString('utf8') : String(one)));
}

/** The stable id of an entry: text, or the bytes of a GUID in hexadecimal. Null without one. */
export function subjectOf(entry: Entry, { subjectAttribute }: LdapConnectionSettings): string | null {
  const name = Object.keys(entry).find((key) => key.toLowerCase() === subjectAttribute.toLowerCase());
  const [value] = [name === undefined ? [] : (entry[name] ?? [])].flat();
  if (value === undefined || value.length === 0 || value.length > longestValue) {
    return null;
  }
  return Buffer.isBuffer(value) ? value.toString('hex') : value;
}

/** Whether the account of an entry can be used at this time (milliseconds since the epoch). */
export function stateOf(entry: Entry, now: number): Exclude<UserState, 'gone' | 'not_admitted'> {
  const control = controlOf(entry) ?? 0;
  const isDisabled =
    (control & accountDisabled) !== 0 ||
    textOf(entry, 'msDS-UserAccountDisabled')?.toLowerCase() === 'true' ||
    textOf(entry, 'nsAccountLock')?.toLowerCase() === 'true' ||
    // Locked by an administrator until one unlocks it (draft-behera-ldap-password-policy section 5.3.3).
    textOf(entry, 'pwdAccountLockedTime') === '000001010000Z';
  if (isDisabled) {
    return 'disabled';
  }
  const ends = [
    windowsTime(textOf(entry, 'accountExpires')),
    generalizedTime(textOf(entry, 'pwdEndTime')),
    daysTime(textOf(entry, 'shadowExpire')),
  ];
  if (ends.some((end) => end !== undefined && end <= now)) {
    return 'expired';
  }
  const mustChange =
    textOf(entry, 'pwdReset')?.toLowerCase() === 'true' ||
    (textOf(entry, 'pwdLastSet') === '0' && (control & passwordNeverExpires) === 0);
  return mustChange ? 'must_change_password' : 'active';
}

/** Whether an entry states by `userAccountControl`, as every user of Active Directory does, whether its account can be used. */
export function statesControl(entry: Entry): boolean {
  return controlOf(entry) !== undefined;
}

/** The bits of `userAccountControl`; undefined if there are none that can be read. */
function controlOf(entry: Entry): number | undefined {
  const text = textOf(entry, 'userAccountControl');
  return text !== null && /^-?\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** Steps of 100 ns since 1601 → milliseconds since the epoch; undefined for "never" (0 and the highest number). */
function windowsTime(text: string | null): number | undefined {
  if (text === null || !/^\d{1,19}$/.test(text)) {
    return undefined;
  }
  const steps = BigInt(text);
  return steps === 0n || steps >= 0x7f_ff_ff_ff_ff_ff_ff_ffn
    ? undefined
    : Number(steps / 10_000n - windowsEpoch);
}

/** `20261231235959Z` → milliseconds since the epoch (RFC 4517 section 3.3.13); undefined for anything else. */
function generalizedTime(text: string | null): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:\.\d+)?Z$/.exec(text ?? '');
  if (match === null) {
    return undefined;
  }
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '00'] = match;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? undefined : time;
}

/** Days since the epoch → milliseconds; undefined for "never". */
function daysTime(text: string | null): number | undefined {
  return text !== null && /^[1-9]\d{0,6}$/.test(text) ? Number(text) * dayMilliseconds : undefined;
}
