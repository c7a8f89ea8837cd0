import { domainToASCII } from 'node:url';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import type { ConnectionSettings } from '../../../platform/config/connections.parser.js';
import type { Clock } from '../../../platform/time/clock.service.js';
import type { CompanyDirectory, DirectoryUser, UserState } from './company.directory.js';
import { connectionIssuer } from './connection.issuer.js';
import type { VouchedUser } from './connection.repository.js';
import { LdapDirectory } from './ldap/ldap.directory.js';

/** A company directory of this deployment. */
export interface Connection {
  readonly id: string;
  /** As the login page calls it. */
  readonly name: string;
  /** In lower case and ASCII. */
  readonly domains: readonly string[];
  readonly directory: CompanyDirectory;
}

/** The connections of this deployment. */
export class Connections {
  readonly #all: readonly Connection[];

  constructor({ CONNECTIONS }: OryConfiguration, clock: Clock) {
    this.#all = CONNECTIONS.map((settings) => ({
      id: settings.id,
      name: settings.name,
      domains: settings.domains,
      directory: directoryOf(settings, clock),
    }));
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
    return domain === '' ? undefined : this.#all.find(({ domains }) => domains.includes(domain));
  }
}

/** Adding a kind of connection adds it here. */
function directoryOf(settings: ConnectionSettings, clock: Clock): CompanyDirectory {
  return new LdapDirectory(settings, clock);
}

/** Domain of an address, in lower case and ASCII; empty for anything else. */
function domainOf(address: string): string {
  const at = address.lastIndexOf('@');
  return at < 1
    ? ''
    : domainToASCII(
        address
          .slice(at + 1)
          .trim()
          .toLowerCase(),
      );
}

/**
 * What is stored about a user whom a connection vouches for. Their address counts as verified only in one of the connection's own
 * domains: of other addresses, the directory can't know whose they are.
 */
export function vouchedUser(
  { id, domains }: Connection,
  user: DirectoryUser | (Omit<DirectoryUser, 'state'> & { readonly state: UserState }),
): VouchedUser {
  return {
    ...user,
    connectionId: id,
    issuer: connectionIssuer(id),
    emailVerified: user.email !== null && domains.includes(domainOf(user.email)),
  };
}
