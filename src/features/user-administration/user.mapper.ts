import type { z } from 'zod';
import { toTimestamp } from '../../platform/time/timestamp.schema.js';
import type { UserRow } from '../../platform/database/database.schema.js';
import { type UserIdentity, type UserOrg, isActiveVerified } from '../../directory/users/user-directory.js';
import { toIdentity, toUser } from '../../directory/users/user.mapper.js';
import type { userDetailSchema, listedUserSchema } from './users.schemas.js';

/** Maps a stored user to the list item that administrators see. @param shared addresses that several active users have. */
export function toListedUser(row: UserRow, shared: ReadonlySet<string>): z.output<typeof listedUserSchema> {
  return {
    ...toUser(row),
    role: row.role,
    kind: row.kind,
    state: row.disabled_at === null ? 'active' : 'disabled',
    sharesEmail: isActiveVerified(row) && shared.has(row.email_key ?? ''),
    createdAt: toTimestamp(row.created_at),
    lastLoginAt: toTimestamp(row.last_login_at),
  };
}

/** Maps a stored user to all details that administrators see, with identities and organisations. */
export function toUserDetail(
  row: UserRow,
  identities: readonly UserIdentity[],
  orgs: readonly UserOrg[],
  shared: ReadonlySet<string>,
): z.output<typeof userDetailSchema> {
  return {
    ...toListedUser(row, shared),
    identities: identities.map(toIdentity),
    orgs: orgs.map((org) => ({ ...org })),
  };
}
