import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fullScope } from '../../src/session/guards/scopes.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type PreparedHydra, startPreparedHydra } from '../support/prepared.hydra.js';
import { type World, keyOf, makeWorld } from '../support/world.js';

/** What no example can hold: a secret that was sent to one person, or a signature of the provider. */
const withoutSuccess: Readonly<Record<string, string>> = {
  'POST /auth/login': 'takes an access token of the provider',
  'POST /auth/backchannel-logout': 'takes a logout token that the provider has signed',
  'POST /oauth2/register':
    'is off unless it is switched on; src/features/agents/test/extended/client-registration.spec.ts sends it',
  'POST /ssf/events': 'takes a token that another provider has signed',
  'POST /api/v1/applications/{id}/workloads': 'takes the id of a machine',
  'POST /api/v1/applications/{id}/cross-app-targets': 'takes the id of an application',
  'PATCH /ssf/streams': 'takes the id of a stream',
  'PUT /ssf/streams': 'takes the id of a stream',
  'POST /ssf/status': 'takes the id of a stream',
  'POST /ssf/verify': 'takes the id of a stream',
  'POST /ssf/poll/{id}': 'takes the id of a stream',
  'POST /api/v1/invites/redeem': 'takes the secret of an invite',
  'POST /api/v1/orgs/{id}/domain/confirm': 'takes the domain that the organisation claims',
};

const documentSchema = z.looseObject({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.looseObject({
        requestBody: z
          .looseObject({ content: z.record(z.string(), z.looseObject({ example: z.unknown().optional() })) })
          .optional(),
      }),
    ),
  ),
});

interface Prefilled {
  readonly operation: string;
  readonly type: string;
  readonly example: unknown;
}

let hydra: PreparedHydra;
let gateway: Gateway;
let world: World;
let bodies: readonly Prefilled[];
let createdOrgId: string | undefined;
/** The application that was registered last. */
let applicationId = '';
/** The same of a connection. */
let connectionId = '';
/** An administrator's API key. */
let key: string;

beforeAll(async () => {
  hydra = await startPreparedHydra();
  gateway = await startGateway({ HYDRA_ADMIN_URL: hydra.url });
  world = await makeWorld(gateway);
  key = await keyOf(gateway.app, world.userIds.administrator, fullScope);
  const { paths } = documentSchema.parse((await gateway.request('/docs/openapi.json')).json());
  bodies = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { requestBody }]) =>
      Object.entries(requestBody?.content ?? {}).map(([type, { example }]) => ({
        operation: `${method.toUpperCase()} ${path}`,
        type,
        example,
      })),
    ),
  );
});

afterAll(async () => {
  await gateway?.stop();
  await hydra?.stop();
});

/** The path with ids of things that exist, for an operation whose ids the user has to fill in. */
function withIds(path: string): string {
  const { orgId, userIds } = world;
  const ofUser = path.startsWith('/api/v1/applications') ? applicationId : userIds.member;
  const id = path.includes('/orgs/') ? orgId : ofUser;
  // The organisation that the example of POST makes is the one that the example of PATCH changes.
  const target = path === '/api/v1/orgs/{id}' ? (createdOrgId ?? id) : id;
  return path
    .replace('{id}', target)
    .replace('{userId}', userIds.member)
    .replace('{applicationId}', applicationId)
    .replace('{connectionId}', connectionId);
}

describe('the bodies that Swagger UI fills in', () => {
  it('each succeeds as it is, for someone who may do it', async () => {
    const failed: string[] = [];
    for (const { operation, type, example } of bodies) {
      const [method = '', path = ''] = operation.split(' ');
      if (withoutSuccess[operation] !== undefined) {
        continue;
      }
      const caller = /^\/api\/v1\/(?:users|applications|invites)/.test(path) ? 'administrator' : 'owner';
      const body =
        type === 'application/json'
          ? JSON.stringify(example)
          : String(new URLSearchParams(z.record(z.string(), z.string()).parse(example)));
      const answer = await gateway.request(withIds(path), {
        method: z.enum(['POST', 'PATCH', 'PUT', 'DELETE']).parse(method),
        headers: {
          'content-type': type,
          // Streams of events are for services.
          ...(path.startsWith('/ssf/') ? { 'x-api-key': key } : { cookie: world.sessions[caller].cookie }),
        },
        body,
      });
      if (operation === 'POST /api/v1/orgs') {
        createdOrgId = z.looseObject({ id: z.string() }).parse(answer.json()).id;
      }
      if (operation.startsWith('POST ') && path.endsWith('/applications')) {
        applicationId = z.looseObject({ id: z.string() }).parse(answer.json()).id;
      }
      if (operation.startsWith('POST ') && path.endsWith('/connections')) {
        connectionId = z.looseObject({ id: z.string() }).parse(answer.json()).id;
      }
      if (answer.status >= 300) {
        failed.push(`${operation} ${body}: ${answer.status} ${answer.text}`);
      }
    }
    expect(failed).toEqual([]);
  });

  it('every operation with a body is among them, and each exception still exists', () => {
    expect(bodies.length).toBeGreaterThan(8);
    expect(bodies.filter(({ example }) => example === undefined)).toEqual([]);
    const operations = new Set(bodies.map(({ operation }) => operation));
    expect(Object.keys(withoutSuccess).filter((operation) => !operations.has(operation))).toEqual([]);
  });
});
