import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { ApiKeyRepository } from '../../src/api-keys/api-key.repository.js';
import { ApiKeysService } from '../../src/api-keys/api-keys.service.js';
import { AuditService } from '../../src/directory/audit/audit.service.js';
import { examine } from '../../src/doctor/doctor.service.js';
import { newId } from '../../src/platform/core/identifier.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { administratorAt } from '../support/administrator.js';
import { exchange, makeKey, plantConnection, plantOrg, send, textOf } from '../support/api.caller.js';
import { databaseKinds } from '../support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../support/fresh.database.js';
import { type Gateway, type HeldSession, newSecret, startGateway } from '../support/gateway.js';
import { RowRace } from '../support/row.race.js';
import { waitUntil } from '../support/stack.js';

const path = '/api/v1/api-keys';
const day = 86_400_000;
const inDays = (days: number): string => new Date(Date.now() + days * day).toISOString();

describe.each(databaseKinds)('API keys on %s', (kind) => {
  let database: FreshDatabase;
  let gateway: Gateway;
  let env: Record<string, string>;
  let person: HeldSession;
  let cookie: Record<string, string>;

  beforeAll(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    env = { DATABASE_URL: database.url, SECRETS: newSecret() };
    gateway = await startGateway(env);
    person = await gateway.session();
    cookie = { cookie: person.cookie };
  });

  afterAll(async () => {
    await gateway?.stop();
    await database?.drop();
  });

  it.each([
    ['when that one is revoked', 'DELETE'],
    ['when the owner of its maker’s address is proven', 'proof'],
  ] as const)(
    'of a person go with the key that made them %s, and so does what they made',
    async (_case, by) => {
      const maker = await gateway.session();
      const orgId = await plantOrg(gateway, `trees-${by.toLowerCase()}`, { owner: maker });
      const orgKeys = `/api/v1/orgs/${orgId}/api-keys`;
      const { query } = gateway.app.get(Database, { strict: false });
      const body = { scope: 'api' };
      const root = await makeKey(gateway, { cookie: maker.cookie }, body);
      const key = await makeKey(gateway, { 'x-api-key': root.key }, body);
      const exchanged = await exchange(gateway, {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: key.key,
        subject_token_type: 'urn:vestibule:params:oauth:token-type:api_key',
        scope: 'api',
      });
      const made = [
        key,
        await makeKey(gateway, { 'x-api-key': key.key }, body),
        await makeKey(gateway, { authorization: `Bearer ${textOf(exchanged, 'access_token')}` }, body),
      ];
      const ofOrg = await makeKey(gateway, { 'x-api-key': key.key }, { ...body, role: 'admin' }, orgKeys);
      made.push(
        ofOrg,
        await makeKey(gateway, { 'x-api-key': ofOrg.key }, { ...body, role: 'admin' }, orgKeys),
      );
      const others = [
        root,
        await makeKey(gateway, { 'x-api-key': root.key }, body),
        await makeKey(gateway, { cookie: maker.cookie }, body, orgKeys),
      ];
      const statuses = async (keys: readonly { key: string }[]): Promise<number[]> =>
        Promise.all(
          keys.map(
            async ({ key }) =>
              (await gateway.request('/api/v1/me', { headers: { 'x-api-key': key } })).status,
          ),
        );
      expect([...(await statuses(made)), ...(await statuses(others))]).toEqual(Array(8).fill(200));
      if (by === 'DELETE') {
        await send(gateway, 'DELETE', `${path}/${key.id}`, { cookie: maker.cookie });
      } else {
        const client = { requestId: newId(), remoteAddress: '127.0.0.1', userAgent: null };
        const service = gateway.app.get(ApiKeysService, { strict: false });
        await service.revokeMadeBy(maker.user.id, Number.MAX_SAFE_INTEGER, client);
        made.push(...others.splice(0));
      }
      expect(await statuses(others)).toEqual(others.map(() => 200));
      expect(await statuses(made)).toEqual(made.map(() => 401));
      const ended = made.map(({ id }) => id).toSorted();
      const rows = await query
        .selectFrom('revocations')
        .select(['id', 'kind'])
        .where('id', 'in', [...ended, ...others.map(({ id }) => id)])
        .orderBy('id')
        .execute();
      expect(rows).toEqual(ended.map((id) => ({ id, kind: 'api_key' })));
      const accounts = await query
        .selectFrom('users')
        .innerJoin('api_keys', 'api_keys.user_id', 'users.id')
        .leftJoin('memberships', 'memberships.user_id', 'users.id')
        .select(['users.disabled_at', 'memberships.role'])
        .where('users.kind', '=', 'service')
        .where('api_keys.id', 'in', ended)
        .execute();
      expect(accounts.length).toBeGreaterThan(1);
      expect(accounts).toEqual(accounts.map(() => ({ disabled_at: expect.any(Number), role: null })));
      await gateway.app.get(AuditService, { strict: false }).flush();
      const events = await query
        .selectFrom('audit_events')
        .select(['target_id'])
        .where('type', '=', 'api_key_revoked')
        .where('target_id', 'in', ended)
        .orderBy('target_id')
        .execute();
      expect(events).toEqual(ended.map((id) => ({ target_id: id })));
    },
  );

  it('are shown once, listed without the secret, and gone when revoked', async () => {
    const { cookie: own } = await gateway.session();
    const body = { name: '  Nightly export ', scope: 'orgs:read app:x orgs:read', expiresAt: inDays(30) };
    const made = await send(gateway, 'POST', path, { cookie: own }, body);
    expect(made.status).toBe(201);
    const id = textOf(made, 'id');
    const key = textOf(made, 'key');
    expect(made.json()).toEqual({
      id,
      key: expect.stringMatching(/^vst_[\w-]{84}$/),
      name: 'Nightly export',
      prefix: `vst_${id.replaceAll('-', '')}`,
      scope: 'orgs:read app:x',
      createdAt: expect.any(String),
      expiresAt: body.expiresAt,
    });
    expect(made.headers['location']).toBe(`${path}/${id}`);
    expect(made.headers['cache-control']).toBe('no-store');
    const listed = await gateway.request(path, { headers: { cookie: own } });
    expect(listed.json()).toMatchObject({ items: [{ id, lastUsedAt: null }], nextCursor: null });
    expect(listed.text).not.toContain(key.slice(40));
    const stored = await gateway.app
      .get(Database, { strict: false })
      .query.selectFrom('api_keys')
      .selectAll()
      .where('id', '=', id)
      .execute();
    expect(JSON.stringify(stored)).not.toContain(key.slice(37, 80));
    expect(gateway.log.join('\n')).not.toContain(key.slice(37, 80));
    expect((await send(gateway, 'DELETE', `${path}/${id}`, { cookie: own })).status).toBe(204);
    expect((await send(gateway, 'DELETE', `${path}/${id}`, { cookie: own })).status).toBe(404);
    expect(textOf(await gateway.request(path, { headers: { cookie: own } }), 'items')).toBe('');
  });

  it('of somebody else are not found', async () => {
    const { id } = await makeKey(gateway, cookie);
    const { cookie: other } = await gateway.session();
    for (const wrong of [id, id.toUpperCase(), newId(), 'x', '%00', '__proto__', '..%2f..']) {
      const answer = await send(gateway, 'DELETE', `${path}/${wrong}`, { cookie: other });
      expect({ wrong, status: answer.status }).toEqual({ wrong, status: 404 });
    }
    expect((await send(gateway, 'DELETE', `${path}/${id}`, cookie)).status).toBe(204);
  });

  /** What is judged before a database is asked: on one of them. */
  const wrongFields: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['no name', { name: undefined }],
    ['an empty name', { name: '   ' }],
    ['a long name', { name: 'x'.repeat(201) }],
    ['a control character', { name: 'a\u0000b' }],
    ['a name that nobody sees', { name: '\u3164\u2800' }],
    ['a name that is none', { name: { x: 1 } }],
    ['no scope', { scope: '' }],
    ['an empty list', { scope: [] }],
    ['a mistyped scope', { scope: 'orgs:raed' }],
    ['an upper-case scope', { scope: 'Orgs:Read' }],
    ['a quote in a scope', { scope: ['a"b'] }],
    ['a blank in a scope of a list', { scope: ['api profile:read'] }],
    ['a scope of a prototype', { scope: '__proto__' }],
    ['21 scopes', { scope: Array.from({ length: 21 }, (_, index) => `app:${index}`) }],
    ['a past end', { expiresAt: inDays(-1) }],
    ['an end in two years', { expiresAt: inDays(730) }],
    ['an end that is no moment', { expiresAt: 'tomorrow' }],
    ['a number for an end', { expiresAt: 17 }],
    ['an unknown field', { role: 'admin' }],
  ];
  it.each(kind === 'sqlite' ? wrongFields : [])('%s is a 400 and makes none', async (_case, change) => {
    const before = (await gateway.request(path, { headers: cookie })).text;
    const answer = await send(gateway, 'POST', path, cookie, {
      name: 'Key',
      scope: 'profile:read',
      ...change,
    });
    expect({ status: answer.status, code: textOf(answer, 'code') }).toEqual({
      status: 400,
      code: 'validation_failed',
    });
    expect((await gateway.request(path, { headers: cookie })).text).toBe(before);
  });

  it.each(kind === 'sqlite' ? [[], 'x', 17, null, [[]]] : [])('%j for a body is a 400', async (body) => {
    expect((await send(gateway, 'POST', path, cookie, body)).status).toBe(400);
  });

  it('a key makes only keys within its scope, which end when it does', async () => {
    const expiresAt = inDays(10);
    const { key } = await makeKey(gateway, cookie, { scope: 'keys:write orgs:read app:x', expiresAt });
    const as = { 'x-api-key': key };
    for (const scope of ['api', 'orgs:write', 'keys:read', 'orgs:read app:y']) {
      const answer = await send(gateway, 'POST', path, as, { name: 'Key', scope });
      expect([answer.status, textOf(answer, 'code')]).toEqual([403, 'insufficient_scope']);
      expect(answer.headers['www-authenticate']).toContain('error="insufficient_scope"');
    }
    const longer = { name: 'Key', scope: 'app:x', expiresAt: inDays(11) };
    expect((await send(gateway, 'POST', path, as, longer)).status).toBe(400);
    const child = await send(gateway, 'POST', path, as, { name: 'Key', scope: 'app:x keys:write' });
    expect([child.status, textOf(child, 'expiresAt')]).toEqual([201, expiresAt]);
    expect((await gateway.request(path, { headers: as })).status).toBe(403);
  });

  it('there are 50 live ones at most, also when many are asked for at once', async () => {
    const { cookie: own } = await gateway.session();
    const answers = await Promise.all(
      Array.from({ length: 60 }, () =>
        send(gateway, 'POST', path, { cookie: own }, { name: 'Key', scope: 'app:x' }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(50);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(10);
    const listed = await gateway.request(`${path}?limit=30`, { headers: { cookie: own } });
    const cursor = textOf(listed, 'nextCursor');
    const rest = await gateway.request(`${path}?limit=30&cursor=${cursor}`, { headers: { cookie: own } });
    expect(rest.json()).toMatchObject({ items: { length: 20 }, nextCursor: null });
    await send(gateway, 'DELETE', `${path}/${textOf(listed, 'items', '0', 'id')}`, { cookie: own });
    expect((await send(gateway, 'POST', path, { cookie: own }, { name: 'Key', scope: 'app:x' })).status).toBe(
      201,
    );
  });

  it('a revocation that cannot be recorded is not done, and can be asked for again', async () => {
    const { id, key } = await makeKey(gateway, cookie);
    const { query } = gateway.app.get(Database, { strict: false });
    await query.schema.alterTable('revocations').renameTo('away').execute();
    const failed = await send(gateway, 'DELETE', `${path}/${id}`, cookie);
    await query.schema.alterTable('away').renameTo('revocations').execute();
    expect(failed.status).toBe(500);
    expect((await gateway.request('/api/v1/me', { headers: { 'x-api-key': key } })).status).toBe(200);
    expect((await send(gateway, 'DELETE', `${path}/${id}`, cookie)).status).toBe(204);
    const recorded = await query.selectFrom('revocations').select('kind').where('id', '=', id).execute();
    expect(recorded).toEqual([{ kind: 'api_key' }]);
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'cursor=x', 'cursor=IjEi', 'cursor=e30'])(
    'a list with %s is a 400',
    async (query) => {
      expect((await gateway.request(`${path}?${query}`, { headers: cookie })).status).toBe(400);
    },
  );

  it('when one was used is written down, and a later use is never set back', async () => {
    const { id, key } = await makeKey(gateway, cookie);
    expect((await gateway.request('/api/v1/me', { headers: { 'x-api-key': key } })).status).toBe(200);
    const { query } = gateway.app.get(Database, { strict: false });
    const keys = gateway.app.get(ApiKeyRepository, { strict: false });
    // Later than the use above, which is written down at any moment and mustn't set it back either.
    const later = Date.now() + day;
    await keys.markUsed(new Map([[id, later]]));
    await keys.markUsed(new Map([[id, later - 1000]]));
    const row = await query.selectFrom('api_keys').select('last_used_at').where('id', '=', id).execute();
    expect(row).toEqual([{ last_used_at: later }]);
  });

  it('what is not yet written down of its use is on a clean stop', async () => {
    const replica = await startGateway(env);
    const { cookie: own } = await replica.session();
    const { id, key } = await makeKey(replica, { cookie: own });
    await replica.request('/api/v1/me', { headers: { 'x-api-key': key } });
    await replica.stop();
    const { query } = gateway.app.get(Database, { strict: false });
    const row = await query
      .selectFrom('api_keys')
      .select('last_used_at')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    expect(row.last_used_at).toBeGreaterThan(Date.now() - 60_000);
  });

  it('of users of an organisation’s connection, from before keys recorded it, are listed by the doctor', async () => {
    const member = await gateway.session({ issuer: `urn:vestibule:connection:${newId()}` });
    const [old, fresh] = [
      await makeKey(gateway, { cookie: member.cookie }, { name: 'Old' }),
      await makeKey(gateway, { cookie: member.cookie }, { name: 'Fresh' }),
    ];
    const { query } = gateway.app.get(Database, { strict: false });
    await makeKey(gateway, cookie, { name: 'Of an account of this site' });
    const listed = async (): Promise<readonly string[]> =>
      (await examine(gateway.configuration, { only: 'API keys', limit: 15_000 })).map(
        ({ code, detail }) => `${code}: ${detail}`,
      );
    // The first is as from before there was the column; the second says that its connection is gone.
    await query
      .updateTable('api_keys')
      .set({ created_at: 1, vouched_org_id: null })
      .where('id', '=', old.id)
      .execute();
    await query.updateTable('api_keys').set({ created_at: 1 }).where('id', '=', fresh.id).execute();
    expect(await listed()).toEqual([`api_key_unbound: ${old.id}`]);
    await query.updateTable('api_keys').set({ revoked_at: 2 }).where('id', '=', old.id).execute();
    expect(await listed()).toEqual([]);
  });

  describe('of organisations', () => {
    let owner: HeldSession;
    let admin: HeldSession;
    let member: HeldSession;
    let orgId: string;
    let keys: string;

    beforeAll(async () => {
      [owner, admin, member] = [await gateway.session(), await gateway.session(), await gateway.session()];
      orgId = await plantOrg(gateway, `org-${kind}`, { owner, admin, member });
      keys = `/api/v1/orgs/${orgId}/api-keys`;
    });

    it('act as a service account of the organisation, with its role there', async () => {
      const body = { name: 'Robot', scope: 'profile:read', role: 'admin' };
      const made = await send(gateway, 'POST', keys, { cookie: admin.cookie }, body);
      expect(made.status).toBe(201);
      const session = await gateway.request('/auth/session', {
        headers: { 'x-api-key': textOf(made, 'key') },
      });
      expect(session.json()).toMatchObject({
        user: { email: null, emailVerified: false, name: 'Robot' },
        claims: { org: { id: orgId, slug: `org-${kind}`, role: 'admin' }, scope: 'profile:read' },
      });
      expect((await gateway.request(keys, { headers: { cookie: owner.cookie } })).json()).toMatchObject({
        items: [{ id: textOf(made, 'id'), role: 'admin', userId: textOf(session, 'user', 'id') }],
      });
      const own = await gateway.request(path, { headers: { cookie: admin.cookie } });
      expect(textOf(own, 'items')).toBe('');
    });

    it('have no reserved name, unless an administrator gives it: it is the `name` of their service account', async () => {
      for (const name of ['Administrator', 'ΗELPDESK', 'Vestibule']) {
        const body = { name, scope: 'profile:read' };
        const refused = await send(gateway, 'POST', keys, { cookie: owner.cookie }, body);
        expect([name, refused.status, refused.json()]).toEqual([
          name,
          400,
          expect.objectContaining({
            code: 'validation_failed',
            errors: [
              { field: 'name', message: 'is reserved: only administrators of the deployment may give it' },
            ],
          }),
        ]);
      }
      const chief = await administratorAt(gateway);
      const given = await send(
        gateway,
        'POST',
        keys,
        { cookie: chief.cookie },
        { name: 'Support', scope: 'profile:read' },
      );
      expect(given.status).toBe(201);
    });

    it('are for owners and admins; members may not, others see no such organisation', async () => {
      const { id } = await makeKey(gateway, { cookie: owner.cookie }, {}, keys);
      const stranger = await gateway.session();
      for (const [cookie, status] of [
        [member.cookie, 403],
        [stranger.cookie, 404],
      ] as const) {
        const as = { cookie };
        const body = { name: 'Key', scope: 'profile:read' };
        expect((await send(gateway, 'POST', keys, as, body)).status).toBe(status);
        expect((await gateway.request(keys, { headers: as })).status).toBe(status);
        expect((await send(gateway, 'DELETE', `${keys}/${id}`, as)).status).toBe(status);
      }
      for (const wrong of [newId(), 'x', '__proto__']) {
        const list = await gateway.request(`/api/v1/orgs/${wrong}/api-keys`, {
          headers: { cookie: owner.cookie },
        });
        expect(list.status).toBe(404);
      }
      expect((await send(gateway, 'DELETE', `${keys}/${id}`, { cookie: admin.cookie })).status).toBe(204);
    });

    it('never make more of their maker: no role above theirs, no scope beyond it, no owner', async () => {
      const robot = await makeKey(
        gateway,
        { cookie: owner.cookie },
        { scope: 'keys:write keys:read', role: 'admin' },
        keys,
      );
      const as = { 'x-api-key': robot.key };
      for (const [body, status] of [
        [{ role: 'owner' }, 400],
        [{ scope: 'api' }, 403],
        [{ role: 'admin' }, 201],
      ] as const) {
        const answer = await send(gateway, 'POST', keys, as, { name: 'Key', scope: 'keys:read', ...body });
        expect(answer.status).toBe(status);
      }
      const plain = await makeKey(gateway, { cookie: owner.cookie }, { scope: 'keys:write' }, keys);
      const refused = await send(
        gateway,
        'POST',
        keys,
        { 'x-api-key': plain.key },
        { name: 'Key', scope: 'keys:write' },
      );
      expect(refused.status).toBe(403);
      // A key that the organisation neither sees nor ends.
      const hidden = await send(gateway, 'POST', path, as, { name: 'Key', scope: 'keys:read' });
      expect(hidden.status).toBe(403);
    });

    describe('have no more than their maker', () => {
      const body = { scope: 'keys:write profile:read', role: 'admin' };
      let maker: HeldSession;
      let chief: HeldSession;

      /** What the key acts as now. */
      const roleOf = async ({ key }: { readonly key: string }): Promise<string> =>
        textOf(
          await gateway.request('/auth/session', { headers: { 'x-api-key': key } }),
          'claims',
          'org',
          'role',
        );

      beforeEach(async () => {
        [maker, chief] = [await gateway.session(), await administratorAt(gateway)];
        const { query } = gateway.app.get(Database, { strict: false });
        const membership = { org_id: orgId, user_id: maker.user.id, role: 'admin', state: 'active' } as const;
        await query
          .insertInto('memberships')
          .values({ ...membership, created_at: Date.now() })
          .execute();
      });

      it.each([
        ['is made a member', 'PATCH', () => `/api/v1/orgs/${orgId}/members/${maker.user.id}`],
        ['is removed', 'DELETE', () => `/api/v1/orgs/${orgId}/members/${maker.user.id}`],
        ['is disabled', 'POST', () => `/api/v1/users/${maker.user.id}/disable`],
        ['is deleted', 'DELETE', () => `/api/v1/users/${maker.user.id}`],
      ] as const)('once that one %s', async (_case, method, target) => {
        const key = await makeKey(gateway, { cookie: maker.cookie }, body, keys);
        const byKey = await makeKey(gateway, { 'x-api-key': key.key }, body, keys);
        const others = await makeKey(gateway, { cookie: admin.cookie }, body, keys);
        expect([await roleOf(key), await roleOf(byKey)]).toEqual(['admin', 'admin']);
        const change = method === 'PATCH' ? { role: 'member' } : undefined;
        const done = await send(gateway, method, target(), { cookie: chief.cookie }, change);
        expect([200, 204]).toContain(done.status);
        expect([await roleOf(key), await roleOf(byKey), await roleOf(others)]).toEqual([
          'member',
          'member',
          'admin',
        ]);
        const refused = await send(
          gateway,
          'POST',
          keys,
          { 'x-api-key': key.key },
          { name: 'Key', scope: 'keys:write' },
        );
        expect(refused.status).toBe(403);
        await gateway.app.get(AuditService, { strict: false }).flush();
        const events = await gateway.app
          .get(Database, { strict: false })
          .query.selectFrom('audit_events')
          .innerJoin('api_keys', 'api_keys.user_id', 'audit_events.user_id')
          .select(['api_keys.id', 'audit_events.reason', 'audit_events.actor_id'])
          .where('audit_events.type', '=', 'member_role_changed')
          .where('api_keys.id', 'in', [key.id, byKey.id])
          .orderBy('api_keys.id')
          .execute();
        const event = { reason: 'admin_to_member', actor_id: chief.user.id };
        expect(events).toEqual([
          { id: key.id, ...event },
          { id: byKey.id, ...event },
        ]);
      });

      it('once an administrator, who isn’t a member, is none any more', async () => {
        const former = await administratorAt(gateway);
        const key = await makeKey(gateway, { cookie: former.cookie }, body, keys);
        expect(await roleOf(key)).toBe('admin');
        const path = `/api/v1/users/${former.user.id}`;
        expect((await send(gateway, 'PATCH', path, { cookie: chief.cookie }, { name: 'Ada' })).status).toBe(
          200,
        );
        expect(await roleOf(key)).toBe('admin');
        expect((await send(gateway, 'PATCH', path, { cookie: chief.cookie }, { role: 'user' })).status).toBe(
          200,
        );
        expect(await roleOf(key)).toBe('member');
      });

      it('and keep it while that one could still give it', async () => {
        const key = await makeKey(gateway, { cookie: maker.cookie }, body, keys);
        const path = `/api/v1/orgs/${orgId}/members/${maker.user.id}`;
        for (const role of ['owner', 'admin']) {
          expect((await send(gateway, 'PATCH', path, { cookie: owner.cookie }, { role })).status).toBe(200);
          expect(await roleOf(key)).toBe('admin');
        }
      });
    });

    describe('that a person’s key made', () => {
      const body = { scope: 'api' };
      let maker: HeldSession;
      let elsewhere: string;
      let root: { id: string; key: string };
      let key: { id: string; key: string };
      let made: { id: string; key: string };

      const database = () => gateway.app.get(Database, { strict: false }).query;
      const revoke = (as: Record<string, string>) => send(gateway, 'DELETE', `${path}/${key.id}`, as);
      const statuses = async (): Promise<number[]> =>
        Promise.all(
          [key, made].map(
            async (each) =>
              (await gateway.request('/api/v1/me', { headers: { 'x-api-key': each.key } })).status,
          ),
        );
      const beInOrg = async (state: 'active' | 'removed'): Promise<void> => {
        await database()
          .updateTable('memberships')
          .set({ state })
          .where('user_id', '=', maker.user.id)
          .where('org_id', '=', orgId)
          .execute();
      };

      beforeEach(async () => {
        maker = await gateway.session();
        const joined = Date.now() + day;
        const membership = { org_id: orgId, user_id: maker.user.id, state: 'active' } as const;
        await database()
          .insertInto('memberships')
          .values({ ...membership, role: 'owner', created_at: joined })
          .execute();
        elsewhere = await plantOrg(gateway, newId(), { member: maker });
        root = await makeKey(gateway, { cookie: maker.cookie }, body);
        key = await makeKey(gateway, { 'x-api-key': root.key }, body);
        made = await makeKey(gateway, { 'x-api-key': key.key }, body, keys);
      });

      /** A token of the person's session for one organisation. */
      async function tokenIn(org: string, scope: string): Promise<Record<string, string>> {
        const answer = await exchange(
          gateway,
          {
            grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
            subject_token_type: 'urn:vestibule:params:oauth:token-type:session',
            scope,
            org,
          },
          { cookie: maker.cookie },
        );
        return { authorization: `Bearer ${textOf(answer, 'access_token')}` };
      }

      const credentials: readonly (readonly [string, () => Promise<Record<string, string>>])[] = [
        [
          'a login that another organisation’s connection vouched for',
          async () => {
            const identity = { issuer: await plantConnection(gateway, elsewhere), subject: newId() };
            const row = { ...identity, user_id: maker.user.id, created_at: 1, last_login_at: 1 };
            await database().insertInto('identities').values(row).execute();
            const { user } = maker;
            // It begins in the only organisation that they have then.
            await beInOrg('removed');
            const held = await gateway.session({ ...identity, email: user.email, name: user.name });
            await beInOrg('active');
            expect(held.user.id).toBe(user.id);
            return { cookie: held.cookie };
          },
        ],
        ['a token for another organisation', async () => tokenIn(elsewhere, 'keys:write')],
        [
          'a key that is bound to another organisation',
          async () => {
            const bearer = await tokenIn(elsewhere, 'api');
            return { 'x-api-key': (await makeKey(gateway, bearer, body)).key };
          },
        ],
        [
          'a key with less scope',
          async () => ({
            'x-api-key': (await makeKey(gateway, { cookie: maker.cookie }, { scope: 'keys:write' })).key,
          }),
        ],
        [
          'a key of a former owner',
          async () => {
            await beInOrg('removed');
            return { 'x-api-key': root.key };
          },
        ],
      ];
      it.each(credentials)('isn’t ended by %s, and neither is that one', async (_case, credential) => {
        const refused = await revoke(await credential());
        expect([refused.status, textOf(refused, 'code')]).toEqual([403, 'forbidden']);
        expect(await statuses()).toEqual([200, 200]);
      });

      it.each([
        [
          'the person, who is an owner no more',
          async () => beInOrg('removed').then(() => ({ cookie: maker.cookie })),
        ],
        ['a key of an owner', async () => ({ 'x-api-key': root.key })],
        ['a token for the organisation', async () => tokenIn(orgId, 'keys:write')],
      ] as const)('is ended together with it by %s', async (_case, credential) => {
        expect((await revoke(await credential())).status).toBe(204);
        expect(await statuses()).toEqual([401, 401]);
      });
    });

    it("a person's own key can't be revoked through an organisation, nor the other way round", async () => {
      const own = await makeKey(gateway, { cookie: owner.cookie });
      const orgs = await makeKey(gateway, { cookie: owner.cookie }, {}, keys);
      const as = { cookie: owner.cookie };
      expect((await send(gateway, 'DELETE', `${keys}/${own.id}`, as)).status).toBe(404);
      expect((await send(gateway, 'DELETE', `${path}/${orgs.id}`, as)).status).toBe(404);
    });

    it('are dead at once when revoked, and their service account with them', async () => {
      const robot = await makeKey(gateway, { cookie: owner.cookie }, {}, keys);
      const status = async (): Promise<number> =>
        (await gateway.request('/api/v1/me', { headers: { 'x-api-key': robot.key } })).status;
      expect(await status()).toBe(200);
      await send(gateway, 'DELETE', `${keys}/${robot.id}`, { cookie: owner.cookie });
      expect(await status()).toBe(401);
      const { query } = gateway.app.get(Database, { strict: false });
      const account = await query
        .selectFrom('users')
        .innerJoin('api_keys', 'api_keys.user_id', 'users.id')
        .leftJoin('memberships', 'memberships.user_id', 'users.id')
        .select(['users.kind', 'users.disabled_at', 'memberships.role'])
        .where('api_keys.id', '=', robot.id)
        .executeTakeFirstOrThrow();
      expect(account).toEqual({ kind: 'service', disabled_at: expect.any(Number), role: null });
    });

    it.each([
      ['when that one is revoked', 'DELETE'],
      ['when the owner of its maker’s address is proven', 'proof'],
    ] as const)('go with the key that made them %s, and so does what they made', async (_case, by) => {
      const maker = await gateway.session();
      const { query } = gateway.app.get(Database, { strict: false });
      await query
        .insertInto('memberships')
        .values({ org_id: orgId, user_id: maker.user.id, role: 'admin', state: 'active', created_at: 1 })
        .execute();
      const body = { scope: 'keys:write profile:read', role: 'admin' };
      const key = await makeKey(gateway, { cookie: maker.cookie }, body, keys);
      const child = await makeKey(gateway, { 'x-api-key': key.key }, body, keys);
      const grandchild = await makeKey(gateway, { 'x-api-key': child.key }, body, keys);
      const sibling = await makeKey(gateway, { cookie: admin.cookie }, body, keys);
      const statuses = async (): Promise<number[]> =>
        Promise.all(
          [key, child, grandchild, sibling].map(
            async (made) =>
              (await gateway.request('/api/v1/me', { headers: { 'x-api-key': made.key } })).status,
          ),
        );
      expect(await statuses()).toEqual([200, 200, 200, 200]);
      if (by === 'DELETE') {
        await send(gateway, 'DELETE', `${keys}/${key.id}`, { cookie: owner.cookie });
      } else {
        const client = { requestId: newId(), remoteAddress: '127.0.0.1', userAgent: null };
        const service = gateway.app.get(ApiKeysService, { strict: false });
        await service.revokeMadeBy(maker.user.id, Number.MAX_SAFE_INTEGER, client);
      }
      expect(await statuses()).toEqual([401, 401, 401, 200]);
      const ended = [key.id, child.id, grandchild.id];
      const accounts = await query
        .selectFrom('api_keys')
        .innerJoin('users', 'users.id', 'api_keys.user_id')
        .innerJoin('revocations', 'revocations.id', 'api_keys.id')
        .leftJoin('memberships', 'memberships.user_id', 'users.id')
        .select(['api_keys.id', 'users.disabled_at', 'memberships.role', 'revocations.kind'])
        .where('api_keys.id', 'in', ended)
        .orderBy('api_keys.id')
        .execute();
      expect(accounts).toEqual(
        ended.map((id) => ({ id, disabled_at: expect.any(Number), role: null, kind: 'api_key' })),
      );
      await gateway.app.get(AuditService, { strict: false }).flush();
      const events = await query
        .selectFrom('audit_events')
        .select(['target_id', 'actor_id', 'reason'])
        .where('type', '=', 'api_key_revoked')
        .where('target_id', 'in', ended)
        .orderBy('target_id')
        .execute();
      const event = by === 'DELETE' ? { actor_id: owner.user.id, reason: null } : { reason: 'owner_proven' };
      expect(events).toEqual(ended.map((id) => expect.objectContaining({ target_id: id, ...event })));
    });

    it('go with their organisation, and so does the service account', async () => {
      const founder = await gateway.session();
      const created = await send(
        gateway,
        'POST',
        '/api/v1/orgs',
        { cookie: founder.cookie },
        { name: 'Brief' },
      );
      const gone = `/api/v1/orgs/${textOf(created, 'id')}`;
      const robot = await makeKey(gateway, { cookie: founder.cookie }, {}, `${gone}/api-keys`);
      const me = { headers: { 'x-api-key': robot.key } };
      const userId = textOf(await gateway.request('/auth/session', me), 'user', 'id');
      expect((await send(gateway, 'DELETE', gone, { cookie: founder.cookie })).status).toBe(204);
      expect((await gateway.request('/api/v1/me', me)).status).toBe(401);
      const { query } = gateway.app.get(Database, { strict: false });
      const left = await query.selectFrom('users').select('id').where('id', '=', userId).execute();
      expect(left).toEqual([]);
    });
  });
});

describe('API keys on postgres', () => {
  let database: FreshDatabase;
  let gateway: Gateway;

  beforeAll(async () => {
    database = await freshDatabase('postgres', inject('postgresUrl'));
    gateway = await startGateway({ DATABASE_URL: database.url, SECRETS: newSecret() });
  });

  afterAll(async () => {
    await gateway?.stop();
    await database?.drop();
  });

  it('a key that is revoked while it makes another one makes none', async () => {
    const maker = await gateway.session();
    const cookie = { cookie: maker.cookie };
    const { id, key } = await makeKey(gateway, cookie, { scope: 'keys:write app:x' });
    const outside = database.connect();
    let asked: Promise<{ status: number } | undefined> = Promise.resolve(undefined);
    await outside.query.transaction().execute(async (transaction) => {
      const row = transaction.selectFrom('users').select('id').where('id', '=', maker.user.id);
      await row.forUpdate().execute();
      asked = send(gateway, 'POST', path, { 'x-api-key': key }, { name: 'Child', scope: 'app:x' });
      await waitUntil(async () => {
        const { rows } = await sql`select 1 from pg_stat_activity
          where wait_event_type = 'Lock' and datname = current_database()`.execute(transaction);
        return rows.length > 0;
      }, 'the key to wait for the row');
      expect((await send(gateway, 'DELETE', `${path}/${id}`, cookie)).status).toBe(204);
    });
    expect((await asked)?.status).toBe(401);
    expect((await gateway.request(path, { headers: cookie })).json()).toMatchObject({ items: [] });
  });

  it.each(['a person', 'an organisation'])(
    'a key that another replica revokes while it makes one of %s makes none',
    async (whose) => {
      const maker = await gateway.session();
      const orgId = await plantOrg(gateway, newId(), { owner: maker });
      const { id, key } = await makeKey(gateway, { cookie: maker.cookie }, { scope: 'api' });
      const place = whose === 'a person' ? path : `/api/v1/orgs/${orgId}/api-keys`;
      const race = await RowRace.at(database.url);
      try {
        const asked = await race.during('update api_keys set revoked_at = 1 where id = $1', [id], async () =>
          send(gateway, 'POST', place, { 'x-api-key': key }, { name: 'Child', scope: 'app:x' }),
        );
        expect(asked.status).toBe(401);
      } finally {
        await race.stop();
      }
      const { query } = gateway.app.get(Database, { strict: false });
      const rows = await query
        .selectFrom('api_keys')
        .select('id')
        .where('created_by', '=', maker.user.id)
        .execute();
      expect(rows).toEqual([{ id }]);
    },
  );

  it('the revocation of a key locks the organisations of what it made in the order of their ids', async () => {
    const maker = await gateway.session();
    const orgIds = [
      await plantOrg(gateway, newId(), { owner: maker }),
      await plantOrg(gateway, newId(), { owner: maker }),
    ].toSorted();
    const { id, key } = await makeKey(gateway, { cookie: maker.cookie }, { scope: 'api' });
    for (const orgId of orgIds.toReversed()) {
      await makeKey(gateway, { 'x-api-key': key }, {}, `/api/v1/orgs/${orgId}/api-keys`);
    }
    let revoked: Promise<{ status: number } | undefined> = Promise.resolve(undefined);
    await database
      .connect()
      .query.transaction()
      .execute(async (transaction) => {
        const [first, second] = orgIds.map((orgId) =>
          transaction.selectFrom('orgs').select('id').where('id', '=', orgId).forUpdate(),
        );
        await first?.execute();
        revoked = send(gateway, 'DELETE', `${path}/${id}`, { cookie: maker.cookie });
        await waitUntil(async () => {
          const { rows } = await sql`select 1 from pg_stat_activity
            where wait_event_type = 'Lock' and datname = current_database()`.execute(transaction);
          return rows.length > 0;
        }, 'the revocation to wait for the first one');
        expect(await second?.noWait().execute()).toHaveLength(1);
      });
    expect((await revoked)?.status).toBe(204);
  });

  it('the revocation of a key waits for what a key of its makes meanwhile, and ends that too', async () => {
    const cookie = { cookie: (await gateway.session()).cookie };
    const body = { scope: 'keys:write profile:read' };
    const root = await makeKey(gateway, cookie, body);
    const child = await makeKey(gateway, { 'x-api-key': root.key }, body);
    const late = await makeKey(gateway, cookie);
    let revoked: Promise<{ status: number } | undefined> = Promise.resolve(undefined);
    await database
      .connect()
      .query.transaction()
      .execute(async (transaction) => {
        // As a replica that makes a key with the child locks and writes it.
        const row = transaction.selectFrom('api_keys').select('id').where('id', '=', child.id);
        await row.forUpdate().execute();
        revoked = send(gateway, 'DELETE', `${path}/${root.id}`, cookie);
        await waitUntil(async () => {
          const { rows } = await sql`select 1 from pg_stat_activity
            where wait_event_type = 'Lock' and datname = current_database()`.execute(transaction);
          return rows.length > 0;
        }, 'the revocation to wait for the child');
        await transaction
          .updateTable('api_keys')
          .set({ made_by_key: child.id })
          .where('id', '=', late.id)
          .execute();
      });
    expect((await revoked)?.status).toBe(204);
    expect((await gateway.request(path, { headers: cookie })).json()).toMatchObject({ items: [] });
  });

  it('who makes many at once leaves connections to everybody else, also while their row is locked', async () => {
    const [maker, other] = [await gateway.session(), await gateway.session()];
    let asked: Promise<{ status: number }[]> = Promise.resolve([]);
    await database
      .connect()
      .query.transaction()
      .execute(async (transaction) => {
        const row = transaction.selectFrom('users').select('id').where('id', '=', maker.user.id);
        await row.forUpdate().execute();
        asked = Promise.all(
          Array.from({ length: 20 }, () =>
            send(gateway, 'POST', path, { cookie: maker.cookie }, { name: 'Key', scope: 'app:x' }),
          ),
        );
        for (let count = 0; count < 12; count += 1) {
          expect((await gateway.request(path, { headers: { cookie: other.cookie } })).status).toBe(200);
        }
      });
    expect((await asked).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 201));
  });
});
