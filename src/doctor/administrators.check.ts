import { activeAdministrators } from '../users/user.query.js';
import { readDatabase } from './database.check.js';
import type { Check } from './check.port.js';

/** Someone administers the deployment. */
export const administratorsCheck: Check = {
  name: 'administrators',
  isCheap: false,
  run: async ({ DATABASE_URL }) => {
    const count = await readDatabase(
      DATABASE_URL,
      async (query) => (await activeAdministrators(query).limit(1).execute()).length,
    );
    return count === 0 ? [{ code: 'administrator_none' }] : [];
  },
};
