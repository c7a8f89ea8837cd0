import type { UserRow } from '../database/database.schema.js';
import type { User } from './identity.js';

/** A stored user → what answers and tokens say of them. */
export function toUser(row: UserRow): User {
  return {
    id: row.id,
    email: row.email,
    emailVerified: row.email_verified === 1,
    name: row.name,
    picture: row.picture,
  };
}
