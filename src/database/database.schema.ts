import type { Kysely, Selectable } from 'kysely';

/** A person as the application knows them. Times are milliseconds since the epoch; flags are 0 or 1. */
export interface UsersTable {
  id: string;
  email: string | null;
  email_verified: number;
  name: string | null;
  picture: string | null;
  role: 'user' | 'admin';
  disabled_at: number | null;
  created_at: number;
  updated_at: number;
  last_login_at: number | null;
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
  issuer: string;
  subject: string;
  client_id: string;
  /** Space-separated, as granted by the provider. */
  scope: string;
  /** Authentication methods, space-separated (RFC 8176). */
  amr: string;
  /** Mapped claims, as JSON. */
  claims: string;
  auth_time: number;
  created_at: number;
  /** When the latest token was minted; the idle limit counts from here, the absolute one from `created_at`. */
  renewed_at: number;
  ended_at: number | null;
  end_reason: string | null;
}

/** A key pair that signs augmented tokens. */
export interface SigningKeysTable {
  kid: string;
  alg: string;
  /** JWK as JSON. */
  public_jwk: string;
  /** JWK as JSON inside a compact JWE. */
  private_jwk: string;
  state: 'current' | 'retired';
  created_at: number;
  retired_at: number | null;
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
}

/** All tables. */
export interface Schema {
  users: UsersTable;
  identities: IdentitiesTable;
  sessions: SessionsTable;
  signing_keys: SigningKeysTable;
  audit_events: AuditEventsTable;
}

/** The database: Kysely over SQLite or PostgreSQL. An abstract class so that it's its own DI token. */
export abstract class Database {
  abstract readonly query: Kysely<Schema>;
}

export type UserRow = Selectable<UsersTable>;
export type SessionRow = Selectable<SessionsTable>;
export type SigningKeyRow = Selectable<SigningKeysTable>;
