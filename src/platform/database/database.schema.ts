import type { Generated, Kysely, Selectable } from 'kysely';

/** A local user: a person or a service account. Times are milliseconds since the epoch; flags are 0 or 1. */
export interface UsersTable {
  id: string;
  email: string | null;
  email_verified: number;
  name: string | null;
  picture: string | null;
  role: 'user' | 'admin';
  /** A person, or the account that an organisation's API keys act as. */
  kind: 'person' | 'service';
  /** Incremented by every change that a caller makes; `If-Match` is compared with it. */
  version: number;
  /** Search keys: the e-mail address and the name in lower case. */
  email_key: string | null;
  name_key: string | null;
  disabled_at: number | null;
  /** While a disabled user may still have access to the login provider, since when; null once that is taken. */
  provider_access_since: Generated<number | null>;
  created_at: number;
  updated_at: number;
  last_login_at: number | null;
  /** When the owner of an address first proved that the account is theirs; null if never. */
  owned_since: Generated<number | null>;
  /** When a policy first required a second factor of the user; null if none has. It never changes: the time to set one up is given once. */
  second_factor_since: Generated<number | null>;
  /** `Accept-Language` of the last login that had one. */
  languages: Generated<string | null>;
  /** Verified addresses that were replaced, a line each after its time, and the last time: for some days, they are told of changes too. */
  former_emails: Generated<string | null>;
  former_emails_at: Generated<number | null>;
}

/** An identity of a user at a provider. Issuer and subject are its key; one user may have several identities. */
export interface IdentitiesTable {
  issuer: string;
  subject: string;
  user_id: string;
  created_at: number;
  last_login_at: number;
}

/** One login of one browser or app, from its start to its end. */
export interface SessionsTable {
  id: string;
  user_id: string;
  provider: string;
  /** The provider's own session (Kratos session id, or `sid` of an ID token), if it reports one. */
  provider_session_id: string | null;
  /** The `sid` that the provider's logout tokens carry (Hydra's login session under `ory`), if it reports one. */
  oidc_sid: string | null;
  issuer: string;
  subject: string;
  client_id: string;
  /** Space-separated, as granted by the provider. */
  scope: string;
  /** Authentication methods, space-separated (RFC 8176). */
  amr: string;
  /** Authentication context class (OpenID Connect Core section 2): `aal1` or `aal2`; null in rows of older versions. */
  acr: string | null;
  /** Mapped claims, as JSON. */
  claims: string;
  auth_time: number;
  created_at: number;
  /** When the latest token was minted; the idle limit counts from here, the absolute one from `created_at`. */
  renewed_at: number;
  /** The chosen organisation; null means the one that the user joined first. */
  org_id: string | null;
  /** The client that last used the session. Written at login and at renewals, not at every request. */
  user_agent: string | null;
  remote_address: string | null;
  last_seen_at: number | null;
  ended_at: number | null;
  end_reason: string | null;
}

/**
 * The progress of proving that an identity's owner also owns its address (docs/adr/0023). There is a row once our proxy has
 * passed on a code for an address that was unverified.
 */
export interface AddressProofsTable {
  issuer: string;
  subject: string;
  /** Id of the provider's session of the recovery that clears, or has cleared, the account. Null before the first. */
  staying: string | null;
  /** When everything at the provider was cleared; null until then. */
  cleared_at: number | null;
}

/** The tokens that an OpenID provider issued at a login, for the person's data later; kept until the session ends. */
export interface ProviderGrantsTable {
  session_id: string;
  /** Access token and, if there is one, refresh token: JSON inside a compact JWE. */
  sealed: string;
  /** When the provider last accepted it; null in rows of older versions. */
  checked_at: number | null;
  /** Until when one replica uses it, and no other may. */
  checking_until: number | null;
}

/** A key pair that signs augmented tokens. */
export interface SigningKeysTable {
  kid: string;
  alg: string;
  /** JWK as JSON. */
  public_jwk: string;
  /** JWK as JSON inside a compact JWE. */
  private_jwk: string;
  state: KeyState;
  created_at: number;
  activated_at: number | null;
  retired_at: number | null;
}

/**
 * The state of a signing key. `next`: published, but not signing yet. `current`: signs. `retired`: only verifies what it signed.
 * `revoked`: no longer accepted.
 */
export type KeyState = 'next' | 'current' | 'retired' | 'revoked';

/** The kind of thing that a revocation applies to; an id has only one kind. */
export type RevocationKind = 'session' | 'user' | 'org' | 'api_key' | 'everything';

/** A revocation, kept as long as a token that it applies to can be live. */
export interface RevocationsTable {
  /** Id of the session, user, organisation or key; `*` for everything. */
  id: string;
  kind: RevocationKind;
  /** Only tokens issued before this time are revoked; if null, tokens of any age are. */
  before: number | null;
  recorded_at: number;
  /** From this time on, no token that it applies to can be live. */
  expires_at: number;
}

/** Ids of what may be used only once, such as foreign tokens, kept until it expires. */
export interface UsedTokensTable {
  id: string;
  expires_at: number;
}

/** What providers, users and administrators have ended lately: logins that were under way end too. */
export interface ProviderEndsTable {
  /** SHA-256 in base64url of what was named. */
  id: string;
  /** It reaches logins and sessions that began by this time. */
  begun_by: number;
}

/** Users whose ended sessions are still to be ended at the provider. */
export interface ProviderLogoutsTable {
  user_id: string;
  /** Sessions that have ended here since then are meant. */
  since: number;
  /** When it was last asked for. */
  noted_at: number;
  /** 1 while all other sessions of the user at the provider are to end too, also those that never led here. */
  everywhere: number;
  /** Id of the provider's session that stays, if one does. */
  staying: string | null;
  /** Id of the last session that has been ended there, in their order; null before the first. */
  ended_to: string | null;
}

/** Accounts whose known networks and browsers were forgotten. */
export interface ForgottenAccountsTable {
  /** Keyed hash of the account. */
  id: string;
  /** What became known before doesn't count. */
  forgotten_at: number;
}

/** Recovery codes that administrators have made. */
export interface RecoveryCodesTable {
  /** Id of the recovery that takes the code, in hex digits. */
  flow: string;
  made_by: string;
  expires_at: number;
}

/** Whom a policy requires to give a second factor: no one, administrators (in an organisation: owners too), or everyone. */
export type SecondFactorScope = 'none' | 'admins' | 'everyone';

/** A member's role in an organisation. */
export type OrgRole = 'owner' | 'admin' | 'member';

/** An organisation: a group of users who share what an application stores for them. */
export interface OrgsTable {
  id: string;
  /** Its name in URLs; unique. */
  slug: string;
  name: string;
  /** Search key: the name in lower case. */
  name_key: string | null;
  /** E-mail domain that the organisation has proven to own; users with a verified address there can join. Unique. */
  domain: string | null;
  /** E-mail domain that an owner claims for it; several organisations may claim one. Equals `domain` while proven. */
  claimed_domain: string | null;
  /** How the domain was proven: by a DNS record, or by an administrator's confirmation. */
  domain_proof: 'dns' | 'administrator' | null;
  /** When the DNS record was last found, and when it was last checked. */
  domain_seen_at: number | null;
  domain_checked_at: number | null;
  /** How users with an address in the domain join: on their own, after approval, or only by invite. */
  join_policy: 'domain' | 'approval' | 'invite';
  /** Which members must give a second factor. */
  second_factor: Generated<SecondFactorScope>;
  version: number;
  created_at: number;
  updated_at: number;
}

/** The slugs that organisations have or had: one is never given to another organisation, also once its own is deleted. */
export interface OrgSlugsTable {
  slug: string;
  org_id: string;
  /** The user who gave it; null for slugs from before this was recorded. */
  given_by: string | null;
  /** 1 if an administrator of the deployment gave or confirmed it: programs may then believe a reserved name. */
  by_administrator: number;
  given_at: number;
}

/**
 * A membership, or a request for one. A user who left or was removed keeps a row, so that the e-mail domain alone doesn't add
 * them again.
 */
export interface MembershipsTable {
  org_id: string;
  user_id: string;
  role: OrgRole;
  state: 'active' | 'requested' | 'left' | 'removed';
  created_at: number;
}

/** An invite to join an organisation; it can be redeemed once. */
export interface InvitesTable {
  id: string;
  /** Null for an invite to the deployment alone, which only gives an account. */
  org_id: string | null;
  /** SHA-256 of the token in hex. */
  token_hash: string;
  /** Only a user with this verified address can redeem it; if null, anyone who has the link can. */
  email: string | null;
  role: OrgRole;
  created_by: string;
  created_at: number;
  expires_at: number;
  redeemed_at: number | null;
  redeemed_by: string | null;
  revoked_at: number | null;
  /** When the mail server accepted the mail with the token, which is then shown to no one. Null if the inviter has the link. */
  mailed_at: number | null;
  /** 1 if an administrator made it who may make users: it lets its address in while sign-up is closed, as long as they administer. */
  opens_sign_up: Generated<number>;
  /** The user who got their account by it. It lets nobody else in. */
  admitted_user: string | null;
}

/** An API key of a person, or of an organisation's service account. */
export interface ApiKeysTable {
  id: string;
  /** SHA-256 of the secret in hex. */
  secret_hash: string;
  name: string;
  /** The user that it acts as. */
  user_id: string;
  /** The organisation that it belongs to; null for a person's own key. */
  org_id: string | null;
  /** The only organisation that a person's own key acts in; null if it acts in any of theirs. */
  within_org_id: Generated<string | null>;
  /** The organisation whose connection vouched for the login that it was made with: it is good while the user is in no other one. */
  vouched_org_id: Generated<string | null>;
  /** Space-separated. */
  scope: string;
  created_by: string;
  /** Id of the key that made it; null if a session did, and in rows of older versions. */
  made_by_key: Generated<string | null>;
  created_at: number;
  expires_at: number | null;
  last_used_at: number | null;
  revoked_at: number | null;
  /** 1 if it was made with a login that had a second factor, or with such a key. */
  second_factor: Generated<number>;
}

/** The secrets of an application: the current one, and the one before it while that is still accepted. */
export interface ApplicationSecretsTable {
  application_id: string;
  /** SHA-256 of the secret in hex. */
  secret_hash: string;
  /** The secret inside a compact JWE: the provider accepts only the current one. */
  sealed: string;
  /** Null for the current one. */
  expires_at: number | null;
}

/** The first use of a public client's refresh token, and for the second one the answer that it got. */
export interface RefreshAnswersTable {
  /** SHA-256 in hex of the part of the refresh token by which the provider finds it. */
  token_hash: string;
  /** The request that has claimed, or taken, it last. */
  holder: string;
  /** SHA-256 in base64url of what was asked, by whom. */
  request: string;
  state: 'pending' | 'kept' | 'used_up';
  /** While it is kept, the answer inside a compact JWE, with a key made from the refresh token. */
  sealed: string | null;
  /** When it was claimed, or answered: milliseconds since the epoch. */
  claimed_at: number;
}

/** When a person used an application: its first and its latest login or refresh. Times are milliseconds since the epoch. */
export interface ApplicationUsesTable {
  /** Issuer and subject of the person's identity at the provider. */
  issuer: string;
  subject: string;
  client_id: string;
  first_used_at: number;
  last_used_at: number;
}

/**
 * A client at the provider: what must be known of it without reading the provider's lists, which have no bound. The provider has
 * everything else.
 */
export interface OauthClientsTable {
  /** Its id at the provider. */
  id: string;
  /** An application, one that registered itself, one with a metadata document, or one that the operator registered there. */
  kind: OauthClientKind;
  /** The organisation that an application belongs to; null for one of the deployment's. It may have been deleted since. */
  org_id: string | null;
  name: string;
  first_party: number;
  created_at: number;
  /** When a user last agreed; of an application it isn't kept. */
  used_at: number | null;
}

export type OauthClientKind = 'application' | 'registration' | 'metadata_document' | 'other';

/** A named lock that some process holds, or has held until it ended unexpectedly. */
export interface LocksTable {
  name: string;
  holder: string;
  expires_at: number;
}

/** An event that happens once in the life of a deployment, and has happened. */
export interface MilestonesTable {
  name: 'first_administrator';
  reached_at: number;
}

/** Users of company directories, as their directory last reported them. */
export interface ConnectionIdentitiesTable {
  /** Subject of the user at Hydra, and of the user's identity here. */
  id: string;
  connection_id: string;
  /** With `subject`, what identifies the user at the directory. */
  issuer: string;
  subject: string;
  email: string | null;
  email_verified: number;
  name: string | null;
  /** JSON list of names. */
  groups: string;
  /** `active`, or why the user may not log in. */
  state: string;
  /** When the directory was last asked. */
  checked_at: number;
  created_at: number;
}

/** Logins by connections, which renewals are checked against. */
export interface ConnectionSessionsTable {
  id: string;
  identity_id: string;
  /** Separated by blanks. */
  amr: string;
  acr: 'aal1' | 'aal2';
  auth_time: number;
  created_at: number;
  expires_at: number;
  ended_at: number | null;
  /** The provider's own name of its session (`sid`). */
  provider_sid: string | null;
  /** The provider's refresh token, encrypted; null if it issued none, and once the session has ended. */
  sealed: string | null;
  /** When the provider last accepted it. */
  checked_at: number | null;
  /** Until when one replica uses it, and no other may. */
  checking_until: number | null;
}

/** Logins that are under way at a connection's provider, until its answer has come. */
export interface ConnectionLoginsTable {
  /** SHA-256 of the login's `state`. */
  id: string;
  /** Hydra's login challenge, which the login is for. It is too long for a cookie. */
  challenge: string;
  /** What a provider let the browser post, encrypted, until the browser brings its cookies. */
  answer: string | null;
  expires_at: number;
}

/** Connections that belong to an organisation. */
export interface OrgConnectionsTable {
  /** UUID v7, which no connection of the deployment can have. */
  id: string;
  org_id: string;
  kind: string;
  name: string;
  /** JSON: the settings of the kind, as `CONNECTIONS` has them, without secrets. */
  settings: string;
  /** JSON of the secrets among them, encrypted; null if there are none. */
  sealed: string | null;
  /** Whether users in its domains must log in by it. */
  required: number;
  /** JSON list of the groups that give a role. */
  rules: string;
  /** Counts the changes. */
  /** The first domain that it had: its users belong to that one. */
  bound_domain: string | null;
  version: number;
  created_by: string;
  created_at: number;
  updated_at: number;
}

/** The domains whose addresses lead to an organisation's connection, each to one only. They count while the organisation has proven them. */
export interface OrgConnectionDomainsTable {
  domain: string;
  connection_id: string;
}

/** The audit trail. Rows are appended, and removed when they are too old; they never change. */
export interface AuditEventsTable {
  id: string;
  at: number;
  type: string;
  user_id: string | null;
  session_id: string | null;
  request_id: string | null;
  remote_address: string | null;
  reason: string | null;
  /** The user who did it; null for an unknown person or the system. */
  actor_id: string | null;
  /** The credential that was used: `cookie`, `bearer`, `api_key`, `operator`, `system`, `form`. */
  actor_credential: string | null;
  /** Kind and id of what it was done to. */
  target_kind: string | null;
  target_id: string | null;
  org_id: string | null;
  outcome: string | null;
  /** How many sessions it is about, if it is about several. */
  count: Generated<number | null>;
}

/** All tables. */
export interface Schema {
  users: UsersTable;
  identities: IdentitiesTable;
  sessions: SessionsTable;
  provider_grants: ProviderGrantsTable;
  address_proofs: AddressProofsTable;
  orgs: OrgsTable;
  org_slugs: OrgSlugsTable;
  memberships: MembershipsTable;
  invites: InvitesTable;
  api_keys: ApiKeysTable;
  signing_keys: SigningKeysTable;
  revocations: RevocationsTable;
  used_tokens: UsedTokensTable;
  provider_ends: ProviderEndsTable;
  provider_logouts: ProviderLogoutsTable;
  forgotten_accounts: ForgottenAccountsTable;
  recovery_codes: RecoveryCodesTable;
  application_secrets: ApplicationSecretsTable;
  application_uses: ApplicationUsesTable;
  refresh_answers: RefreshAnswersTable;
  connection_identities: ConnectionIdentitiesTable;
  connection_sessions: ConnectionSessionsTable;
  connection_logins: ConnectionLoginsTable;
  org_connections: OrgConnectionsTable;
  org_connection_domains: OrgConnectionDomainsTable;
  oauth_clients: OauthClientsTable;
  locks: LocksTable;
  milestones: MilestonesTable;
  audit_events: AuditEventsTable;
}

/**
 * The database: Kysely over SQLite or PostgreSQL. An abstract class, so that it serves as its own DI token.
 * @typeParam Tables a feature's own, beside those that every deployment has.
 */
export abstract class Database<Tables = unknown> {
  abstract readonly query: Kysely<Schema & Tables>;
}

export type UserRow = Selectable<UsersTable>;
export type SessionRow = Selectable<SessionsTable>;
export type SigningKeyRow = Selectable<SigningKeysTable>;
export type OrgRow = Selectable<OrgsTable>;
export type MembershipRow = Selectable<MembershipsTable>;
export type InviteRow = Selectable<InvitesTable>;
export type ApiKeyRow = Selectable<ApiKeysTable>;
export type RevocationRow = Selectable<RevocationsTable>;
