import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { makeApiKey } from '../../src/api-keys/api-key-format.js';
import { newId } from '../../src/platform/core/identifier.js';
import { Database, type OrgRole } from '../../src/platform/database/database.schema.js';
import { fullScope } from '../../src/session/guards/scopes.js';
import { UsersService } from '../../src/directory/users/users.service.js';
import { promote } from './administrator.js';
import { type Gateway, type HeldSession, newIdentity } from './gateway.js';

/** Who may knock at a route. */
export const callers = [
  'anonymous',
  'stranger',
  'member',
  'orgAdmin',
  'owner',
  'otherOwner',
  'administrator',
  'keyWithScope',
  'keyWithoutScope',
  'disabled',
] as const;
export type Caller = (typeof callers)[number];

/** An organisation with one of each, another organisation, and somebody who belongs to none. */
export interface World {
  readonly orgId: string;
  readonly otherOrgId: string;
  /** Users by what they are; `keyWithScope` and `keyWithoutScope` are keys of the owner. */
  readonly userIds: Readonly<
    Record<Exclude<Caller, 'anonymous' | 'keyWithScope' | 'keyWithoutScope'>, string>
  >;
  /** Sessions of the same. */
  readonly sessions: Readonly<Record<keyof World['userIds'], HeldSession>>;
  /** Headers with which a caller sends a request. @param isForAdministrators whose key: the administrator's or the owner's. */
  headersOf(
    caller: Caller,
    scope: string,
    isForAdministrators: boolean,
  ): Promise<Readonly<Record<string, string>>>;
}

/** Makes a world in a gateway's database. */
export async function makeWorld(gateway: Gateway): Promise<World> {
  const { query } = gateway.app.get(Database, { strict: false });
  const now = Date.now();
  const [orgId, otherOrgId] = [newId(), newId()];
  for (const id of [orgId, otherOrgId]) {
    await query
      .insertInto('orgs')
      .values({
        id,
        slug: `org-${id.slice(-12)}`,
        name: 'Org',
        domain: null,
        join_policy: 'invite',
        version: 1,
        created_at: now,
        updated_at: now,
      })
      .execute();
  }
  const person = async (org: string | null, role: OrgRole): Promise<HeldSession> => {
    if (org === null) {
      return gateway.session();
    }
    const identity = newIdentity();
    const { user } = await gateway.app.get(UsersService, { strict: false }).recordLogin(identity);
    await query
      .insertInto('memberships')
      .values({ org_id: org, user_id: user.id, role, state: 'active', created_at: now })
      .execute();
    return gateway.session(identity);
  };
  const administrator = await administratorOf(gateway);
  const sessions = {
    stranger: await person(null, 'member'),
    member: await person(orgId, 'member'),
    orgAdmin: await person(orgId, 'admin'),
    owner: await person(orgId, 'owner'),
    otherOwner: await person(otherOrgId, 'owner'),
    administrator,
    disabled: await person(orgId, 'owner'),
  };
  await query
    .updateTable('users')
    .set({ disabled_at: now })
    .where('id', '=', sessions.disabled.user.id)
    .execute();
  const userIds = {
    stranger: sessions.stranger.user.id,
    member: sessions.member.user.id,
    orgAdmin: sessions.orgAdmin.user.id,
    owner: sessions.owner.user.id,
    otherOwner: sessions.otherOwner.user.id,
    administrator: sessions.administrator.user.id,
    disabled: sessions.disabled.user.id,
  };
  return {
    orgId,
    otherOrgId,
    userIds,
    sessions,
    headersOf: async (caller, scope, isForAdministrators) => {
      const holder = isForAdministrators ? userIds.administrator : userIds.owner;
      switch (caller) {
        case 'anonymous':
          return {};
        case 'keyWithScope':
          return { 'x-api-key': await keyOf(gateway.app, holder, scope) };
        case 'keyWithoutScope':
          return { 'x-api-key': await keyOf(gateway.app, holder, otherScope(scope)) };
        // A disabled user has no live session: what is left to them is a key.
        case 'disabled':
          return { 'x-api-key': await keyOf(gateway.app, userIds.disabled, fullScope) };
        default:
          return { cookie: sessions[caller].cookie };
      }
    },
  };
}

async function administratorOf(gateway: Gateway): Promise<HeldSession> {
  const identity = newIdentity();
  const { user } = await gateway.app.get(UsersService, { strict: false }).recordLogin(identity);
  await promote(gateway.app, user.id);
  return gateway.session(identity);
}

/** A scope that doesn't cover this one. */
function otherScope(scope: string): string {
  return scope === 'keys:read' ? 'orgs:read' : 'keys:read';
}

/** Stores a key of a user. @returns the key. */
export async function keyOf(app: NestFastifyApplication, userId: string, scope: string): Promise<string> {
  const id = newId();
  const { key, secretHash } = makeApiKey(id);
  await app
    .get(Database, { strict: false })
    .query.insertInto('api_keys')
    .values({
      id,
      secret_hash: secretHash,
      name: 'key',
      user_id: userId,
      org_id: null,
      scope,
      created_by: userId,
      created_at: Date.now(),
      expires_at: null,
      last_used_at: null,
      revoked_at: null,
    })
    .execute();
  return key;
}
