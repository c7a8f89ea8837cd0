import type { Generated, Kysely, Selectable } from 'kysely';

/** A person as the application knows them. Times are milliseconds since the epoch; flags are 0 or 1. */
export interface UsersTable {
  id: string;
  email: string | null;
  email_verified: number;
  name: string | null;
  picture: string | null;
  role: 'user' | 'admin';
  /** A person, or the account that an organisation's API keys act as. */
  kind: 'person' | 'service';
  /** Goes up with every change that a caller makes; what `If-Match` is compared with. */
  version: number;
  /** What e-mail addresses and names are searched by: lower case. */
  email_key: string | null;
  name_key: string | null;
  disabled_at: number | null;
  created_at: number;
  updated_at: number;
  last_login_at: number | null;
  /** When the owner of an address first proved that the account is theirs; null: never. */
  owned_since: Generated<number | null>;
}

/** Who a person is at a provider. Issuer + subject is the identity; several may belong to one user. */
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
  /** The provider's own session (Kratos session id, or `sid` of an ID token), where it tells one. */
  provider_session_id: string | null;
  /** The `sid` that the provider's logout tokens carry (Hydra's login session under `ory`), where it tells one. */
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
  /** The organisation that was chosen; null: the one that the user joined first. */
  org_id: string | null;
  /** Where it was last used: written at login and at renewals, not at every request. */
  user_agent: string | null;
  remote_address: string | null;
  last_seen_at: number | null;
  ended_at: number | null;
  end_reason: string | null;
}

/** An identity whose address was unverified when our proxy saw a code for it, and what came of that (docs/adr/0023). */
export interface AddressProofsTable {
  issuer: string;
  subject: string;
  /** The provider's session of the recovery that clears, or has cleared, the account; null before the first. */
  staying: string | null;
  /** When everything at the provider was cleared; null until then. */
  cleared_at: number | null;
}

/** What an OpenID provider gave with the login of a session, until it ends: it tells about the person for it. */
export interface ProviderGrantsTable {
  session_id: string;
  /** Access token and, where there is one, refresh token, as JSON inside a compact JWE. */
  sealed: string;
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

/** `next` is published before it signs, `retired` verifies what it signed, `revoked` is believed no more. */
export type KeyState = 'next' | 'current' | 'retired' | 'revoked';

/** What a revocation takes away; an id is of one kind only. */
export type RevocationKind = 'session' | 'user' | 'org' | 'api_key' | 'everything';

/** What is believed no more, as long as a token that speaks of it can be live. */
export interface RevocationsTable {
  /** Id of the session, user, organisation or key; `*` for everything. */
  id: string;
  kind: RevocationKind;
  /** Only what was issued before this moment; null: whatever its age. */
  before: number | null;
  recorded_at: number;
  /** From here on it can't matter. */
  expires_at: number;
}

/** Ids of foreign tokens that are good for one use, until they expire by themselves. */
export interface UsedTokensTable {
  id: string;
  expires_at: number;
}

/** What somebody may do in an organisation. */
export type OrgRole = 'owner' | 'admin' | 'member';

/** A group of users that share what an application keeps for them. */
export interface OrgsTable {
  id: string;
  /** Its name in URLs; unique. */
  slug: string;
  name: string;
  /** What names are searched by: lower case. */
  name_key: string | null;
  /** E-mail domain that it has proven to be its own: holders of verified addresses can join; unique. */
  domain: string | null;
  /** E-mail domain that an owner wants for it; several organisations may want one. While it's proven, the same as `domain`. */
  claimed_domain: string | null;
  /** How it was proven: by a DNS record, or because an administrator confirmed it. */
  domain_proof: 'dns' | 'administrator' | null;
  /** When the DNS record was last seen, and when it was last looked for. */
  domain_seen_at: number | null;
  domain_checked_at: number | null;
  /** How holders of the domain come in: by themselves, after somebody's approval, or only by invite. */
  join_policy: 'domain' | 'approval' | 'invite';
  version: number;
  created_at: number;
  updated_at: number;
}

/**
 * Who belongs to an organisation, or has asked to. Who left, or was removed, keeps a row: nobody is brought back by their
 * e-mail domain alone.
 */
export interface MembershipsTable {
  org_id: string;
  user_id: string;
  role: OrgRole;
  state: 'active' | 'requested' | 'left' | 'removed';
  created_at: number;
}

/** An offer to join an organisation, good once. */
export interface InvitesTable {
  id: string;
  org_id: string;
  /** SHA-256 of the token in hex. */
  token_hash: string;
  /** Only for who has this verified address; null: for whoever has the link. */
  email: string | null;
  role: OrgRole;
  created_by: string;
  created_at: number;
  expires_at: number;
  redeemed_at: number | null;
  redeemed_by: string | null;
  revoked_at: number | null;
  /** When the mail server took the mail with the token, which is then shown to no one; null: the inviter has the link. */
  mailed_at: number | null;
}

/** A key of a person, or of an organisation's service account. */
export interface ApiKeysTable {
  id: string;
  /** SHA-256 of the secret in hex. */
  secret_hash: string;
  name: string;
  /** Whom it acts as. */
  user_id: string;
  /** The organisation that it belongs to; null for a person's own. */
  org_id: string | null;
  /** The only organisation that a person's own key acts in; null: any of theirs. */
  within_org_id: Generated<string | null>;
  /** Space-separated. */
  scope: string;
  created_by: string;
  created_at: number;
  expires_at: number | null;
  last_used_at: number | null;
  revoked_at: number | null;
}

/** One-time codes of command-line logins, until they are exchanged or over. */
export interface AuthorizationCodesTable {
  /** SHA-256 of the code in hex. */
  code_hash: string;
  user_id: string;
  /** The session in which it was confirmed. */
  session_id: string;
  /** PKCE, S256 (RFC 7636). */
  code_challenge: string;
  /** Where the code went; null: it was shown, to be pasted. */
  redirect_uri: string | null;
  /** What the person confirmed that it's for. */
  device: string;
  expires_at: number;
}

/** What the deployment does once in its life, and has done. */
export interface MilestonesTable {
  name: 'first_administrator';
  reached_at: number;
}

/** What happened, to whom, and why; append-only. */
export interface AuditEventsTable {
  id: string;
  at: number;
  type: string;
  user_id: string | null;
  session_id: string | null;
  request_id: string | null;
  remote_address: string | null;
  reason: string | null;
  /** Who did it; null: somebody unknown, or the system. */
  actor_id: string | null;
  /** By what: `cookie`, `bearer`, `api_key`, `operator`, `system`. */
  actor_credential: string | null;
  /** Whom or what it was done to. */
  target_kind: string | null;
  target_id: string | null;
  org_id: string | null;
  outcome: string | null;
}

/** All tables. */
export interface Schema {
  users: UsersTable;
  identities: IdentitiesTable;
  sessions: SessionsTable;
  provider_grants: ProviderGrantsTable;
  address_proofs: AddressProofsTable;
  orgs: OrgsTable;
  memberships: MembershipsTable;
  invites: InvitesTable;
  api_keys: ApiKeysTable;
  signing_keys: SigningKeysTable;
  revocations: RevocationsTable;
  used_tokens: UsedTokensTable;
  authorization_codes: AuthorizationCodesTable;
  milestones: MilestonesTable;
  audit_events: AuditEventsTable;
}

/** The database: Kysely over SQLite or PostgreSQL. An abstract class so that it's its own DI token. */
export abstract class Database {
  abstract readonly query: Kysely<Schema>;
}

export type UserRow = Selectable<UsersTable>;
export type SessionRow = Selectable<SessionsTable>;
export type SigningKeyRow = Selectable<SigningKeysTable>;
export type OrgRow = Selectable<OrgsTable>;
export type MembershipRow = Selectable<MembershipsTable>;
export type InviteRow = Selectable<InvitesTable>;
export type ApiKeyRow = Selectable<ApiKeysTable>;
export type RevocationRow = Selectable<RevocationsTable>;
