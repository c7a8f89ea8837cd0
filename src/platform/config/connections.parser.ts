import { z } from 'zod';
import type { Complain } from './connection-fields.js';
import { parseJson } from './json.parser.js';
import { type LdapConnectionSettings, ldapSchema, ldapSettingsOf } from './ldap-connection.parser.js';
import { type OidcConnectionSettings, oidcSchema, oidcSettingsOf } from './oidc-connection.parser.js';
import { type SamlConnectionSettings, samlSchema, samlSettingsOf } from './saml-connection.parser.js';

/** A company directory, or a company's OpenID or SAML provider, behind the login. */
export type ConnectionSettings = LdapConnectionSettings | OidcConnectionSettings | SamlConnectionSettings;

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
    parse: parserOf(ldapSchema, ldapSettingsOf),
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
