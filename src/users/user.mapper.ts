import type { z } from 'zod';
import type { UserRow } from '../database/database.schema.js';
import type { User } from './identity.js';
import type { UserIdentity } from './user.directory.js';
import type { identitySchema } from './user.schema.js';

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

/** A stored identity → what answers say of it. */
export function toIdentity(identity: UserIdentity): z.output<typeof identitySchema> {
  return {
    issuer: identity.issuer,
    subject: identity.subject,
    createdAt: new Date(identity.created_at).toISOString(),
    lastLoginAt: new Date(identity.last_login_at).toISOString(),
  };
}
