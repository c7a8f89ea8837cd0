import type { Selectable } from 'kysely';
import { Database } from '../../platform/database/database.schema.js';

/** What applications may do for users on the word of their companies. Times are milliseconds since the epoch. */
export interface CrossAppGrantsTable {
  /** The `sid` of its tokens. */
  id: string;
  /** Subject of the user's identity at the connection. */
  subject: string;
  client_id: string;
  /** Identifier of the resource. */
  resource: string;
  /** All that was granted of it, space-separated. */
  scope: string;
  created_at: number;
  used_at: number;
  /** When the access was taken back; null while it wasn't. */
  ended_at: number | null;
}

/** Where applications may take the assertions that this gateway makes. */
export interface CrossAppTargetsTable {
  id: string;
  application_id: string;
  /** Issuer of the server that accepts them. */
  audience: string;
  resource: string;
  /** The application's client id at that server. */
  client_id: string;
  /** Space-separated. */
  scope: string;
  created_by: string;
  /** Milliseconds since the epoch. */
  created_at: number;
}

/** The database, with the tables of cross-app access. */
export abstract class CrossAppDatabase extends Database<{
  cross_app_grants: CrossAppGrantsTable;
  cross_app_targets: CrossAppTargetsTable;
}> {}

export type CrossAppTargetRow = Selectable<CrossAppTargetsTable>;

export type CrossAppGrantRow = Selectable<CrossAppGrantsTable>;
