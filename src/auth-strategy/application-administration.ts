import type { TransactionPart } from '../platform/database/transaction-part.js';

/** Issuer of the identities of Hydra's clients: no person's identity has it. */
export const hydraClientIssuer = 'urn:ory:hydra:client';

/** The kinds of application that may be registered. */
export const applicationKinds = ['web', 'single_page', 'native', 'machine'] as const;

/**
 * - `web`: a server that keeps a secret
 * - `single_page`: runs in browsers, without a secret
 * - `native`: runs on the user's own device, without a secret
 * - `machine`: calls for itself (client credentials), without a user
 */
export type ApplicationKind = (typeof applicationKinds)[number];

/** Who may log in to an application: every user, members of its organisation, or users with one of some roles. */
export const applicationAccesses = ['everyone', 'organisation', 'roles'] as const;

export type ApplicationAccess = (typeof applicationAccesses)[number];

/** Which organisations of a user an application's claim `groups` has: its own, those of a list, or all. */
export const groupSources = ['own', 'listed', 'all'] as const;

export type GroupSource = (typeof groupSources)[number];

/** What stands for an organisation in `groups`: its short name, which can change, or its id. */
export const groupForms = ['slug', 'id'] as const;

export type GroupForm = (typeof groupForms)[number];

/** An application that logs users in here, or calls for itself: an OAuth client at the provider. */
export interface Application {
  /** Its `client_id`: UUID v7. */
  readonly id: string;
  readonly name: string;
  readonly kind: ApplicationKind;
  /** The organisation that it belongs to; null for one of the deployment's. */
  readonly orgId: string | null;
  /** Whether it is part of the product: users aren't asked for their consent. */
  readonly firstParty: boolean;
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris: readonly string[];
  /** Where it is told that a user has logged out (OpenID Connect Back-Channel Logout 1.0). */
  readonly backchannelLogoutUri: string | null;
  /** Scopes that it may ask for. */
  readonly scope: readonly string[];
  readonly access: ApplicationAccess;
  /** For `roles` only: roles in its organisation, or `admin` for administrators of the deployment. */
  readonly roles: readonly string[];
  /** Which organisations its claim `groups` has. */
  readonly groupsFrom: GroupSource;
  /** For `listed` only: ids of organisations. */
  readonly groupOrgs: readonly string[];
  readonly groupsAs: GroupForm;
  /** Whether a user's consent may hold for later logins. */
  readonly rememberConsent: boolean;
  readonly tokenEndpointAuthMethod: 'client_secret_basic' | 'client_secret_post' | 'none';
  readonly logoUri: string | null;
  readonly clientUri: string | null;
  readonly policyUri: string | null;
  readonly tosUri: string | null;
  /** The user who registered it. */
  readonly createdBy: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

export type NamedApplication = Pick<Application, 'id' | 'name'>;

/** A client that registered itself: no administrator has checked it. */
export interface SelfRegisteredClient {
  /** Its id at the provider, which is its `client_id` unless it has a document. */
  readonly id: string;
  /** Empty if it states none. */
  readonly name: string;
  readonly kind: 'metadata_document' | 'registration';
  /** Where it describes itself; null for one that registered. */
  readonly documentUrl: string | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** When a user last allowed it, to the day, in milliseconds since the epoch; null: none has. */
  readonly usedAt: number | null;
}

/** Which applications a list is about. */
export interface ApplicationPage {
  readonly limit: number;
  /** Those of this organisation only. */
  readonly orgId?: string | undefined;
  /** Id of the last one before. */
  readonly after?: string | undefined;
}

/** Administers the applications at the provider, where the gateway may do so. Each method throws `provider_unavailable`, too. */
export interface ApplicationAdministration {
  /** Scopes of protected resources, which applications may have. */
  readonly resourceScopes: readonly string[];
  /** One page of them, the oldest first. */
  list(page: ApplicationPage): Promise<readonly Application[]>;
  /** An application; undefined if there is none of this id, or the gateway itself set it up. */
  find(id: string): Promise<Application | undefined>;
  /** The applications that are part of the product. */
  firstParty(): Promise<readonly NamedApplication[]>;
  /** All others. */
  others(): Promise<readonly NamedApplication[]>;
  /** The clients that registered themselves, in the order of their ids. @param page.id of this one only. */
  selfRegistered(page: {
    readonly limit: number;
    readonly after?: string | undefined;
    readonly id?: string | undefined;
  }): Promise<readonly SelfRegisteredClient[]>;
  /** Whether there is such an organisation. */
  hasOrg(orgId: string): Promise<boolean>;
  /** Ids of the applications whose organisation is gone. */
  orphans(): Promise<readonly string[]>;
  /**
   * Registers an application.
   * @param most how many its organisation, or the deployment, may have. @param requireAuthor requires, where it
   *   is counted, that its author may still register it.
   * @returns its secret; null for one that has none.
   * @throws {Problem} `conflict` when there are too many, `validation_failed`
   */
  create(application: Application, most: number, requireAuthor?: TransactionPart): Promise<string | null>;
  /** Runs what reads an application and writes it, while nothing else does, in this process or another. @throws {Problem} `overloaded` */
  exclusively<T>(id: string, act: () => Promise<T>): Promise<T>;
  /** Replaces an application's registration; its secret stays. */
  replace(application: Application): Promise<void>;
  /**
   * Makes a new secret.
   * @param previousUntil until when the one before is accepted, in milliseconds since the epoch.
   */
  rotateSecret(application: Application, previousUntil: number): Promise<string>;
  /** Until when the previous secret of each of these applications is accepted, in milliseconds since the epoch. */
  previousSecrets(ids: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Removes an application, with its secrets, tokens and all consents. One that is gone is no error. */
  remove(id: string): Promise<void>;
}
