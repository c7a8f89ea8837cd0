import { Database } from '../../platform/database/database.schema.js';

/** One-time codes with which a browser's session gets a cookie on a protected host, kept until they are redeemed or have expired. */
export interface HostCodesTable {
  /** SHA-256 of the code in hex. */
  code_hash: string;
  session_id: string;
  /** The host that the code is for. */
  host: string;
  /** SHA-256 in base64url of what the browser keeps in a cookie of that host. */
  challenge: string;
  /** Path on that host. */
  return_to: string;
  expires_at: number;
}

/** The protected hosts on which a session has been given a cookie. */
export interface SessionHostsTable {
  session_id: string;
  host: string;
  /** The last login there. */
  logged_in_at: number;
}

/** The tables of protected hosts. */
export interface HostTables {
  host_codes: HostCodesTable;
  session_hosts: SessionHostsTable;
}

/** The database, with the tables of protected hosts. */
export abstract class HostDatabase extends Database<HostTables> {}
