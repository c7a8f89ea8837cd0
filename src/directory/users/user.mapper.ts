import type { z } from 'zod';
import { toTimestamp } from '../../platform/time/timestamp.schema.js';
import type { UserRow } from '../../platform/database/database.schema.js';
import type { User } from './identity.js';
import type { UserIdentity } from './user-directory.js';
import type { identitySchema } from './user.schema.js';

/** A stored user → the user in answers and tokens. */
export function toUser(row: UserRow): User {
  return {
    id: row.id,
    email: row.email,
    emailVerified: row.email_verified === 1,
    name: row.name,
    picture: row.picture,
  };
}

/** A stored identity → the identity in answers. */
export function toIdentity(identity: UserIdentity): z.output<typeof identitySchema> {
  return {
    issuer: identity.issuer,
    subject: identity.subject,
    createdAt: toTimestamp(identity.created_at),
    lastLoginAt: toTimestamp(identity.last_login_at),
  };
}
