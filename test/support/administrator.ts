import { newId } from '../../src/platform/core/identifier.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { type Gateway, type HeldSession, newIdentity } from './gateway.js';

/** Makes a user an administrator; a token that they have already doesn't say so. */
export async function promote(app: Gateway['app'], userId: string): Promise<void> {
  await app
    .get(Database, { strict: false })
    .query.updateTable('users')
    .set({ role: 'admin' })
    .where('id', '=', userId)
    .execute();
}

/** Puts an administrator into a deployment whose people nobody can log in as. */
export async function insertAdministrator(query: Database['query']): Promise<void> {
  await query
    .insertInto('users')
    .values({
      id: newId(),
      email: null,
      email_key: null,
      email_verified: 0,
      name: 'Administrator',
      name_key: 'administrator',
      picture: null,
      role: 'admin',
      kind: 'person',
      version: 1,
      disabled_at: null,
      created_at: 1,
      updated_at: 1,
      last_login_at: null,
    })
    .execute();
}

/** A session whose token says that they are administrator. */
export async function administratorAt(gateway: Gateway): Promise<HeldSession> {
  const identity = newIdentity();
  const { user } = await gateway.session(identity);
  await promote(gateway.app, user.id);
  return gateway.session(identity);
}
