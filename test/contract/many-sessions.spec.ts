import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { ProviderLogouts } from '../../src/accounts/provider-logouts.js';
import { AuditService } from '../../src/directory/audit/audit.service.js';
import { newId } from '../../src/platform/core/identifier.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { RevocationFeed } from '../../src/session/revocation/revocation-feed.js';
import { administratorAt } from '../support/administrator.js';
import { type CountingServer, startCountingServer } from '../support/call.counter.js';
import { databaseKinds } from '../support/database.kinds.js';
import { migratedDataDir } from '../support/fresh.database.js';
import { type Gateway, type HeldSession, newIdentity, newSecret, startGateway } from '../support/gateway.js';
import { waitUntil } from '../support/stack.js';
import { TestDatabases } from '../support/test.database.js';

const many = 2000;
const html = { accept: 'text/html' };
const pageSchema = z.looseObject({
  items: z.array(z.looseObject({ id: z.string(), current: z.boolean() })),
  nextCursor: z.string().nullable(),
});
const endedSchema = z.strictObject({ ended: z.number() });

describe.each(databaseKinds)('a user with thousands of sessions on %s', (kind) => {
  let kratos: CountingServer;
  let databases: TestDatabases;
  let env: Readonly<Record<string, string>>;
  let gateway: Gateway;
  let replica: Gateway;
  let administrator: HeldSession;

  beforeAll(async () => {
    kratos = await startCountingServer();
    databases = new TestDatabases(inject('postgresUrl'));
    const place =
      kind === 'sqlite'
        ? { DATA_DIR: await migratedDataDir() }
        : { DATABASE_URL: await databases.createMigrated() };
    env = { ...place, SECRETS: newSecret(), KRATOS_ADMIN_URL: kratos.url };
    gateway = await startGateway(env);
    replica = await startGateway(env);
    administrator = await administratorAt(gateway);
  });

  afterAll(async () => {
    await replica?.stop();
    await gateway?.stop();
    await databases?.drop();
    await kratos?.stop();
  });

  const query = (): Database['query'] => gateway.app.get(Database, { strict: false }).query;

  /** Somebody new with a session that they use, a few more that they used lately, and very many that they left behind. */
  async function crowded(providerSessions = false): Promise<{ here: HeldSession; used: HeldSession[] }> {
    const identity = newIdentity();
    const used = [await gateway.session(identity), await gateway.session(identity)];
    const row = await query()
      .selectFrom('sessions')
      .selectAll()
      .where('id', '=', used[0]?.claims.sid ?? '')
      .executeTakeFirstOrThrow();
    const begun = Date.now() - 3_600_000;
    const rows = Array.from({ length: many }, (_each, index) => ({
      ...row,
      id: newId(begun + index),
      created_at: begun + index,
      renewed_at: begun + index,
      last_seen_at: begun + index,
      provider_session_id: providerSessions ? `left-${index}` : null,
    }));
    for (let first = 0; first < many; first += 500) {
      await query()
        .insertInto('sessions')
        .values(rows.slice(first, first + 500))
        .execute();
    }
    return { here: await gateway.session(identity, {}, { providerSessionId: 'here' }), used };
  }

  const page = async (by: HeldSession, path: string): Promise<z.output<typeof pageSchema>> => {
    const answer = await gateway.request(path, { headers: { cookie: by.cookie } });
    expect(answer.status).toBe(200);
    return pageSchema.parse(answer.json());
  };

  const statusAt = async (where: Gateway, { cookie }: HeldSession): Promise<number> =>
    (await where.request('/api/v1/me', { headers: { cookie } })).status;

  async function auditOf(userId: string): Promise<unknown[]> {
    await gateway.app.get(AuditService, { strict: false }).flush();
    return query()
      .selectFrom('audit_events')
      .select(['type', 'reason', 'session_id', 'count', 'actor_id'])
      .where('user_id', '=', userId)
      .where('type', '=', 'session_ended')
      .execute();
  }

  it('lists them in pages, newest first, to the user and to administrators', async () => {
    const { here, used } = await crowded();
    const own = await page(here, '/auth/sessions');
    expect(own.items).toHaveLength(50);
    expect(own.items[0]).toMatchObject({ id: here.claims.sid, current: true });
    for (const [by, path] of [
      [here, '/auth/sessions'],
      [administrator, `/api/v1/users/${here.claims.sub}/sessions`],
    ] as const) {
      const ids: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const after = cursor === '' ? {} : { cursor };
        const next: z.output<typeof pageSchema> = await page(
          by,
          `${path}?${new URLSearchParams({ limit: '100', ...after })}`,
        );
        ids.push(...next.items.map(({ id }) => id));
        cursor = next.nextCursor;
      }
      expect(new Set(ids).size).toBe(many + used.length + 1);
      expect(ids).toEqual(ids.toSorted().toReversed());
    }
    for (const wrong of ['limit=0', 'limit=101', 'limit=x', 'cursor=x', 'cursor=eyJhIjoxfQ']) {
      const answer = await gateway.request(`/auth/sessions?${wrong}`, { headers: { cookie: here.cookie } });
      expect([wrong, answer.status]).toEqual([wrong, 400]);
    }
  });

  it('shows them in pages, each of which is small', async () => {
    const { here } = await crowded();
    for (const [by, path] of [
      [here, '/'],
      [administrator, `/admin/users/${here.claims.sub}`],
    ] as const) {
      const first = await gateway.request(path, { headers: { ...html, cookie: by.cookie } });
      expect(first.text.match(/class="device"/g)).toHaveLength(20);
      expect(first.text.length).toBeLessThan(60_000);
      const [, link = ''] = /href="([^"]*sessions=[^"]*)#sessions-title"/.exec(first.text) ?? [];
      expect(first.text).toContain('Older sessions');
      const second = await gateway.request(link, { headers: { ...html, cookie: by.cookie } });
      expect(second.text.match(/class="device"/g)).toHaveLength(20);
      expect(second.text).not.toContain('This device');
      // The button ends them whichever page is shown.
      expect(second.text).toMatch(/action="[^"]*\/(?:end-others|sessions\/end)"/);
    }
  });

  it('"log out everywhere else" ends all but this one, on every replica, with one audit event', async () => {
    const { here, used } = await crowded();
    const feed = gateway.app.get(RevocationFeed, { strict: false });
    const [first] = used;
    const known = feed.list.size;
    expect(await statusAt(replica, first ?? here)).toBe(200);
    const answer = await gateway.request('/auth/sessions', {
      method: 'DELETE',
      headers: { cookie: here.cookie },
    });
    expect(endedSchema.parse(answer.json())).toEqual({ ended: many + used.length });
    for (const session of used) {
      expect(await statusAt(gateway, session)).toBe(401);
      await waitUntil(
        async () => (await statusAt(replica, session)) === 401,
        'the other replica to hear of it',
      );
    }
    expect([await statusAt(gateway, here), await statusAt(replica, here)]).toEqual([200, 200]);
    const bearer = { authorization: here.bearer };
    expect((await replica.request('/api/v1/me', { headers: bearer })).status).toBe(200);
    expect((await page(here, '/auth/sessions')).items.map(({ id }) => id)).toEqual([here.claims.sid]);
    expect(await auditOf(here.claims.sub)).toEqual([
      {
        type: 'session_ended',
        reason: 'ended_by_user',
        session_id: null,
        count: many + 2,
        actor_id: here.claims.sub,
      },
    ]);
    expect(gateway.log.join('\n')).not.toContain('audit_queue_full');
    // What has had no live token for long, no guard needs to know.
    expect(feed.list.size - known).toBe(used.length);
    // What tells others of ended sessions is told of each of them.
    const { count } = await query()
      .selectFrom('revocations')
      .innerJoin('sessions', 'sessions.id', 'revocations.id')
      .select(({ fn }) => fn.countAll<number | string>().as('count'))
      .where('sessions.user_id', '=', here.claims.sub)
      .executeTakeFirstOrThrow();
    expect(Number(count)).toBe(many + used.length);
  });

  it('a session that was left behind is refused from SQL when it comes back', async () => {
    const identity = newIdentity();
    const left = await gateway.session(identity);
    const here = await gateway.session(identity);
    await query()
      .updateTable('sessions')
      .set({ last_seen_at: Date.now() - 7_200_000, renewed_at: Date.now() - 7_200_000 })
      .where('id', '=', left.claims.sid)
      .execute();
    // Its token is over by then.
    gateway.shiftClock(700);
    await gateway.request('/auth/sessions', { method: 'DELETE', headers: { cookie: here.cookie } });
    expect([await statusAt(gateway, left), await statusAt(gateway, here)]).toEqual([401, 200]);
    gateway.shiftClock(0);
  });

  it('an administrator ends all of them, and is named in the one audit event', async () => {
    const { here, used } = await crowded();
    const answer = await gateway.request(`/api/v1/users/${here.claims.sub}/sessions`, {
      method: 'DELETE',
      headers: { cookie: administrator.cookie },
    });
    const count = many + used.length + 1;
    expect(endedSchema.parse(answer.json())).toEqual({ ended: count });
    expect(await statusAt(gateway, here)).toBe(401);
    const events = await auditOf(here.claims.sub);
    expect(events).toMatchObject([
      { reason: 'ended_by_administrator', count, actor_id: administrator.claims.sub },
    ]);
    const trail = await gateway.request(`/api/v1/audit-events?type=session_ended&target=${here.claims.sub}`, {
      headers: { cookie: administrator.cookie },
    });
    expect(trail.json()).toMatchObject({ items: [{ count, sessionId: null }] });
    const shown = await gateway.request(`/admin/audit-events?target=${here.claims.sub}`, {
      headers: { ...html, cookie: administrator.cookie },
    });
    expect(shown.text).toContain(`<dt>Sessions</dt><dd>${count}</dd>`);
  });

  it('those at Kratos end behind the answer, each once; the one that stays is spared', async () => {
    const { here } = await crowded(true);
    kratos.requests.length = 0;
    await gateway.request('/auth/sessions', { method: 'DELETE', headers: { cookie: here.cookie } });
    const asked = (): string[] =>
      kratos.requests.filter((request) => request.startsWith('DELETE /admin/sessions/left-'));
    await waitUntil(() => asked().length >= many, 'the sessions to be ended at Kratos');
    await waitUntil(async () => (await pending(here)) === 0, 'nothing to be left');
    expect(new Set(asked()).size).toBe(many);
    expect(asked()).toHaveLength(many);
    expect(kratos.requests).not.toContain('DELETE /admin/sessions/here');
  });

  it('what Kratos could not end is ended once it can be, by any replica', async () => {
    const { here } = await crowded(true);
    const away = await startCountingServer({ status: 503 });
    const unlucky = await startGateway({ ...env, KRATOS_ADMIN_URL: away.url });
    try {
      const answer = await unlucky.request('/auth/sessions', {
        method: 'DELETE',
        headers: { cookie: here.cookie },
      });
      expect(endedSchema.parse(answer.json())).toEqual({ ended: many + 2 });
      await waitUntil(
        () => unlucky.log.join('\n').includes('provider_logout_failed'),
        'the attempt to have failed',
      );
    } finally {
      await unlucky.stop();
      await away.stop();
    }
    expect(await pending(here)).toBe(1);
    kratos.requests.length = 0;
    await replica.app.get(ProviderLogouts, { strict: false }).finish();
    expect(await pending(here)).toBe(0);
    expect(kratos.requests.filter((request) => request.includes('/left-'))).toHaveLength(many);
  });

  async function pending({ claims }: HeldSession): Promise<number> {
    const rows = await query()
      .selectFrom('provider_logouts')
      .select('user_id')
      .where('user_id', '=', claims.sub)
      .execute();
    return rows.length;
  }
});
