import type { TransactionPart } from '../platform/database/transaction-part.js';

/** A group whose members get a role in the organisation. */
export interface ConnectionRule {
  readonly group: string;
  readonly role: 'member' | 'admin';
}

/** What an owner decides about a connection of the organisation. */
export interface OrgConnectionContent {
  readonly name: string;
  readonly domains: readonly string[];
  readonly required: boolean;
  readonly rules: readonly ConnectionRule[];
  /** Settings of the kind, as `CONNECTIONS` has them. Secrets are among them; one that is left out in a change stays, null removes it. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A connection of an organisation. Times are milliseconds since the epoch. */
export interface OrgConnection extends OrgConnectionContent {
  readonly id: string;
  readonly kind: string;
  /** The domains among its own that lead to it now: those that the organisation has proven. */
  readonly serves: readonly string[];
  /** Names of its secrets, which are shown nowhere. */
  readonly secrets: readonly string[];
  /** Where the provider sends browsers, and logouts; null if users give their password here. */
  readonly redirectUri: string | null;
  readonly logoutUri: string | null;
  /** Our metadata for the provider, where its protocol has that. */
  readonly metadataUrl: string | null;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** The steps of tests, of every kind of connection. */
export const connectionSteps = [
  'settings',
  'reach',
  'discovery',
  'issuer',
  'keys',
  'client',
  'bind',
  'base',
  'user',
] as const;

/** What can be wrong at a step. */
export const connectionFaults = [
  'not_public',
  'unreachable',
  'port_blocked',
  'certificate',
  'starttls_refused',
  'timed_out',
  'not_a_provider',
  'issuer_mismatch',
  'no_metadata',
  'entity_mismatch',
  'no_certificate',
  'metadata_incomplete',
  'metadata_expired',
  'no_keys',
  'client_refused',
  'client_method',
  'client_unclear',
  'bind_refused',
  'base_absent',
  'subject_absent',
  'state_absent',
  'groups_absent',
  'user_absent',
  'user_not_admitted',
  'secrets_unreadable',
  'settings_invalid',
  'domain_unproven',
  'failed',
] as const;

/** One step of a test. */
export interface ConnectionStep {
  readonly step: (typeof connectionSteps)[number];
  /** The server or URL that it is about. */
  readonly target: string;
  /** What is wrong; null if nothing is. */
  readonly fault: (typeof connectionFaults)[number] | null;
  /** What was found there instead: another issuer, other entity IDs, or OpenSSL's code of what is wrong with a certificate. */
  readonly found?: string | undefined;
}

/** Port: administers the connections of organisations. Callers decide who may: also in the transaction of a change. Implemented where the gateway has connections. */
export abstract class OrgConnectionAdministration {
  /** Kinds of connections that owners may make. */
  abstract readonly kinds: readonly string[];

  /** An organisation's connections, oldest first; all of them, as they are few. */
  abstract list(orgId: string): Promise<readonly OrgConnection[]>;

  /** @throws {Problem} `not_found` */
  abstract get(orgId: string, id: string): Promise<OrgConnection>;

  /** @throws {Problem} `validation_failed`; `conflict` when there are too many, or a domain is another connection's. */
  abstract create(
    orgId: string,
    kind: string,
    content: OrgConnectionContent,
    by: { readonly id: string; readonly requireAuthor: TransactionPart },
  ): Promise<OrgConnection>;

  /** Changes what is given. @throws {Problem} `not_found`, `validation_failed`, `conflict` */
  abstract change(
    orgId: string,
    id: string,
    changes: Partial<OrgConnectionContent>,
    requireAuthor: TransactionPart,
  ): Promise<OrgConnection>;

  /** Removes a connection, and ends the sessions that began by it. @throws {Problem} `not_found` */
  abstract remove(orgId: string, id: string, requireAuthor: TransactionPart): Promise<void>;

  /** Tries a connection out, step by step. @param address of a user who should be found. @throws {Problem} `not_found` */
  abstract test(orgId: string, id: string, address: string | undefined): Promise<readonly ConnectionStep[]>;
}
