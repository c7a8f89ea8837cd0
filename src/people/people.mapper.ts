import type { z } from 'zod';
import type { UserRow } from '../database/database.schema.js';
import type { UserIdentity, UserOrg } from '../users/user.directory.js';
import { toIdentity, toUser } from '../users/user.mapper.js';
import type { personDetailSchema, personSchema } from './people.schemas.js';

/** A stored user → what administrators see in a list. */
export function toPerson(row: UserRow): z.output<typeof personSchema> {
  return {
    ...toUser(row),
    role: row.role,
    kind: row.kind,
    state: row.disabled_at === null ? 'active' : 'disabled',
    createdAt: iso(row.created_at),
    lastLoginAt: row.last_login_at === null ? null : iso(row.last_login_at),
  };
}

/** The same with everything that belongs to the user. */
export function toPersonDetail(
  row: UserRow,
  identities: readonly UserIdentity[],
  orgs: readonly UserOrg[],
): z.output<typeof personDetailSchema> {
  return {
    ...toPerson(row),
    identities: identities.map(toIdentity),
    orgs: orgs.map((org) => ({ ...org })),
  };
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
