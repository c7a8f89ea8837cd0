import type { Selectable } from 'kysely';
import { Database } from '../../platform/database/database.schema.js';

/** Sessions at Hydra in which an application with a back-channel logout URI has logged a user in. */
export interface ApplicationLoginsTable {
  /** Hydra's session: the `sid` of ID tokens. */
  sid: string;
  client_id: string;
  subject: string;
  logged_in_at: number;
}

/** Logouts that applications are told of, kept until `expires_at`, so that none is told twice. Times are milliseconds since the epoch. */
export interface ApplicationLogoutsTable {
  client_id: string;
  /** The `jti` of Hydra's logout token, and of those that the application gets. */
  token_id: string;
  sid: string | null;
  subject: string | null;
  /** Failed deliveries. */
  failures: number;
  /** When the next delivery is due; null: none is. */
  due_at: number | null;
  expires_at: number;
}

/** The tables of applications. */
export interface ApplicationTables {
  application_logins: ApplicationLoginsTable;
  application_logouts: ApplicationLogoutsTable;
}

/** The database, with the tables of applications. */
export abstract class ApplicationDatabase extends Database<ApplicationTables> {}

export type ApplicationLogoutRow = Selectable<ApplicationLogoutsTable>;
