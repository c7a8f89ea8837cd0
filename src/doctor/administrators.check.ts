import { sql } from 'kysely';
import { DatabaseConnection } from '../database/database.connection.js';
import { databaseIsThere } from './database.check.js';
import type { Check } from './check.port.js';

/** Somebody administers the deployment. A database that can't be read, or has another schema, is another check's to find. */
export const administratorsCheck: Check = {
  name: 'administrators',
  isCheap: false,
  run: async ({ DATABASE_URL }) => {
    if (!databaseIsThere(DATABASE_URL)) {
      return [];
    }
    const connection = new DatabaseConnection(DATABASE_URL);
    try {
      const found = await connection.query
        .selectFrom('users')
        .select('id')
        .where('role', '=', sql.lit('admin'))
        .where('disabled_at', 'is', null)
        .limit(1)
        .executeTakeFirst();
      return found === undefined ? [{ code: 'administrator_none' }] : [];
    } catch {
      return [];
    } finally {
      await connection.close();
    }
  },
};
