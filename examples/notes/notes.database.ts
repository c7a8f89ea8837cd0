import { Database } from '@vestibule-auth/vestibule';

/** A table of our own beside Vestibule's. Times are milliseconds since the epoch. */
export interface NotesTable {
  id: string;
  org_id: string;
  text: string;
  created_by: string;
  created_at: number;
}

/** The database, with our table. */
export abstract class NotesDatabase extends Database<{ notes: NotesTable }> {}
