import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { newId } from '../../src/platform/core/identifier.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { codeHash, newCode } from '../../src/platform/crypto/one-time-code.js';
import { kratosIssuer } from '../../src/providers/ory/kratos/kratos-session.js';
import { databaseKinds } from '../support/database.kinds.js';
import { type Gateway, type GatewayAnswer, type GatewayRequest, startGateway } from '../support/gateway.js';
import { type PreparedHydra, startPreparedHydra } from '../support/prepared.hydra.js';
import { listRoutes } from '../support/route.list.js';
import { TestDatabases } from '../support/test.database.js';
import { type World, callers, keyOf, makeWorld } from '../support/world.js';

/** What is sent, and what each caller is answered, in the order of the columns. */
interface Row {
  /** That covers the route. */
  readonly scope: string;
  /** The key of the matrix is the administrator's, not the owner's. */
  readonly isForAdministrators?: true;
  readonly request: (world: World, gateway: Gateway) => Promise<MatrixRequest> | MatrixRequest;
  readonly statuses: readonly [
    anonymous: number,
    stranger: number,
    member: number,
    orgAdmin: number,
    owner: number,
    otherOwner: number,
    administrator: number,
    keyWithScope: number,
    keyWithoutScope: number,
    disabled: number,
  ];
}

interface MatrixRequest {
  readonly path: string;
  readonly body?: unknown;
}

/** Somebody who is logged in. */
const everybody = [401, 200, 200, 200, 200, 200, 200, 200, 403, 401] as const;

/** Administrators of the deployment. */
const administrators = [401, 403, 403, 403, 403, 403, 200, 200, 403, 401] as const;

const user = ({ userIds }: World): string => `/api/v1/users/${userIds.stranger}`;
const org = ({ orgId }: World): string => `/api/v1/orgs/${orgId}`;
const member = (world: World): string => `${org(world)}/members/${world.userIds.member}`;

/** Somebody has asked to join. */
async function requested(world: World, gateway: Gateway): Promise<string> {
  const id = world.userIds.stranger;
  await gateway.app
    .get(Database, { strict: false })
    .query.insertInto('memberships')
    .values({ org_id: world.orgId, user_id: id, role: 'member', state: 'requested', created_at: Date.now() })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return `${org(world)}/members/${id}`;
}

/** An invite that nobody has taken yet. */
async function invite(
  world: World,
  gateway: Gateway,
  email: string | null = null,
  orgId: string | null = world.orgId,
): Promise<{ id: string; token: string }> {
  const [id, token] = [newId(), newCode()];
  await gateway.app
    .get(Database, { strict: false })
    .query.insertInto('invites')
    .values({
      id,
      org_id: orgId,
      token_hash: codeHash(token),
      email,
      role: 'member',
      created_by: world.userIds.owner,
      created_at: Date.now(),
      expires_at: Date.now() + 60_000,
      redeemed_at: null,
      redeemed_by: null,
      revoked_at: null,
    })
    .execute();
  return { id, token };
}

/** An invite for the stranger. @returns its id. */
async function waitingInvite(world: World, gateway: Gateway): Promise<string> {
  return (await invite(world, gateway, world.sessions.stranger.user.email)).id;
}

/** A key of the stranger. @returns its id. */
async function strangersKey({ userIds }: World, gateway: Gateway): Promise<string> {
  await keyOf(gateway.app, userIds.stranger, 'orgs:read');
  const { id } = await gateway.app
    .get(Database, { strict: false })
    .query.selectFrom('api_keys')
    .select('id')
    .where('user_id', '=', userIds.stranger)
    .executeTakeFirstOrThrow();
  return id;
}

/** A key of the organisation. @returns its id. */
async function orgKey(world: World, gateway: Gateway): Promise<string> {
  const answer = await gateway.request(`${org(world)}/api-keys`, {
    method: 'POST',
    headers: { ...(await world.headersOf('owner', 'api', false)), 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Robot', scope: 'orgs:read' }),
  });
  return String(Reflect.get(Object(answer.json()), 'id'));
}

/** An application of the organisation. @returns its id. */
async function orgApplication(world: World, gateway: Gateway): Promise<string> {
  const answer = await gateway.request(`${org(world)}/applications`, {
    method: 'POST',
    headers: { ...(await world.headersOf('owner', 'api', false)), 'content-type': 'application/json' },
    body: JSON.stringify(application),
  });
  return String(Reflect.get(Object(answer.json()), 'id'));
}

/** Everybody has an identity at Kratos, by which the stand-in of Hydra knows them. @returns the world. */
async function consented(world: World, gateway: Gateway): Promise<World> {
  await gateway.app
    .get(Database, { strict: false })
    .query.insertInto('identities')
    .values(
      Object.values(world.userIds).map((id) => ({
        issuer: kratosIssuer,
        subject: id,
        user_id: id,
        created_at: Date.now(),
        last_login_at: Date.now(),
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return world;
}

const application = { name: 'Wiki', kind: 'web', redirectUris: ['https://wiki.example.org/callback'] };

/** Its path for the organisation's owners, and for administrators. */
const ofOrg = async (world: World, gateway: Gateway): Promise<string> =>
  `${org(world)}/applications/${await orgApplication(world, gateway)}`;
const ofAny = async (world: World, gateway: Gateway): Promise<string> =>
  `/api/v1/applications/${await orgApplication(world, gateway)}`;

/** The path of a machine's rules for workloads. */
async function workloadsOf(world: World, gateway: Gateway): Promise<string> {
  const answer = await gateway.request('/api/v1/applications', {
    method: 'POST',
    headers: {
      ...(await world.headersOf('administrator', 'api', false)),
      'content-type': 'application/json',
    },
    body: JSON.stringify({ name: 'Robot', kind: 'machine' }),
  });
  return `/api/v1/applications/${String(Reflect.get(Object(answer.json()), 'id'))}/workloads`;
}

const crossAppTarget = {
  audience: 'https://auth.notes.example',
  resource: 'https://notes.example/mcp',
  clientId: 'wiki',
};
const workload = { issuer: 'https://ci.example.org', claims: { sub: 'project' } };

/** A connection of the organisation. */
const connection = {
  name: 'Example Ltd.',
  kind: 'oidc',
  settings: { issuer: 'https://login.example.org', client_id: 'vestibule' },
};

/** The path of a new one. */
const connectionIn = async ({ orgId, userIds }: World, gateway: Gateway): Promise<string> => {
  const id = newId();
  await gateway.app
    .get(Database, { strict: false })
    .query.insertInto('org_connections')
    .values({
      id,
      org_id: orgId,
      kind: connection.kind,
      name: connection.name,
      settings: JSON.stringify(connection.settings),
      sealed: null,
      required: 0,
      rules: '[]',
      version: 1,
      created_by: userIds.owner,
      created_at: 1,
      updated_at: 1,
    })
    .execute();
  return `/api/v1/orgs/${orgId}/connections/${id}`;
};

const rows: Readonly<Record<string, Row>> = {
  'GET /api/v1/me': { scope: 'profile:read', request: () => ({ path: '/api/v1/me' }), statuses: everybody },
  'GET /api/v1/me/orgs': {
    scope: 'profile:read',
    request: () => ({ path: '/api/v1/me/orgs' }),
    statuses: everybody,
  },
  'GET /api/v1/me/identities': {
    scope: 'profile:read',
    request: () => ({ path: '/api/v1/me/identities' }),
    statuses: everybody,
  },
  'GET /api/v1/me/export': {
    scope: 'profile:read',
    request: () => ({ path: '/api/v1/me/export' }),
    statuses: everybody,
  },
  'PATCH /api/v1/me': {
    scope: 'profile:write',
    request: () => ({ path: '/api/v1/me', body: { name: 'Another' } }),
    statuses: everybody,
  },
  // A key has no recent login behind it: that is asked for first. The only owners must give their organisation up first.
  'DELETE /api/v1/me': {
    scope: 'profile:write',
    request: () => ({ path: '/api/v1/me' }),
    statuses: [401, 204, 204, 204, 409, 409, 204, 401, 403, 401],
  },
  'GET /api/v1/users': {
    scope: 'users:read',
    isForAdministrators: true,
    request: () => ({ path: '/api/v1/users' }),
    statuses: administrators,
  },
  'GET /api/v1/users/:id': {
    scope: 'users:read',
    isForAdministrators: true,
    request: (world) => ({ path: user(world) }),
    statuses: administrators,
  },
  'PATCH /api/v1/users/:id': {
    scope: 'users:write',
    isForAdministrators: true,
    request: (world) => ({ path: user(world), body: { role: 'admin' } }),
    statuses: administrators,
  },
  'POST /api/v1/users/:id/disable': {
    scope: 'users:write',
    isForAdministrators: true,
    request: (world) => ({ path: `${user(world)}/disable` }),
    statuses: administrators,
  },
  'POST /api/v1/users/:id/enable': {
    scope: 'users:write',
    isForAdministrators: true,
    request: (world) => ({ path: `${user(world)}/enable` }),
    statuses: administrators,
  },
  'DELETE /api/v1/users/:id': {
    scope: 'users:write',
    isForAdministrators: true,
    request: (world) => ({ path: user(world) }),
    statuses: [401, 403, 403, 403, 403, 403, 204, 204, 403, 401],
  },
  'GET /api/v1/users/:id/sessions': {
    scope: 'users:read',
    isForAdministrators: true,
    request: (world) => ({ path: `${user(world)}/sessions` }),
    statuses: administrators,
  },
  'DELETE /api/v1/users/:id/sessions': {
    scope: 'users:write',
    isForAdministrators: true,
    request: (world) => ({ path: `${user(world)}/sessions` }),
    statuses: administrators,
  },
  'DELETE /api/v1/users/:id/sessions/:sessionId': {
    scope: 'users:write',
    isForAdministrators: true,
    request: (world) => ({ path: `${user(world)}/sessions/${world.sessions.stranger.claims.sid}` }),
    statuses: [401, 403, 403, 403, 403, 403, 204, 204, 403, 401],
  },
  'GET /api/v1/users/:id/api-keys': {
    scope: 'users:read',
    isForAdministrators: true,
    request: (world) => ({ path: `${user(world)}/api-keys` }),
    statuses: administrators,
  },
  'DELETE /api/v1/users/:id/api-keys/:keyId': {
    scope: 'users:write',
    isForAdministrators: true,
    request: async (world, gateway) => ({
      path: `${user(world)}/api-keys/${await strangersKey(world, gateway)}`,
    }),
    statuses: [401, 403, 403, 403, 403, 403, 204, 204, 403, 401],
  },
  // A key has no recent login behind it. The stranger is nobody at Kratos.
  'POST /api/v1/users/:id/recovery': {
    scope: 'users:write',
    isForAdministrators: true,
    request: (world) => ({ path: `${user(world)}/recovery` }),
    statuses: [401, 403, 403, 403, 403, 403, 409, 401, 403, 401],
  },
  'DELETE /api/v1/users/:id/second-factors': {
    scope: 'users:write',
    isForAdministrators: true,
    request: (world) => ({ path: `${user(world)}/second-factors` }),
    statuses: [401, 403, 403, 403, 403, 403, 409, 401, 403, 401],
  },
  'GET /api/v1/signing-keys': {
    scope: 'signing-keys:read',
    isForAdministrators: true,
    request: () => ({ path: '/api/v1/signing-keys' }),
    statuses: administrators,
  },
  'POST /api/v1/signing-keys/rotate': {
    scope: 'signing-keys:write',
    isForAdministrators: true,
    request: () => ({ path: '/api/v1/signing-keys/rotate' }),
    statuses: administrators,
  },
  'GET /api/v1/me/invites': {
    scope: 'orgs:read',
    request: () => ({ path: '/api/v1/me/invites' }),
    statuses: everybody,
  },
  'POST /api/v1/me/invites/:id/accept': {
    scope: 'orgs:write',
    request: async (world, gateway) => ({
      path: `/api/v1/me/invites/${await waitingInvite(world, gateway)}/accept`,
    }),
    statuses: [401, 200, 404, 404, 404, 404, 404, 404, 403, 401],
  },
  'POST /api/v1/me/invites/:id/decline': {
    scope: 'orgs:write',
    request: async (world, gateway) => ({
      path: `/api/v1/me/invites/${await waitingInvite(world, gateway)}/decline`,
    }),
    statuses: [401, 204, 404, 404, 404, 404, 404, 404, 403, 401],
  },
  'GET /api/v1/audit-events': {
    scope: 'audit:read',
    isForAdministrators: true,
    request: () => ({ path: '/api/v1/audit-events' }),
    statuses: administrators,
  },
  'POST /api/v1/orgs': {
    scope: 'orgs:write',
    request: () => ({ path: '/api/v1/orgs', body: { name: 'Another' } }),
    statuses: [401, 201, 201, 201, 201, 201, 201, 201, 403, 401],
  },
  'GET /api/v1/orgs': { scope: 'orgs:read', request: () => ({ path: '/api/v1/orgs' }), statuses: everybody },
  'GET /api/v1/orgs/:id': {
    scope: 'orgs:read',
    request: (world) => ({ path: org(world) }),
    statuses: [401, 404, 200, 200, 200, 404, 200, 200, 403, 401],
  },
  'PATCH /api/v1/orgs/:id': {
    scope: 'orgs:write',
    request: (world) => ({ path: org(world), body: { name: 'Another' } }),
    statuses: [401, 404, 403, 403, 200, 404, 200, 200, 403, 401],
  },
  'DELETE /api/v1/orgs/:id': {
    scope: 'orgs:write',
    request: (world) => ({ path: org(world) }),
    statuses: [401, 404, 403, 403, 204, 404, 204, 204, 403, 401],
  },
  'GET /api/v1/orgs/:id/members': {
    scope: 'orgs:read',
    request: (world) => ({ path: `${org(world)}/members` }),
    statuses: [401, 404, 200, 200, 200, 404, 200, 200, 403, 401],
  },
  'PATCH /api/v1/orgs/:id/members/:userId': {
    scope: 'orgs:write',
    request: (world) => ({ path: member(world), body: { role: 'admin' } }),
    statuses: [401, 404, 403, 200, 200, 404, 200, 200, 403, 401],
  },
  // The member leaves.
  'DELETE /api/v1/orgs/:id/members/:userId': {
    scope: 'orgs:write',
    request: (world) => ({ path: member(world) }),
    statuses: [401, 404, 204, 204, 204, 404, 204, 204, 403, 401],
  },
  'POST /api/v1/orgs/:id/members/:userId/approve': {
    scope: 'orgs:write',
    request: async (world, gateway) => ({ path: `${await requested(world, gateway)}/approve` }),
    statuses: [401, 404, 403, 200, 200, 404, 200, 200, 403, 401],
  },
  'POST /api/v1/orgs/:id/members/:userId/reject': {
    scope: 'orgs:write',
    request: async (world, gateway) => ({ path: `${await requested(world, gateway)}/reject` }),
    statuses: [401, 404, 403, 204, 204, 404, 204, 204, 403, 401],
  },
  // It claims none: an owner gets as far as a conflict.
  'POST /api/v1/orgs/:id/domain/check': {
    scope: 'orgs:write',
    request: (world) => ({ path: `${org(world)}/domain/check` }),
    statuses: [401, 404, 403, 403, 409, 404, 409, 409, 403, 401],
  },
  'POST /api/v1/orgs/:id/domain/confirm': {
    scope: 'orgs:write',
    isForAdministrators: true,
    request: (world) => ({ path: `${org(world)}/domain/confirm`, body: { domain: 'example.org' } }),
    statuses: [401, 403, 403, 403, 403, 403, 409, 409, 403, 401],
  },
  // Nobody here has an address of its domain: it has none.
  'POST /api/v1/orgs/:id/join': {
    scope: 'orgs:write',
    request: (world) => ({ path: `${org(world)}/join` }),
    statuses: [401, 404, 200, 200, 200, 404, 404, 200, 403, 401],
  },
  // Only a session can have another active organisation.
  'POST /api/v1/orgs/:id/switch': {
    scope: 'orgs:write',
    request: (world) => ({ path: `${org(world)}/switch` }),
    statuses: [401, 404, 200, 200, 200, 404, 404, 403, 403, 401],
  },
  'POST /api/v1/orgs/:id/invites': {
    scope: 'orgs:write',
    request: (world) => ({ path: `${org(world)}/invites`, body: { role: 'member' } }),
    statuses: [401, 404, 403, 201, 201, 404, 201, 201, 403, 401],
  },
  'GET /api/v1/orgs/:id/invites': {
    scope: 'orgs:read',
    request: (world) => ({ path: `${org(world)}/invites` }),
    statuses: [401, 404, 403, 200, 200, 404, 200, 200, 403, 401],
  },
  'DELETE /api/v1/orgs/:id/invites/:inviteId': {
    scope: 'orgs:write',
    request: async (world, gateway) => ({
      path: `${org(world)}/invites/${(await invite(world, gateway)).id}`,
    }),
    statuses: [401, 404, 403, 204, 204, 404, 204, 204, 403, 401],
  },
  'POST /api/v1/invites': {
    scope: 'users:write',
    isForAdministrators: true,
    request: () => ({ path: '/api/v1/invites', body: { email: `${newId()}@example.org` } }),
    statuses: [401, 403, 403, 403, 403, 403, 201, 201, 403, 401],
  },
  'GET /api/v1/invites': {
    scope: 'users:read',
    isForAdministrators: true,
    request: () => ({ path: '/api/v1/invites' }),
    statuses: administrators,
  },
  'DELETE /api/v1/invites/:inviteId': {
    scope: 'users:write',
    isForAdministrators: true,
    request: async (world, gateway) => ({
      path: `/api/v1/invites/${(await invite(world, gateway, null, null)).id}`,
    }),
    statuses: [401, 403, 403, 403, 403, 403, 204, 204, 403, 401],
  },
  'POST /api/v1/invites/redeem': {
    scope: 'orgs:write',
    request: async (world, gateway) => ({
      path: '/api/v1/invites/redeem',
      body: { token: (await invite(world, gateway)).token },
    }),
    statuses: everybody,
  },
  'POST /api/v1/orgs/:id/api-keys': {
    scope: 'keys:write',
    request: (world) => ({ path: `${org(world)}/api-keys`, body: { name: 'Robot', scope: 'keys:write' } }),
    statuses: [401, 404, 403, 201, 201, 404, 201, 201, 403, 401],
  },
  'GET /api/v1/orgs/:id/api-keys': {
    scope: 'keys:read',
    request: (world) => ({ path: `${org(world)}/api-keys` }),
    statuses: [401, 404, 403, 200, 200, 404, 200, 200, 403, 401],
  },
  'DELETE /api/v1/orgs/:id/api-keys/:keyId': {
    scope: 'keys:write',
    request: async (world, gateway) => ({ path: `${org(world)}/api-keys/${await orgKey(world, gateway)}` }),
    statuses: [401, 404, 403, 204, 204, 404, 204, 204, 403, 401],
  },
  'GET /api/v1/me/connected-apps': {
    scope: 'profile:read',
    request: () => ({ path: '/api/v1/me/connected-apps' }),
    statuses: everybody,
  },
  'DELETE /api/v1/me/connected-apps/:applicationId': {
    scope: 'profile:write',
    request: async (world, gateway) => {
      await consented(world, gateway);
      return { path: '/api/v1/me/connected-apps/calendar' };
    },
    statuses: [401, 204, 204, 204, 204, 204, 204, 204, 403, 401],
  },
  'GET /api/v1/users/:id/connected-apps': {
    scope: 'users:read',
    isForAdministrators: true,
    request: (world) => ({ path: `${user(world)}/connected-apps` }),
    statuses: administrators,
  },
  'DELETE /api/v1/users/:id/connected-apps/:applicationId': {
    scope: 'users:write',
    isForAdministrators: true,
    request: async (world, gateway) => ({
      path: `${user(await consented(world, gateway))}/connected-apps/calendar`,
    }),
    statuses: [401, 403, 403, 403, 403, 403, 204, 204, 403, 401],
  },
  'GET /api/v1/agents': {
    scope: 'applications:read',
    isForAdministrators: true,
    request: () => ({ path: '/api/v1/agents' }),
    statuses: administrators,
  },
  'GET /api/v1/applications/:id/users': {
    scope: 'users:read',
    isForAdministrators: true,
    request: async (world, gateway) => ({ path: `${await ofAny(world, gateway)}/users` }),
    statuses: administrators,
  },
  'POST /api/v1/applications': {
    scope: 'applications:write',
    isForAdministrators: true,
    request: () => ({ path: '/api/v1/applications', body: application }),
    statuses: [401, 403, 403, 403, 403, 403, 201, 201, 403, 401],
  },
  'GET /api/v1/applications': {
    scope: 'applications:read',
    isForAdministrators: true,
    request: () => ({ path: '/api/v1/applications' }),
    statuses: administrators,
  },
  'GET /api/v1/applications/:id': {
    scope: 'applications:read',
    isForAdministrators: true,
    request: async (world, gateway) => ({ path: await ofAny(world, gateway) }),
    statuses: administrators,
  },
  'PATCH /api/v1/applications/:id': {
    scope: 'applications:write',
    isForAdministrators: true,
    request: async (world, gateway) => ({ path: await ofAny(world, gateway), body: { name: 'Notes' } }),
    statuses: administrators,
  },
  'POST /api/v1/applications/:id/secret': {
    scope: 'applications:write',
    isForAdministrators: true,
    request: async (world, gateway) => ({ path: `${await ofAny(world, gateway)}/secret`, body: {} }),
    statuses: [401, 403, 403, 403, 403, 403, 201, 201, 403, 401],
  },
  'DELETE /api/v1/applications/:id': {
    scope: 'applications:write',
    isForAdministrators: true,
    request: async (world, gateway) => ({ path: await ofAny(world, gateway) }),
    statuses: [401, 403, 403, 403, 403, 403, 204, 204, 403, 401],
  },
  'GET /api/v1/applications/:id/workloads': {
    scope: 'api',
    isForAdministrators: true,
    request: async (world, gateway) => ({ path: await workloadsOf(world, gateway) }),
    statuses: administrators,
  },
  'POST /api/v1/applications/:id/workloads': {
    scope: 'api',
    isForAdministrators: true,
    request: async (world, gateway) => ({ path: await workloadsOf(world, gateway), body: workload }),
    statuses: [401, 403, 403, 403, 403, 403, 201, 201, 403, 401],
  },
  'DELETE /api/v1/applications/:id/workloads/:workloadId': {
    scope: 'api',
    isForAdministrators: true,
    request: async (world, gateway) => ({ path: `${await workloadsOf(world, gateway)}/${newId()}` }),
    statuses: [401, 403, 403, 403, 403, 403, 404, 404, 403, 401],
  },
  'GET /api/v1/applications/:id/cross-app-targets': {
    scope: 'api',
    isForAdministrators: true,
    request: async (world, gateway) => ({ path: `${await ofAny(world, gateway)}/cross-app-targets` }),
    statuses: administrators,
  },
  'POST /api/v1/applications/:id/cross-app-targets': {
    scope: 'api',
    isForAdministrators: true,
    request: async (world, gateway) => ({
      path: `${await ofAny(world, gateway)}/cross-app-targets`,
      body: crossAppTarget,
    }),
    statuses: [401, 403, 403, 403, 403, 403, 201, 201, 403, 401],
  },
  'DELETE /api/v1/applications/:id/cross-app-targets/:targetId': {
    scope: 'api',
    isForAdministrators: true,
    request: async (world, gateway) => ({
      path: `${await ofAny(world, gateway)}/cross-app-targets/${newId()}`,
    }),
    statuses: [401, 403, 403, 403, 403, 403, 404, 404, 403, 401],
  },
  'POST /api/v1/orgs/:id/applications': {
    scope: 'applications:write',
    request: (world) => ({ path: `${org(world)}/applications`, body: application }),
    statuses: [401, 404, 403, 403, 201, 404, 201, 201, 403, 401],
  },
  'GET /api/v1/orgs/:id/applications': {
    scope: 'applications:read',
    request: (world) => ({ path: `${org(world)}/applications` }),
    statuses: [401, 404, 403, 403, 200, 404, 200, 200, 403, 401],
  },
  'GET /api/v1/orgs/:id/applications/:applicationId': {
    scope: 'applications:read',
    request: async (world, gateway) => ({ path: await ofOrg(world, gateway) }),
    statuses: [401, 404, 403, 403, 200, 404, 200, 200, 403, 401],
  },
  'PATCH /api/v1/orgs/:id/applications/:applicationId': {
    scope: 'applications:write',
    request: async (world, gateway) => ({ path: await ofOrg(world, gateway), body: { name: 'Notes' } }),
    statuses: [401, 404, 403, 403, 200, 404, 200, 200, 403, 401],
  },
  'POST /api/v1/orgs/:id/applications/:applicationId/secret': {
    scope: 'applications:write',
    request: async (world, gateway) => ({ path: `${await ofOrg(world, gateway)}/secret`, body: {} }),
    statuses: [401, 404, 403, 403, 201, 404, 201, 201, 403, 401],
  },
  'DELETE /api/v1/orgs/:id/applications/:applicationId': {
    scope: 'applications:write',
    request: async (world, gateway) => ({ path: await ofOrg(world, gateway) }),
    statuses: [401, 404, 403, 403, 204, 404, 204, 204, 403, 401],
  },
  'POST /api/v1/orgs/:id/connections': {
    scope: 'connections:write',
    request: (world) => ({ path: `${org(world)}/connections`, body: connection }),
    statuses: [401, 404, 403, 403, 201, 404, 201, 201, 403, 401],
  },
  'GET /api/v1/orgs/:id/connections': {
    scope: 'connections:read',
    request: (world) => ({ path: `${org(world)}/connections` }),
    statuses: [401, 404, 403, 403, 200, 404, 200, 200, 403, 401],
  },
  'GET /api/v1/orgs/:id/connections/:connectionId': {
    scope: 'connections:read',
    request: async (world, gateway) => ({ path: await connectionIn(world, gateway) }),
    statuses: [401, 404, 403, 403, 200, 404, 200, 200, 403, 401],
  },
  'PATCH /api/v1/orgs/:id/connections/:connectionId': {
    scope: 'connections:write',
    request: async (world, gateway) => ({
      path: await connectionIn(world, gateway),
      body: { name: 'Notes' },
    }),
    statuses: [401, 404, 403, 403, 200, 404, 200, 200, 403, 401],
  },
  'POST /api/v1/orgs/:id/connections/:connectionId/test': {
    scope: 'connections:write',
    request: async (world, gateway) => ({ path: `${await connectionIn(world, gateway)}/test`, body: {} }),
    statuses: [401, 404, 403, 403, 200, 404, 200, 200, 403, 401],
  },
  'DELETE /api/v1/orgs/:id/connections/:connectionId': {
    scope: 'connections:write',
    request: async (world, gateway) => ({ path: await connectionIn(world, gateway) }),
    statuses: [401, 404, 403, 403, 204, 404, 204, 204, 403, 401],
  },
  'POST /api/v1/api-keys': {
    scope: 'keys:write',
    request: () => ({ path: '/api/v1/api-keys', body: { name: 'Robot', scope: 'keys:write' } }),
    statuses: [401, 201, 201, 201, 201, 201, 201, 201, 403, 401],
  },
  'GET /api/v1/api-keys': {
    scope: 'keys:read',
    request: () => ({ path: '/api/v1/api-keys' }),
    statuses: everybody,
  },
  // Another's key: nobody learns that it's there.
  'DELETE /api/v1/api-keys/:id': {
    scope: 'keys:write',
    request: async (world, gateway) => ({ path: `/api/v1/api-keys/${await orgKey(world, gateway)}` }),
    statuses: [401, 404, 404, 404, 404, 404, 404, 404, 403, 401],
  },
};

describe.each(databaseKinds)('who may do what on %s', (kind) => {
  let gateway: Gateway;
  let databases: TestDatabases;
  let hydra: PreparedHydra;

  beforeAll(async () => {
    databases = new TestDatabases(inject('postgresUrl'));
    hydra = await startPreparedHydra();
    gateway = await startGateway({
      HYDRA_ADMIN_URL: hydra.url,
      ...(kind === 'postgres' ? { DATABASE_URL: await databases.createMigrated() } : {}),
    });
  });

  afterAll(async () => {
    await gateway?.stop();
    await hydra?.stop();
    await databases?.drop();
  });

  it('every route of the API has a row, and every row is a route', () => {
    const fastify: FastifyInstance = gateway.app.getHttpAdapter().getInstance();
    const routes = listRoutes(fastify)
      .filter(
        ({ method, pattern }) => pattern.startsWith('/api/') && method !== 'HEAD' && method !== 'OPTIONS',
      )
      .map(({ method, pattern }) => `${method} ${pattern}`);
    expect(Object.keys(rows).toSorted()).toEqual([...new Set(routes)].toSorted());
  });

  describe.each(Object.entries(rows))('%s', (route, row) => {
    let untouched: World | undefined;

    /** Anyone who is refused changes nothing, and neither does who reads: they share a world. */
    async function worldFor(status: number): Promise<World> {
      if (status < 400 && !route.startsWith('GET ')) {
        return makeWorld(gateway);
      }
      untouched ??= await makeWorld(gateway);
      return untouched;
    }

    const cells = callers.map((caller, index) => [caller, row.statuses[index] ?? 0] as const);
    // Who may do what is decided without a database's own SQL: on PostgreSQL each status of a route comes once.
    const first = (status: number): number => cells.findIndex(([, other]) => other === status);

    it.each(kind === 'sqlite' ? cells : cells.filter(([, status], index) => index === first(status)))(
      '%s: %i',
      async (caller, status) => {
        const world = await worldFor(status);
        const { path, body } = await row.request(world, gateway);
        const headers = await world.headersOf(caller, row.scope, row.isForAdministrators === true);
        const answer = await gateway.request(path, {
          ...requestOf(route, body),
          headers: { ...headersOf(body), ...headers },
        });
        expect(answer.status).toBe(status);
        expectExplained(status, answer);
      },
    );
  });
});

/** A 401 says how to authenticate (RFC 9110 section 15.5.2); a 403 says which role or scope is missing. */
function expectExplained(status: number, answer: GatewayAnswer): void {
  expect(answer.headers['www-authenticate'] !== undefined).toBe(status === 401 || isOfScope(answer));
  const detail = status === 403 ? String(Reflect.get(Object(answer.json()), 'detail')) : 'Requires the role';
  expect(detail).toMatch(/^(?:Requires |Only a session cookie |This invite is for )/);
}

function isOfScope(answer: GatewayAnswer): boolean {
  return answer.status === 403 && Reflect.get(Object(answer.json()), 'code') === 'insufficient_scope';
}

function headersOf(body: unknown): Record<string, string> {
  return body === undefined ? {} : { 'content-type': 'application/json' };
}

function requestOf(route: string, body: unknown): Pick<GatewayRequest, 'method' | 'body'> {
  const method = route.split(' ', 1)[0];
  if (method !== 'GET' && method !== 'POST' && method !== 'PATCH' && method !== 'DELETE') {
    throw new SyntaxError(`${route} has no method`);
  }
  return { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
}
