import { Database } from '../../src/database/database.schema.js';
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

/** A session whose token says that they are administrator. */
export async function administratorAt(gateway: Gateway): Promise<HeldSession> {
  const identity = newIdentity();
  const { user } = await gateway.session(identity);
  await promote(gateway.app, user.id);
  return gateway.session(identity);
}
