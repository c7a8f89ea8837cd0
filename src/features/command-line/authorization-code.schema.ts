import { Database } from '../../platform/database/database.schema.js';

/** One-time codes of command-line logins, kept until they are exchanged or have expired. */
export interface AuthorizationCodesTable {
  /** SHA-256 of the code in hex. */
  code_hash: string;
  user_id: string;
  /** The session in which the user confirmed the login. */
  session_id: string;
  /** PKCE, S256 (RFC 7636). */
  code_challenge: string;
  /** The URI to which the code was sent; null if it was shown, to be pasted. */
  redirect_uri: string | null;
  /** The device that the login is for, as the person confirmed it. */
  device: string;
  expires_at: number;
}

/** The database, with the table of codes. */
export abstract class CommandLineDatabase extends Database<{
  authorization_codes: AuthorizationCodesTable;
}> {}
