import { readDatabase } from '../doctor/database.check.js';

/**
 * What a deployment's database says of its first administrator: not made yet; made, and never logged in; or past, when they have logged
 * in, or the account that was made is no administrator with this address any more.
 */
export type AdminState = 'unmade' | 'unused' | 'past';

/** Reads it. @param email of the account that was, or is to be, made. A database that can't be read has made none. */
export async function readAdminState(databaseUrl: string, email: string): Promise<AdminState> {
  const state = await readDatabase(databaseUrl, async (query): Promise<AdminState> => {
    const made = await query.selectFrom('milestones').select('name').limit(1).executeTakeFirst();
    if (made === undefined) {
      return 'unmade';
    }
    const unused = await query
      .selectFrom('users')
      .select('id')
      .where('email', '=', email.toLowerCase())
      .where('role', '=', 'admin')
      .where('last_login_at', 'is', null)
      .executeTakeFirst();
    return unused === undefined ? 'past' : 'unused';
  });
  return state ?? 'unmade';
}
