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

/** The database, with the table of grants. */
export abstract class CrossAppDatabase extends Database<{ cross_app_grants: CrossAppGrantsTable }> {}

export type CrossAppGrantRow = Selectable<CrossAppGrantsTable>;
