import { Database } from '../../platform/database/database.schema.js';

/** Authorization requests that were pushed, until they are used or have expired. */
export interface PushedRequestsTable {
  /** SHA-256 of the request's reference in hex. */
  reference_hash: string;
  client_id: string;
  /** The encrypted query. */
  sealed: string;
  /** Milliseconds since the epoch. */
  expires_at: number;
}

/** The database, with the table of pushed requests. */
export abstract class PushedRequestDatabase extends Database<{ pushed_requests: PushedRequestsTable }> {}
