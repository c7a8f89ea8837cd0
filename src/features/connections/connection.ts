import type { VouchedMembership } from '../../directory/users/identity.js';
import type { ConnectionSettings } from '../../platform/config/connection-kind.js';
import { toAsciiDomain, withAsciiDomain } from '../../platform/core/ascii-domain.js';
import { foldIdentifier, isSameMailbox } from '../../platform/core/account-identifier.js';
import type { CompanyDirectory, DirectoryUser } from './company-directory.js';
import type { ConnectionParts } from './company-code.js';
import type { CompanyProvider } from './company.provider.js';
import { connectionIssuer } from '../../directory/users/connection-identity.js';
import type { ConnectionKinds } from './connection-kinds.js';
import type { ConnectionIdentity, VouchedUser } from './connection.repository.js';

/** A group whose members get a role in the organisation. */
export interface RoleRule {
  readonly group: string;
  readonly role: 'member' | 'admin';
}

/** The organisation that a connection belongs to, and what the connection means there. */
export interface ConnectionOwner {
  readonly orgId: string;
  /** Counts the changes of the connection. */
  readonly version: number;
  /** Whether users in the connection's domains must log in by it. */
  readonly isRequired: boolean;
  readonly rules: readonly RoleRule[];
  /** The address of the first administrator, for whom no organisation can vouch. */
  readonly unvouchable: string | undefined;
}

/** What connections of every kind have. */
interface ConnectionFacts {
  readonly id: string;
  /** As the login page calls it. */
  readonly name: string;
  /** In lower case and ASCII. */
  readonly domains: readonly string[];
  /** Undefined for a connection of the deployment. */
  readonly owner?: ConnectionOwner | undefined;
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

/** A connection of the deployment, or of an organisation. */
export type Connection = DirectoryConnection | ProviderConnection;

/** What connections are made with. */
export interface ConnectionMakings extends ConnectionParts {
  readonly kinds: ConnectionKinds;
}

/** Makes a connection of its settings. */
export function connectionOf(
  settings: ConnectionSettings,
  { kinds, ...parts }: ConnectionMakings,
  owner?: ConnectionOwner,
): Connection {
  const { id, name, domains } = settings;
  return { id, name, domains, owner, ...kinds.reach(settings, parts) };
}

/** One address, and nothing that a mail program could take for several, or a reader for another. */
const plainAddress = /^[^\s\p{C}@,;:<>"()\\]{1,64}@[^\s\p{C}@,;:<>"()\\]{1,255}$/u;

/** Domain of an address, in lower case and ASCII; undefined for anything else. */
export function domainOf(address: string): string | undefined {
  const at = address.lastIndexOf('@');
  return at < 1 ? undefined : toAsciiDomain(address.slice(at + 1).trim());
}

/**
 * What is stored about a user whom a connection vouches for. Their address counts as verified only in one of the connection's own
 * domains: of other addresses, the company can't know whose they are.
 * @param isEmailProven whether the connection vouches that the address is the user's.
 */
export function vouchedUser(
  { id, domains, owner }: Connection,
  { subject, email, name, groups, state }: DirectoryUser,
  isEmailProven = true,
): VouchedUser {
  const isOwn =
    email !== null &&
    isSameMailbox(email) &&
    plainAddress.test(email.normalize('NFKC')) &&
    domains.includes(domainOf(email) ?? '');
  return {
    subject,
    email: email === null ? null : withAsciiDomain(email),
    name,
    groups,
    state,
    connectionId: id,
    issuer: connectionIssuer(id),
    emailVerified: isEmailProven && isOwn && foldIdentifier(withAsciiDomain(email)) !== owner?.unvouchable,
  };
}

/** The groups in a user's row. */
export function groupsIn({ groups }: Pick<ConnectionIdentity, 'groups'>): readonly string[] {
  const known: unknown = JSON.parse(groups);
  return Array.isArray(known) ? known.map(String) : [];
}

/** The membership that an organisation's connection gives a user with these groups; undefined for the deployment's. */
export function membershipOf(
  { id, owner }: Connection,
  groups: readonly string[],
): VouchedMembership | undefined {
  if (owner === undefined) {
    return undefined;
  }
  const { orgId, version, rules } = owner;
  const isAdmin = rules.some(({ group, role }) => role === 'admin' && groups.includes(group));
  return {
    orgId,
    connection: { id, version },
    role: isAdmin ? 'admin' : 'member',
    isRuled: rules.length > 0,
  };
}
