import { FilterParser } from 'ldapts';
import { z } from 'zod';
import {
  type Complain,
  commonFields,
  domainsOf,
  fileReader,
  text,
} from '../../platform/config/connection-fields.js';
import type { ConnectionSettings } from '../../platform/config/connection-kind.js';
import { durationSeconds } from '../../platform/config/variable.js';

/** An LDAP directory or Active Directory whose users log in with their password there. Times are in milliseconds. */
export interface LdapConnectionSettings extends ConnectionSettings {
  readonly kind: 'ldap';
  /** Whether the directory is called an Active Directory. */
  readonly isActiveDirectory: boolean;
  /** In the order in which they are tried; `ldap:` is upgraded by StartTLS. */
  readonly servers: readonly string[];
  /** PEM of the authorities that may have signed the servers' certificates; undefined: those of the system. */
  readonly authorities: string | undefined;
  readonly bindDn: string;
  readonly bindPassword: string;
  readonly baseDn: string;
  /** RFC 4515 filter that every user must match. */
  readonly userFilter: string;
  readonly loginAttributes: readonly string[];
  readonly subjectAttribute: string;
  readonly emailAttribute: string;
  readonly nameAttribute: string;
  /** Where groups are looked for; undefined: they aren't read. */
  readonly groupBaseDn: string | undefined;
  /** Groups of which a user must be a member, directly or through other groups; empty: everyone is admitted. */
  readonly allowedGroups: readonly string[];
  /** For one server. */
  readonly timeout: number;
}

const attribute = z.string().regex(/^[a-zA-Z][\w.;-]{0,63}$/);
const serverPattern = /^ldaps?:\/\/(?:[a-zA-Z\d.-]+|\[[\da-fA-F:.]+\])(?::[1-9]\d{0,4})?\/?$/;

/** What differs by the software of a directory. */
const presets = {
  ldap: {
    user_filter: '(objectClass=person)',
    login_attributes: ['mail', 'uid'],
    subject_attribute: 'entryUUID',
    name_attribute: 'cn',
  },
  'active-directory': {
    user_filter: '(&(objectCategory=person)(objectClass=user))',
    login_attributes: ['mail', 'userPrincipalName', 'sAMAccountName'],
    subject_attribute: 'objectGUID',
    name_attribute: 'displayName',
  },
} as const;

/** An entry of this kind. */
export const ldapSchema = z.strictObject({
  ...commonFields,
  kind: z.literal('ldap'),
  directory: z.enum(['ldap', 'active-directory']).default('ldap'),
  servers: z.array(z.string().regex(serverPattern)).min(1).max(8),
  ca: z.string().max(100_000).optional(),
  ca_file: text.optional(),
  bind_dn: text,
  bind_password: z.string().min(1).max(500).optional(),
  bind_password_file: text.optional(),
  base_dn: text,
  user_filter: text.optional(),
  login_attributes: z.array(attribute).min(1).max(8).optional(),
  subject_attribute: attribute.optional(),
  email_attribute: attribute.default('mail'),
  name_attribute: attribute.optional(),
  group_base_dn: text.optional(),
  // Distinguished names: a plain name would match no group, and shut everyone out.
  allowed_groups: z.array(text.regex(/=/)).max(50).default([]),
  timeout: z
    .string()
    .refine((given) => (durationSeconds(given) ?? 61) <= 60)
    .default('3s'),
});

/** Settings of an entry, with the files that it names read. */
export function ldapSettingsOf(
  entry: z.output<typeof ldapSchema>,
  complain: Complain,
): LdapConnectionSettings {
  const preset = presets[entry.directory];
  const domains = domainsOf(entry, complain);
  if ((entry.bind_password === undefined) === (entry.bind_password_file === undefined)) {
    complain('must have either bind_password or bind_password_file', 'bind_password');
  }
  const read = fileReader(entry, complain);
  if (entry.ca !== undefined && entry.ca_file !== undefined) {
    complain('must have either ca or ca_file, or neither', 'ca');
  }
  const authorities = entry.ca ?? read('ca_file');
  if (
    authorities !== undefined &&
    authorities !== '' &&
    !authorities.includes('-----BEGIN CERTIFICATE-----')
  ) {
    const name = entry.ca === undefined ? 'ca_file' : 'ca';
    complain(`has a ${name} without a certificate in PEM`, name);
  }
  if (entry.user_filter !== undefined && !isFilter(entry.user_filter)) {
    complain("has a user_filter that isn't a valid LDAP filter (RFC 4515)", 'user_filter');
  }
  const servers = entry.servers.map((server) => server.replace(/\/$/, ''));
  return {
    kind: 'ldap',
    id: entry.id,
    name: entry.name,
    domains,
    targets: servers,
    isActiveDirectory: entry.directory === 'active-directory',
    servers,
    authorities,
    bindDn: entry.bind_dn,
    bindPassword: entry.bind_password ?? read('bind_password_file') ?? '',
    baseDn: entry.base_dn,
    userFilter: entry.user_filter ?? preset.user_filter,
    loginAttributes: entry.login_attributes ?? preset.login_attributes,
    subjectAttribute: entry.subject_attribute ?? preset.subject_attribute,
    emailAttribute: entry.email_attribute,
    nameAttribute: entry.name_attribute ?? preset.name_attribute,
    groupBaseDn: entry.group_base_dn ?? (entry.allowed_groups.length > 0 ? entry.base_dn : undefined),
    allowedGroups: entry.allowed_groups,
    timeout: (durationSeconds(entry.timeout) ?? 3) * 1000,
  };
}

function isFilter(text: string): boolean {
  try {
    FilterParser.parseString(text);
    return true;
  } catch {
    return false;
  }
}
