import type { PublicKeys } from './public-keys.js';

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

/**
 * What shows that a code belongs to the login that an application began (RFC 9700 section 2.1.1):
 * - `pkce`: a code challenge
 * - `nonce`: a code challenge, or a nonce in the ID token, which the application compares
 * - `none`: nothing but what the application sends by itself
 */
export const codeProtections = ['pkce', 'nonce', 'none'] as const;

export type CodeProtection = (typeof codeProtections)[number];

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
  /** How the provider takes its secret. */
  readonly tokenEndpointAuthMethod: 'client_secret_basic' | 'client_secret_post' | 'none';
  /** The public keys by which it authenticates (`private_key_jwt`) instead of a secret; null for one with a secret, or none. */
  readonly jwks: PublicKeys | null;
  readonly codeProtection: CodeProtection;
  /** Whether its users may log in on devices without a browser (RFC 8628). */
  readonly deviceLogin: boolean;
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

/** The applications that the provider keeps, where the gateway registers them. Each method throws `provider_unavailable`, too. */
export interface ApplicationAdministration {
  /** An application; undefined if there is none of this id, or the gateway itself set it up. */
  find(id: string): Promise<Application | undefined>;
  /** The applications that are part of the product. */
  firstParty(): Promise<readonly NamedApplication[]>;
  /** Ids of the applications whose organisation is gone. */
  orphans(): Promise<readonly string[]>;
  /** Runs what reads an application and writes it, while nothing else does, in this process or another. @throws {Problem} `overloaded` */
  exclusively<T>(id: string, act: () => Promise<T>): Promise<T>;
  /** Removes an application, with its secrets, tokens and all consents. One that is gone is no error. */
  remove(id: string): Promise<void>;
}
