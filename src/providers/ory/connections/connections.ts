import type { OryConfiguration } from '../../../platform/config/configuration.js';
import type { ConnectionSettings } from '../../../platform/config/connections.parser.js';
import { toAsciiDomain } from '../../../platform/core/ascii.domain.js';
import type { Clock } from '../../../platform/time/clock.service.js';
import type { UpstreamCalls } from '../../../platform/upstream/upstream.calls.js';
import type { CompanyDirectory, DirectoryUser } from './company.directory.js';
import type { CompanyProvider } from './company.provider.js';
import { connectionIssuer } from './connection.issuer.js';
import type { VouchedUser } from './connection.repository.js';
import { LdapDirectory } from './ldap/ldap.directory.js';
import { OpenIdCompany } from './oidc/openid.company.js';
import { SamlCompany } from './saml/saml.company.js';

/** What connections of every kind have. */
interface ConnectionFacts {
  readonly id: string;
  /** As the login page calls it. */
  readonly name: string;
  /** In lower case and ASCII. */
  readonly domains: readonly string[];
}

/** A connection whose users give their password here: to a company directory. */
export interface DirectoryConnection extends ConnectionFacts {
  readonly by: 'password';
  readonly directory: CompanyDirectory;
}

/** A connection whose users are sent to their company's provider. */
export interface ProviderConnection extends ConnectionFacts {
  readonly by: 'redirect';
  readonly provider: CompanyProvider;
}

/** A connection of this deployment. */
export type Connection = DirectoryConnection | ProviderConnection;

/** The connections of this deployment. */
export class Connections {
  readonly #all: readonly Connection[];

  constructor({ CONNECTIONS, PUBLIC_URL }: OryConfiguration, clock: Clock, calls: UpstreamCalls) {
    this.#all = CONNECTIONS.map((settings) => connectionOf(settings, PUBLIC_URL, clock, calls));
  }

  /** Whether there are any: without them, the login page asks for address and password at once. */
  get exist(): boolean {
    return this.#all.length > 0;
  }

  /** Those that no address leads to, which the login page offers by name. */
  get offered(): readonly Connection[] {
    return this.#all.filter(({ domains }) => domains.length === 0);
  }

  get issuers(): readonly string[] {
    return this.#all.map(({ id }) => connectionIssuer(id));
  }

  find(id: string): Connection | undefined {
    return this.#all.find((connection) => connection.id === id);
  }

  /** The connection of an address, by its domain (home realm discovery). */
  ofAddress(address: string): Connection | undefined {
    const domain = domainOf(address);
    return domain === undefined ? undefined : this.#all.find(({ domains }) => domains.includes(domain));
  }
}

/** Adding a kind of connection adds it here. */
function connectionOf(
  settings: ConnectionSettings,
  publicUrl: string,
  clock: Clock,
  calls: UpstreamCalls,
): Connection {
  const { id, name, domains } = settings;
  switch (settings.kind) {
    case 'ldap':
      return { id, name, domains, by: 'password', directory: new LdapDirectory(settings, clock) };
    case 'oidc':
      return { id, name, domains, by: 'redirect', provider: new OpenIdCompany(settings, calls) };
    case 'saml':
      return { id, name, domains, by: 'redirect', provider: new SamlCompany(settings, publicUrl, clock) };
  }
}

/** Domain of an address, in lower case and ASCII; undefined for anything else. */
function domainOf(address: string): string | undefined {
  const at = address.lastIndexOf('@');
  return at < 1 ? undefined : toAsciiDomain(address.slice(at + 1).trim());
}

/**
 * What is stored about a user whom a connection vouches for. Their address counts as verified only in one of the connection's own
 * domains: of other addresses, the company can't know whose they are.
 * @param isEmailProven whether the connection vouches that the address is the user's.
 */
export function vouchedUser(
  { id, domains }: Connection,
  { subject, email, name, groups, state }: DirectoryUser,
  isEmailProven = true,
): VouchedUser {
  return {
    subject,
    email,
    name,
    groups,
    state,
    connectionId: id,
    issuer: connectionIssuer(id),
    emailVerified: isEmailProven && email !== null && domains.includes(domainOf(email) ?? ''),
  };
}
