import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { AuditRepository, type AuditEventRow } from '../../src/directory/audit/audit.repository.js';
import { auditEventsAnswerSchema } from '../../src/operations/audit-events/audit-event.schemas.js';
import { lowestId, newId } from '../../src/platform/core/identifier.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { databaseKinds } from '../support/database.kinds.js';
import { type Gateway, type GatewayAnswer, startGateway } from '../support/gateway.js';
import { TestDatabases } from '../support/test.database.js';
import { type World, keyOf, makeWorld } from '../support/world.js';

const path = '/api/v1/audit-events';

/** In the past, so that nothing that the test itself causes is among them. */
const start = Date.parse('2025-01-01T00:00:00Z');
const [ada, bob, org, otherOrg, invite] = Array.from({ length: 5 }, () => newId());

/** Event number `index`, one a second. */
function row(index: number, changed: Partial<AuditEventRow> = {}): AuditEventRow {
  const at = start + index * 1000;
  return {
    id: newId(at),
    at,
    type: 'member_added',
    user_id: null,
    session_id: null,
    request_id: `request-${index}`,
    remote_address: '127.0.0.1',
    reason: null,
    actor_id: ada ?? null,
    actor_credential: 'cookie',
    target_kind: 'user',
    target_id: bob ?? null,
    org_id: org ?? null,
    outcome: 'success',
    count: null,
    ...changed,
  };
}

describe.each(databaseKinds)('GET /api/v1/audit-events on %s', (kind) => {
  let gateway: Gateway;
  let world: World;
  let databases: TestDatabases;

  const ask = async (query: string, headers?: Readonly<Record<string, string>>): Promise<GatewayAnswer> =>
    gateway.request(`${path}?${query}`, {
      headers: headers ?? { cookie: world.sessions.administrator.cookie },
    });
  const requestsOf = async (query: string): Promise<(string | null)[]> =>
    auditEventsAnswerSchema
      .parse((await ask(`to=2025-01-02T00:00:00Z&${query}`)).json())
      .items.map(({ requestId }) => requestId);

  beforeAll(async () => {
    databases = new TestDatabases(inject('postgresUrl'));
    gateway = await startGateway(
      kind === 'postgres' ? { DATABASE_URL: await databases.createMigrated() } : {},
    );
    world = await makeWorld(gateway);
    await new AuditRepository(gateway.app.get(Database, { strict: false })).append([
      row(0),
      row(1, { actor_id: bob ?? null, actor_credential: 'api_key' }),
      row(2, {
        type: 'login_failed',
        outcome: 'failure',
        reason: 'x',
        actor_id: null,
        actor_credential: null,
        target_kind: null,
        target_id: null,
        org_id: null,
      }),
      row(3, { org_id: otherOrg ?? null }),
      row(4, { target_kind: 'invite', target_id: invite ?? null, type: 'invite_redeemed' }),
      // As versions before 0003 wrote them.
      row(5, {
        actor_id: null,
        actor_credential: null,
        target_kind: null,
        target_id: null,
        org_id: null,
        outcome: null,
        user_id: ada ?? null,
      }),
    ]);
  });

  afterAll(async () => {
    await gateway?.stop();
    await databases?.drop();
  });

  it('of a type that no feature has any more, once there are some', async () => {
    const query = 'type=moon:landed';
    expect((await ask(query)).status).toBe(400);
    const audit = new AuditRepository(gateway.app.get(Database, { strict: false }));
    await audit.append([row(100_000, { type: 'moon:landed' })]);
    expect((await ask(query)).json()).toMatchObject({ items: [{ requestId: 'request-100000' }] });
  });

  it('newest first, with every member', async () => {
    const answer = await ask('to=2025-01-02T00:00:00Z');
    expect(answer.status).toBe(200);
    const { items, nextCursor } = auditEventsAnswerSchema.parse(answer.json());
    expect(items.map(({ requestId }) => requestId)).toEqual(
      [5, 4, 3, 2, 1, 0].map((index) => `request-${index}`),
    );
    expect(nextCursor).toBeNull();
    expect(items[1]).toEqual({
      id: expect.any(String),
      at: '2025-01-01T00:00:04.000Z',
      type: 'invite_redeemed',
      outcome: 'success',
      reason: null,
      actor: { id: ada, credential: 'cookie' },
      target: { kind: 'invite', id: invite },
      orgId: org,
      sessionId: null,
      count: null,
      requestId: 'request-4',
      remoteAddress: '127.0.0.1',
    });
    expect(items[3]).toMatchObject({
      outcome: 'failure',
      reason: 'x',
      actor: null,
      target: null,
      orgId: null,
    });
    expect(items[0]).toMatchObject({ outcome: 'success', actor: null, target: null });
  });

  it.each([
    ['type=login_failed', [2]],
    [`actor=${bob}`, [1]],
    [`actor=${bob?.toUpperCase()}`, [1]],
    [`target=${invite}`, [4]],
    [`org=${otherOrg}`, [3]],
    [`org=${org}&actor=${ada}`, [4, 0]],
    [`org=${newId()}`, []],
    ['from=2025-01-01T00:00:04Z', [5, 4]],
    ['from=2025-01-01T01:00:01%2B01:00', [5, 4, 3, 2, 1]],
    ['from=2026-01-01T00:00:00Z', []],
  ] as const)('%s narrows to %j', async (query, expected) => {
    expect(await requestsOf(query)).toEqual(expected.map((index) => `request-${index}`));
  });

  it('pages follow each other without a gap or an overlap, also with filters', async () => {
    const walk = async (query: string): Promise<(string | null)[]> => {
      const seen: (string | null)[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const page = auditEventsAnswerSchema.parse(
          (
            await ask(`to=2025-01-02T00:00:00Z&limit=2&${query}${cursor === '' ? '' : `&cursor=${cursor}`}`)
          ).json(),
        );
        expect(page.items.length).toBeLessThanOrEqual(2);
        seen.push(...page.items.map(({ requestId }) => requestId));
        cursor = page.nextCursor;
      }
      return seen;
    };
    expect(await walk('')).toEqual([5, 4, 3, 2, 1, 0].map((index) => `request-${index}`));
    expect(await walk(`target=${bob}`)).toEqual([3, 1, 0].map((index) => `request-${index}`));
  });

  it('an act can be read at once', async () => {
    const { cookie, user, claims } = await gateway.session();
    await gateway.request('/auth/logout', { method: 'POST', headers: { cookie } });
    const { items } = auditEventsAnswerSchema.parse((await ask(`target=${user.id}`)).json());
    expect(items).toMatchObject([
      {
        type: 'logout',
        sessionId: claims.sid,
        target: { kind: 'user', id: user.id },
        actor: { id: user.id },
      },
    ]);
  });

  it.each([
    'limit=0',
    'limit=101',
    'limit=x',
    'cursor=x',
    'cursor=%00',
    `cursor=${Buffer.from('{"id":"1"}').toString('base64url')}`,
    `cursor=${Buffer.from('{"id":{"$gt":""}}').toString('base64url')}`,
    'cursor=a&cursor=b',
    'type=everything',
    'type=moon:started',
    'type=with%20blank',
    'actor=1',
    "actor=' or 1=1 --",
    'target=%00',
    'org=x',
    'from=yesterday',
    'from=2025-13-01T00:00:00Z',
    'to=9999999999999',
    'to=',
    'unknown=1',
  ])('%s is 400 validation_failed', async (query) => {
    const answer = await ask(query);
    expect([answer.status, answer.json()]).toMatchObject([400, { code: 'validation_failed' }]);
  });

  it.each(['from=0001-01-01T00:00:00Z', 'to=9999-12-31T23:59:59Z'])(
    '%s is a moment like any other',
    async (query) => {
      expect((await ask(query)).status).toBe(200);
    },
  );

  it.each([
    ['anonymous', 401, 'unauthenticated'],
    ['stranger', 403, 'forbidden'],
    ['member', 403, 'forbidden'],
    ['orgAdmin', 403, 'forbidden'],
    ['owner', 403, 'forbidden'],
    ['otherOwner', 403, 'forbidden'],
    ['keyWithScope', 403, 'forbidden'],
    ['keyWithoutScope', 403, 'forbidden'],
    ['disabled', 401, 'unauthenticated'],
  ] as const)('%s: %d %s', async (caller, status, code) => {
    const answer = await gateway.request(path, {
      headers: await world.headersOf(caller, 'audit:read', false),
    });
    expect([answer.status, answer.json()]).toMatchObject([status, { code }]);
  });

  it('an administrator’s API key needs the scope', async () => {
    const withKey = async (scope: string): Promise<number> =>
      (
        await gateway.request(path, {
          headers: { 'x-api-key': await keyOf(gateway.app, world.userIds.administrator, scope) },
        })
      ).status;
    expect([await withKey('audit:read'), await withKey('api'), await withKey('users:read')]).toEqual([
      200, 200, 403,
    ]);
  });

  it('each filter is a range of an index', async () => {
    const { query } = gateway.app.get(Database, { strict: false });
    const at = lowestId(start);
    const plans: Record<string, string> = {};
    // A planner that has few rows to read doesn't bother with an index.
    const many = Array.from({ length: 100 }, (_value, index) =>
      row(index, {
        actor_id: newId(),
        target_id: newId(),
        org_id: newId(),
        type: index % 2 === 0 ? 'logout' : 'login_succeeded',
      }),
    );
    for (let count = 0; count < 30; count += 1) {
      await new AuditRepository(gateway.app.get(Database, { strict: false })).append(
        many.map((event) => ({ ...event, id: newId(start - 1_000_000) })),
      );
    }
    await sql`analyze`.execute(query);
    for (const column of ['type', 'actor_id', 'target_id', 'org_id'] as const) {
      const statement = sql`select * from audit_events where ${sql.ref(column)} = ${sql.lit('x')} and id < ${sql.lit(at)} order by id desc limit 51`;
      const { rows } = await (
        kind === 'sqlite' ? sql`explain query plan ${statement}` : sql`explain ${statement}`
      ).execute(query);
      plans[column] = JSON.stringify(rows);
    }
    for (const [column, index] of [
      ['type', 'audit_events_type'],
      ['actor_id', 'audit_events_actor'],
      ['target_id', 'audit_events_target'],
      ['org_id', 'audit_events_org'],
    ] as const) {
      expect(plans[column]).toContain(index);
      expect(plans[column]).not.toMatch(/TEMP B-TREE|Seq Scan|SCAN/);
    }
  });
});
