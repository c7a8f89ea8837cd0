import { z } from 'zod';
import { type Complain, commonFields, domainsOf, fileReader, text } from './connection.fields.js';
import { parseJson } from './json.parser.js';
import { type OidcConnectionSettings, oidcSchema, oidcSettingsOf } from './oidc-connection.parser.js';
import { type SamlConnectionSettings, samlSchema, samlSettingsOf } from './saml-connection.parser.js';
import { durationSeconds } from './variable.js';

/** An LDAP directory or Active Directory whose users log in with their password there. Times are in milliseconds. */
export interface LdapConnectionSettings {
  readonly kind: 'ldap';
  /** Part of its users' identities: a new id makes new users. */
  readonly id: string;
  /** As the login page calls it. */
  readonly name: string;
  /** Domains whose addresses are sent to it, in lower case and ASCII. An address in one of them counts as verified. */
  readonly domains: readonly string[];
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

/** A company directory, or a company's OpenID or SAML provider, behind the login. */
export type ConnectionSettings = LdapConnectionSettings | OidcConnectionSettings | SamlConnectionSettings;

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

const ldapSchema = z.strictObject({
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

type LdapEntry = z.output<typeof ldapSchema>;

/** A kind of connection: how its entries are read, and what organisations' ones need to be known by. */
interface ConnectionKind {
  /** Names of its settings. */
  readonly names: readonly string[];
  /** The settings of an entry; undefined if it has none that can be used. */
  readonly parse: (item: unknown, complain: Complain) => ConnectionSettings | undefined;
  /** Settings that are shown nowhere. */
  readonly secrets: readonly string[];
  /** Settings that decide where secrets are sent. */
  readonly destinations: readonly string[];
  /** This gateway's routes that the provider needs to know: below the connection's own path. */
  readonly routes: {
    readonly redirect?: string;
    readonly logout?: string;
    readonly metadata?: string;
  };
}

/** The kinds of connections. Adding one adds it here. */
export const connectionKinds = ['ldap', 'oidc', 'saml'] as const;

const kinds: Readonly<Record<ConnectionSettings['kind'], ConnectionKind>> = {
  ldap: {
    names: Object.keys(ldapSchema.shape),
    parse: parserOf(ldapSchema, settingsOf),
    secrets: ['bind_password'],
    destinations: ['servers', 'ca'],
    routes: {},
  },
  oidc: {
    names: Object.keys(oidcSchema.shape),
    parse: parserOf(oidcSchema, oidcSettingsOf),
    secrets: ['client_secret'],
    destinations: ['issuer'],
    routes: { redirect: 'callback', logout: 'backchannel-logout' },
  },
  saml: {
    names: Object.keys(samlSchema.shape),
    parse: parserOf(samlSchema, samlSettingsOf),
    secrets: ['key'],
    // The key is sent nowhere.
    destinations: [],
    routes: { redirect: 'acs', logout: 'slo', metadata: 'metadata' },
  },
};

/** The kind with this name; undefined if there is none. */
export function connectionKindOf(name: unknown): ConnectionKind | undefined {
  const known = connectionKinds.find((kind) => kind === name);
  return known && kinds[known];
}

/** Names of the settings of each kind of connection, for the docs' test. */
export const connectionSettingNames: Readonly<Record<ConnectionSettings['kind'], readonly string[]>> = {
  ldap: kinds.ldap.names,
  oidc: kinds.oidc.names,
  saml: kinds.saml.names,
};

/** JSON list of connections → the list, with the files that they name read. */
export const connections = z.string().transform((given, context): ConnectionSettings[] => {
  const listed = z.array(z.unknown()).max(50).safeParse(parseJson(given));
  if (!listed.success) {
    context.addIssue('must be a JSON list of connections');
    return z.NEVER;
  }
  const found: ConnectionSettings[] = [];
  for (const [index, item] of listed.data.entries()) {
    const complain = (problem: string): void => context.addIssue(`entry ${index + 1} ${problem}`);
    const settings = parseEntry(item, complain);
    if (settings === undefined) {
      continue;
    }
    for (const other of found) {
      if (other.id === settings.id) {
        complain('has the id of an entry before it');
      }
      if (other.domains.some((domain) => settings.domains.includes(domain))) {
        complain('has a domain of an entry before it');
      }
    }
    found.push(settings);
  }
  return found;
});

/** The settings of an entry, by its kind; undefined if it has none that can be used. */
function parseEntry(item: unknown, complain: Complain): ConnectionSettings | undefined {
  const kind = connectionKindOf(Reflect.get(Object(item), 'kind'));
  if (kind === undefined) {
    complain(`must have a kind: ${connectionKinds.join(', ').replace(/, (?=\w+$)/, ' or ')}`);
    return undefined;
  }
  return kind.parse(item, complain);
}

function parserOf<Schema extends z.ZodType>(
  schema: Schema,
  toSettings: (entry: z.output<Schema>, complain: Complain) => ConnectionSettings | undefined,
): ConnectionKind['parse'] {
  return (item, complain) => {
    const entry = schema.safeParse(item);
    if (!entry.success) {
      complain(problemOf(entry.error), entry.error.issues[0]?.path.map(String)[0]);
      return undefined;
    }
    return toSettings(entry.data, complain);
  };
}

/** What is wrong with an entry, by the setting's name and never with its value. */
function problemOf(error: z.ZodError): string {
  const [issue] = error.issues;
  const name = issue?.path.map(String)[0];
  if (issue?.code === 'unrecognized_keys') {
    return `has an unknown setting: ${issue.keys.map((key) => key.slice(0, 40)).join(', ')}`;
  }
  if (name === 'servers') {
    return 'must have servers: a list of URLs such as ldaps://dc1.example.org, with ldap:// for StartTLS, and without a path';
  }
  if (name === 'issuer') {
    return 'must have an issuer: an https URL without query, such as https://login.example.org; http only on this machine';
  }
  return name === undefined
    ? 'must be an object'
    : `has ${/^[aeiou]/.test(name) ? 'an' : 'a'} ${name} that is missing or malformed; see docs/connections.md`;
}

function settingsOf(entry: LdapEntry, complain: Complain): LdapConnectionSettings {
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
  return {
    kind: 'ldap',
    id: entry.id,
    name: entry.name,
    domains,
    servers: entry.servers.map((server) => server.replace(/\/$/, '')),
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
