import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { UserDirectory } from '../../../directory/users/user-directory.js';
import { examine } from '../../../doctor/doctor.service.js';
import { newId } from '../../../platform/core/identifier.js';
import { Database } from '../../../platform/database/database.schema.js';
import { administratorAt } from '../../../../test/support/administrator.js';
import { databaseKinds } from '../../../../test/support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../../../../test/support/fresh.database.js';
import {
  expectProblem,
  type Gateway,
  type GatewayAnswer,
  type HeldSession,
  startGateway,
} from '../../../../test/support/gateway.js';
import { openIdConnection } from '../../../../test/support/openid.connection.js';
import { type Org, OrgCaller } from '../../../../test/support/org.caller.js';
import { waitUntil } from '../../../../test/support/stack.js';

const orgSchema = z.looseObject({ id: z.uuid(), slug: z.string() });
describe.each(databaseKinds)('organisations on %s', (kind) => {
  let database: FreshDatabase;
  let gateway: Gateway;
  let orgs: OrgCaller;
  let call: OrgCaller['call'];

  beforeAll(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    gateway = await startGateway({
      DATABASE_URL: database.url,
      PROTECTED_HOSTS: 'app.example.test?org=kept-by-rule',
      CONNECTIONS: JSON.stringify([openIdConnection('https://login.example.org', { id: 'staff' })]),
    });
    orgs = new OrgCaller(gateway);
    call = orgs.call;
  });

  afterAll(async () => {
    await gateway?.stop();
    await database?.drop();
  });

  /** Somebody with an organisation of their own. */
  async function owner(name = 'Engines'): Promise<{ session: HeldSession; org: Org }> {
    const session = await gateway.session();
    return { session, org: await orgs.make(session, name) };
  }

  const member = (orgId: string, role: 'owner' | 'admin' | 'member') => orgs.member(orgId, role);
  const orgClaim = ({ cookie: own }: HeldSession, cookie = own) => orgs.claim({ cookie });

  async function trail(orgId: string): Promise<string[]> {
    const { query } = gateway.app.get(Database, { strict: false });
    const read = async (): Promise<string[]> => {
      const rows = await query
        .selectFrom('audit_events')
        .select(['type', 'actor_credential'])
        .where('org_id', '=', orgId)
        .orderBy('id')
        .execute();
      return rows.map(({ type, actor_credential }) => `${type} ${actor_credential}`);
    };
    await waitUntil(async () => (await read()).length > 0, 'the trail');
    return read();
  }

  it('are made, read, listed, renamed and deleted by their owner', async () => {
    const session = await gateway.session();
    const made = await call(session, 'POST /api/v1/orgs', { name: '  Zoe & Sons Café ' });
    expect([made.status, made.headers['etag']]).toEqual([201, '"1"']);
    const { id, slug } = orgSchema.parse(made.json());
    expect(made.headers['location']).toBe(`/api/v1/orgs/${id}`);
    expect(made.json()).toEqual({
      id,
      slug: 'zoe-sons-cafe',
      name: 'Zoe & Sons Café',
      domain: null,
      domainState: 'none',
      domainProof: null,
      domainRecord: null,
      joinPolicy: 'invite',
      secondFactor: 'none',
      role: 'owner',
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: expect.stringMatching(/Z$/),
    });
    expect(await orgClaim(session)).toEqual({ id, slug, role: 'owner' });
    const read = await call(session, `GET /api/v1/orgs/${id.toUpperCase()}`);
    expect([read.status, read.headers['etag'], read.json()]).toEqual([200, '"1"', made.json()]);
    expect((await call(session, 'GET /api/v1/orgs')).json()).toEqual({
      items: [made.json()],
      nextCursor: null,
    });

    const renamed = await call(session, `PATCH /api/v1/orgs/${id}`, { name: 'Zoe', slug: `zoe-${kind}` });
    expect([renamed.status, renamed.headers['etag']]).toEqual([200, '"2"']);
    expect(renamed.json()).toMatchObject({ name: 'Zoe', slug: `zoe-${kind}` });
    expect(await orgClaim(session)).toEqual({ id, slug: `zoe-${kind}`, role: 'owner' });

    expect((await call(session, `DELETE /api/v1/orgs/${id}`)).status).toBe(204);
    expectProblem(await call(session, `GET /api/v1/orgs/${id}`), 404, 'not_found');
    expect(await orgClaim(session)).toBeUndefined();
    await waitUntil(async () => (await trail(id)).length === 3, 'three events');
    expect(await trail(id)).toEqual(['org_created cookie', 'org_updated cookie', 'org_deleted cookie']);
  });

  it('that are changed by two at once: If-Match holds the second one back', async () => {
    const { session, org } = await owner();
    const change = (headers: Record<string, string>) =>
      call(session, `PATCH /api/v1/orgs/${org.id}`, { name: 'New' }, headers);
    const answers = await Promise.all(Array.from({ length: 5 }, () => change({ 'if-match': '"1"' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412]);
    expect((await change({ 'if-match': '"0", "2"' })).status).toBe(200);
    expect((await change({ 'if-match': '*' })).status).toBe(200);
    expect((await change({})).headers['etag']).toBe('"5"');
    for (const ifMatch of ['W/"5"', '5', '"', '']) {
      expect([400, 412]).toContain((await change({ 'if-match': ifMatch })).status);
    }
    expectProblem(
      await call(session, `DELETE /api/v1/orgs/${org.id}`, undefined, { 'if-match': '"1"' }),
      412,
      'precondition_failed',
    );
  });

  it('a slug is one organisation’s: 20 at once make one; names alike get slugs of their own', async () => {
    const sessions = await Promise.all(Array.from({ length: 20 }, () => gateway.session()));
    const answers = await Promise.all(
      sessions.map((session) => call(session, 'POST /api/v1/orgs', { name: 'Race', slug: `race-${kind}` })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(19);
    const named = await Promise.all(
      sessions.map((session) => call(session, 'POST /api/v1/orgs', { name: `Same ${kind}` })),
    );
    const slugs = named.map((answer) => orgSchema.parse(answer.json()).slug);
    expect(new Set(slugs).size).toBe(20);
    const { session, org } = await owner('Other');
    expectProblem(
      await call(session, `PATCH /api/v1/orgs/${org.id}`, { slug: `race-${kind}` }),
      409,
      'conflict',
    );
    expect((await call(session, `PATCH /api/v1/orgs/${org.id}`, { slug: org.slug })).status).toBe(200);
  });

  describe('whose names others believe', () => {
    const reserved = [
      'admin',
      'admins',
      'administrator',
      'root',
      'owner',
      'support',
      'ad-min',
      'argocd-admins',
    ];

    it.each([
      ...reserved.map((slug) => ({ name: 'Fine', slug })),
      { name: 'Admin' },
      { name: 'Аdmin' },
      { name: 'ADMINS' },
      { name: 'Root', slug: 'fine' },
      { name: 'Fine', slug: 'vestibule' },
      { name: 'Fine', slug: 'the-vestibule-team' },
      { name: 'Fine', slug: 'kept-by-rule' },
    ])('are not made of %j by a stranger, and may be by an administrator [B01]', async (body) => {
      const session = await gateway.session();
      expectProblem(await call(session, 'POST /api/v1/orgs', body), 400, 'validation_failed');
      expect((await call(session, 'GET /api/v1/orgs')).json()).toEqual({ items: [], nextCursor: null });
      const administrator = await administratorAt(gateway);
      const made = await call(administrator, 'POST /api/v1/orgs', body);
      expect(made.status).toBe(201);
      const { id } = orgSchema.parse(made.json());
      expect((await call(administrator, `DELETE /api/v1/orgs/${id}`)).status).toBe(204);
    });

    it('are those of groups in a directory of the deployment, not in one of an organisation [B01]', async () => {
      const { query } = gateway.app.get(Database, { strict: false });
      const report = async (connection: string, groups: readonly string[]): Promise<unknown> => {
        const [id, issuer] = [newId(), `urn:vestibule:connection:${connection}`];
        const row = { id, connection_id: connection, issuer, subject: id, email: null, email_verified: 0 };
        return query
          .insertInto('connection_identities')
          .values({
            ...row,
            name: null,
            groups: JSON.stringify(groups),
            state: 'active',
            checked_at: Date.now(),
            created_at: 1,
          })
          .execute();
      };
      const [ours, theirs] = [`products-${kind}`, `sales-${kind}`];
      await report('staff', ['Everyone', ours.toUpperCase()]);
      await report(newId(), [theirs]);
      const session = await gateway.session();
      const path = 'POST /api/v1/orgs';
      const refused = await call(session, path, { name: 'Fine', slug: ours });
      expectProblem(refused, 400, 'validation_failed');
      expect(refused.text).toContain('is reserved');
      for (const free of [theirs, `more-${ours}`]) {
        expect((await call(session, path, { name: 'Fine', slug: free })).status).toBe(201);
      }
      const made = await call(await administratorAt(gateway), path, { name: 'Fine', slug: ours });
      expect(made.status).toBe(201);
    });

    it('are not given to one that exists, but what it has stays [B01]', async () => {
      const { session, org } = await owner();
      const path = `PATCH /api/v1/orgs/${org.id}`;
      for (const change of [{ slug: 'admins' }, { name: 'Admin' }, { name: 'Fine', slug: 'wheel' }]) {
        expectProblem(await call(session, path, change), 400, 'validation_failed');
      }
      const administrator = await administratorAt(gateway);
      const slug = `${kind}-admins`;
      expect((await call(administrator, path, { slug })).status).toBe(200);
      const kept = await call(session, path, { name: 'Other words', slug });
      expect([kept.status, kept.json()]).toEqual([200, expect.objectContaining({ slug })]);
    });

    /** The reserved names that the doctor has no administrator's word for. */
    async function unconfirmed(): Promise<string> {
      const found = await examine(gateway.configuration, { only: 'names', limit: 15_000 });
      return found.find(({ code }) => code === 'org_name_reserved')?.detail ?? '';
    }

    /** Whether programs may compare the short name of a user's only organisation. */
    async function isConfirmed({ user }: HeldSession): Promise<boolean | undefined> {
      const directory = gateway.app.get(UserDirectory, { strict: false });
      return (await directory.groupsOf(user.id, 10, undefined))[0]?.isByAdministrator;
    }

    it('are confirmed by an administrator who gives them, not by a page that is saved with one [B03]', async () => {
      const { session, org } = await owner();
      const { query } = gateway.app.get(Database, { strict: false });
      const slug = `${kind}-sysadmins`;
      // As an organisation from before reserved names.
      await query.updateTable('orgs').set({ slug }).where('id', '=', org.id).execute();
      await query.updateTable('org_slugs').set({ slug }).where('org_id', '=', org.id).execute();
      const administrator = await administratorAt(gateway);
      const save = async (changes: Readonly<Record<string, string>>): Promise<void> => {
        const answer = await gateway.request(`/orgs/${org.id}/settings`, {
          method: 'POST',
          headers: {
            cookie: administrator.cookie,
            origin: new URL(gateway.configuration.PUBLIC_URL).origin,
            accept: 'text/html',
            'content-type': 'application/x-www-form-urlencoded',
          },
          body: new URLSearchParams({
            name: 'Engines',
            slug,
            domain: '',
            joinPolicy: 'invite',
            secondFactor: 'none',
            ...changes,
          }).toString(),
        });
        expect([answer.status, answer.headers['location']]).toEqual([
          303,
          expect.stringContaining('notice=org_saved'),
        ]);
      };
      await save({ name: 'Other engines' });
      expect((await call(session, `GET /api/v1/orgs/${org.id}`)).json()).toMatchObject({
        name: 'Other engines',
        slug,
      });
      expect([await isConfirmed(session), await unconfirmed()]).toEqual([
        false,
        expect.stringContaining(slug),
      ]);
      const confirmed = await call(administrator, `PATCH /api/v1/orgs/${org.id}`, { slug });
      expect([confirmed.status, await isConfirmed(session)]).toEqual([200, true]);
      expect(await unconfirmed()).not.toContain(slug);
    });

    it('are unconfirmed when an organisation takes one back that it gave up [B03]', async () => {
      const { session, org } = await owner();
      const path = `PATCH /api/v1/orgs/${org.id}`;
      const slug = `${kind}-superusers`;
      expect((await call(await administratorAt(gateway), path, { slug })).status).toBe(200);
      expect(await isConfirmed(session)).toBe(true);
      expect((await call(session, path, { slug: org.slug })).status).toBe(200);
      expect((await call(session, path, { slug })).status).toBe(200);
      expect([await isConfirmed(session), await unconfirmed()]).toEqual([
        false,
        expect.stringContaining(slug),
      ]);
    });

    it('are confirmed for the organisation that they were given to, and for no other that has them [B03]', async () => {
      const { org } = await owner();
      const path = `PATCH /api/v1/orgs/${org.id}`;
      const slug = `${kind}-administrators`;
      const administrator = await administratorAt(gateway);
      for (const next of [slug, org.slug]) {
        expect((await call(administrator, path, { slug: next })).status).toBe(200);
      }
      // As a replica of an older version gives it, which keeps no names.
      const { session: other, org: others } = await owner();
      const { query } = gateway.app.get(Database, { strict: false });
      await query.updateTable('orgs').set({ slug }).where('id', '=', others.id).execute();
      expect([await isConfirmed(other), await unconfirmed()]).toEqual([false, expect.stringContaining(slug)]);
      await query.updateTable('orgs').set({ slug: others.slug }).where('id', '=', others.id).execute();
    });

    it('are not made by an administrator who is none any more [B01]', async () => {
      const administrator = await administratorAt(gateway);
      const { org } = await owner();
      const { query } = gateway.app.get(Database, { strict: false });
      await orgs.join(org.id, administrator, 'owner');
      await query
        .updateTable('users')
        .set({ role: 'user' })
        .where('id', '=', administrator.user.id)
        .execute();
      const body = { name: 'Fine', slug: 'sudo' };
      expectProblem(await call(administrator, 'POST /api/v1/orgs', body), 403, 'forbidden');
      const change = await call(administrator, `PATCH /api/v1/orgs/${org.id}`, { slug: 'sudo' });
      expectProblem(change, 400, 'validation_failed');
    });

    it('are not made by users whose address isn’t verified [B01]', async () => {
      for (const profile of [{ email: 'ada@example.org', emailVerified: false }, { email: null }]) {
        const session = await gateway.session(profile);
        const refused = await call(session, 'POST /api/v1/orgs', { name: 'Fine' });
        expectProblem(refused, 403, 'email_unverified');
      }
    });

    it('are nobody else’s after a rename or a deletion; their own may come back [B02]', async () => {
      const { session, org } = await owner();
      const slugOf = (name: string): string => `${name}-${org.id.slice(-12)}`;
      const path = `PATCH /api/v1/orgs/${org.id}`;
      expect((await call(session, path, { slug: slugOf('second') })).status).toBe(200);
      const { session: other, org: others } = await owner();
      const take = (slug: string) =>
        Promise.all([
          call(other, 'POST /api/v1/orgs', { name: 'Eve', slug }),
          call(other, `PATCH /api/v1/orgs/${others.id}`, { slug }),
        ]);
      const refused = async (slug: string) => {
        for (const answer of await take(slug)) {
          expectProblem(answer, 409, 'conflict');
        }
      };
      await refused(org.slug);
      expect((await call(session, path, { slug: org.slug })).status).toBe(200);
      await refused(slugOf('second'));
      expect((await call(session, `DELETE /api/v1/orgs/${org.id}`)).status).toBe(204);
      await refused(org.slug);
      await refused(slugOf('second'));
    });

    it('are nobody else’s where a replica of an older version gave them [B02]', async () => {
      const { session, org } = await owner();
      const { query } = gateway.app.get(Database, { strict: false });
      await query.deleteFrom('org_slugs').where('org_id', '=', org.id).execute();
      const next = `next-${org.id.slice(-12)}`;
      expect((await call(session, `PATCH /api/v1/orgs/${org.id}`, { slug: next })).status).toBe(200);
      const { session: other } = await owner();
      const body = { name: 'Eve', slug: org.slug };
      expectProblem(await call(other, 'POST /api/v1/orgs', body), 409, 'conflict');
    });

    it('while they are given up: a stranger who asks at the same moment never gets them [B02]', async () => {
      for (let round = 0; round < 10; round += 1) {
        const { session, org } = await owner();
        const next = `moved-${org.id.slice(-12)}`;
        const strangers = await Promise.all([gateway.session(), gateway.session()]);
        const [renamed, ...taken] = await Promise.all([
          call(session, `PATCH /api/v1/orgs/${org.id}`, { slug: next }),
          ...strangers.flatMap((stranger) => [
            call(stranger, 'POST /api/v1/orgs', { name: 'Eve', slug: org.slug }),
            call(stranger, 'POST /api/v1/orgs', { name: 'Eve', slug: org.slug }),
          ]),
        ]);
        expect(renamed?.status).toBe(200);
        expect(taken.map(({ status }) => status)).toEqual([409, 409, 409, 409]);
      }
    });

    it('change three times a year at most, unless an administrator changes them', async () => {
      const { session, org } = await owner();
      const path = `PATCH /api/v1/orgs/${org.id}`;
      const slugOf = (count: number): string => `n${count}-${org.id.slice(-12)}`;
      for (const count of [1, 2, 3]) {
        expect((await call(session, path, { slug: slugOf(count) })).status).toBe(200);
      }
      expectProblem(await call(session, path, { slug: slugOf(4) }), 409, 'quota_reached');
      expect((await call(session, path, { slug: org.slug })).status).toBe(200);
      expect((await call(await administratorAt(gateway), path, { slug: slugOf(5) })).status).toBe(200);
      const { query } = gateway.app.get(Database, { strict: false });
      await query
        .updateTable('org_slugs')
        .set({ given_at: Date.now() - 366 * 86_400_000 })
        .where('org_id', '=', org.id)
        .execute();
      expect((await call(session, path, { slug: slugOf(4) })).status).toBe(200);
    });

    it('are made by one user 20 times a year at most, also at once and if they are deleted', async () => {
      const session = await gateway.session();
      const first = await orgs.make(session);
      expect((await call(session, `DELETE /api/v1/orgs/${first.id}`)).status).toBe(204);
      const answers = await Promise.all(
        Array.from({ length: 25 }, () => call(session, 'POST /api/v1/orgs', { name: `Org ${newId()}` })),
      );
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(19);
      const refused = answers.find(({ status }) => status !== 201);
      expect(refused?.json()).toMatchObject({ code: 'quota_reached' });
    });
  });

  it.each([
    [{}],
    [{ name: '' }],
    [{ name: '   ' }],
    [{ name: 'x'.repeat(201) }],
    [{ name: 'a\nb' }],
    [{ name: 'a\u0000b' }],
    [{ name: 'a\u202Eb' }],
    [{ name: '\u3164\u2800' }],
    [{ name: '\uD800' }],
    [{ name: 42 }],
    [{ name: null }],
    [{ name: 'Fine', extra: true }],
    [{ name: 'Fine', domain: 'example.org' }],
    [{ name: 'Fine', slug: 'a' }],
    [{ name: 'Fine', slug: 'аpple' }],
    [{ name: 'Fine', slug: 'UPPER' }],
    [{ name: 'Fine', slug: 'x'.repeat(41) }],
    [{ name: 'Fine', slug: '../admin' }],
    [[]],
    ['text'],
  ])('are not made of %j', async (body) => {
    const session = await gateway.session();
    expectProblem(await call(session, 'POST /api/v1/orgs', body), 400, 'validation_failed');
    expect((await call(session, 'GET /api/v1/orgs')).json()).toEqual({ items: [], nextCursor: null });
  });

  it('lists have pages, and cursors of nobody’s making are refused', async () => {
    const session = await gateway.session();
    const ids: string[] = [];
    for (const name of ['One', 'Two', 'Three']) {
      ids.push(orgSchema.parse((await call(session, 'POST /api/v1/orgs', { name })).json()).id);
    }
    const page = z.object({ items: z.array(orgSchema), nextCursor: z.string().nullable() });
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const answer = page.parse((await call(session, `GET /api/v1/orgs?limit=2${query}`)).json());
      seen.push(...answer.items.map(({ id }) => id));
      cursor = answer.nextCursor;
    }
    expect(seen).toEqual(ids);
    for (const query of [
      'cursor=x',
      'cursor=%00',
      `cursor=${'x'.repeat(2000)}`,
      'limit=0',
      'limit=101',
      'limit=a',
      'all=1',
    ]) {
      expectProblem(await call(session, `GET /api/v1/orgs?${query}`), 400, 'validation_failed');
    }
  });

  it('all of them are listed for administrators alone', async () => {
    const { session, org } = await owner();
    expectProblem(await call(session, 'GET /api/v1/orgs?all=true'), 403, 'forbidden');
    const administrator = await administratorAt(gateway);
    const own = await orgs.make(administrator);
    const ids: (readonly [string, unknown])[] = [];
    const page = z.object({
      items: z.array(z.looseObject({ id: z.string(), role: z.string().nullable() })),
      nextCursor: z.string().nullable(),
    });
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const answer = await call(administrator, `GET /api/v1/orgs?all=true&limit=3${query}`);
      const { items, nextCursor } = page.parse(answer.json());
      ids.push(...items.map(({ id, role }) => [id, role] as const));
      cursor = nextCursor;
    }
    expect(ids).toEqual(
      expect.arrayContaining([
        [org.id, null],
        [own.id, 'owner'],
      ]),
    );
    expect(new Set(ids.map(([id]) => id)).size).toBe(ids.length);
    const patched = await call(administrator, `PATCH /api/v1/orgs/${org.id}`, { name: 'Renamed' });
    expect(patched.json()).toMatchObject({ name: 'Renamed', role: null });
    expectProblem(await call(administrator, `POST /api/v1/orgs/${org.id}/switch`), 404, 'not_found');
    const self = `/api/v1/orgs/${org.id}/members/${administrator.user.id}`;
    expectProblem(await call(administrator, `DELETE ${self}`), 404, 'not_found');
  });

  it('another organisation’s owner, and strangers, learn nothing: 404 everywhere', async () => {
    const { org, session } = await owner();
    const { session: other } = await owner();
    const stranger = await gateway.session();
    for (const somebody of [other, stranger]) {
      for (const [line, body] of [
        [`GET /api/v1/orgs/${org.id}`],
        [`PATCH /api/v1/orgs/${org.id}`, { name: 'Mine' }],
        [`DELETE /api/v1/orgs/${org.id}`],
        [`GET /api/v1/orgs/${org.id}/members`],
        [`GET /api/v1/orgs/${org.id}/members?state=requested`],
        [`PATCH /api/v1/orgs/${org.id}/members/${session.user.id}`, { role: 'member' }],
        [`DELETE /api/v1/orgs/${org.id}/members/${session.user.id}`],
        [`DELETE /api/v1/orgs/${org.id}/members/${somebody.user.id}`],
        [`POST /api/v1/orgs/${org.id}/members/${session.user.id}/approve`],
        [`POST /api/v1/orgs/${org.id}/members/${session.user.id}/reject`],
        [`POST /api/v1/orgs/${org.id}/join`],
        [`POST /api/v1/orgs/${org.id}/switch`],
      ] as const) {
        const answer = await call(somebody, line, body);
        expect([line, answer.status]).toEqual([line, 404]);
        const nowhere = await call(somebody, line.replace(org.id, newId()), body);
        expect([line, nowhere.status, withoutId(nowhere)]).toEqual([line, 404, withoutId(answer)]);
      }
    }
    expect((await call(session, `GET /api/v1/orgs/${org.id}`)).json()).toMatchObject({ name: 'Engines' });
  });

  it.each(['x', '%00', '..%2F', "'%20or%201=1--", '0'.repeat(36), `${newId()}x`, '%F0%9F%99%82'])(
    'the id %s is nobody’s: 404',
    async (id) => {
      const { session, org } = await owner();
      for (const line of [
        `GET /api/v1/orgs/${id}`,
        `DELETE /api/v1/orgs/${id}`,
        `GET /api/v1/orgs/${id}/members`,
        `POST /api/v1/orgs/${id}/join`,
        `POST /api/v1/orgs/${id}/switch`,
        `DELETE /api/v1/orgs/${org.id}/members/${id}`,
        `POST /api/v1/orgs/${org.id}/members/${id}/approve`,
      ]) {
        const { status } = await call(session, line);
        expect([line, [400, 404].includes(status)]).toEqual([line, true]);
      }
    },
  );

  it('members see, admins manage members, owners manage everybody; a change is in force at once', async () => {
    const { session, org } = await owner();
    const base = `/api/v1/orgs/${org.id}`;
    const [admin, plain] = [await member(org.id, 'admin'), await member(org.id, 'member')];
    for (const somebody of [session, admin, plain]) {
      const list = await call(somebody, `GET ${base}/members`);
      expect([list.status, z.object({ items: z.array(z.unknown()) }).parse(list.json()).items]).toEqual([
        200,
        expect.arrayContaining([
          expect.objectContaining({ role: 'owner', state: 'active' }),
          expect.objectContaining({
            user: {
              id: plain.user.id,
              name: plain.user.name,
              email: plain.user.email,
              emailVerified: true,
              picture: null,
            },
          }),
        ]),
      ]);
    }
    const setRole = (somebody: HeldSession, whom: HeldSession, role: string) =>
      call(somebody, `PATCH ${base}/members/${whom.user.id}`, { role });
    expectProblem(await call(plain, `PATCH ${base}`, { name: 'x' }), 403, 'forbidden');
    expectProblem(await call(admin, `PATCH ${base}`, { name: 'x' }), 403, 'forbidden');
    expectProblem(await call(admin, `DELETE ${base}`), 403, 'forbidden');
    expectProblem(await setRole(plain, plain, 'admin'), 403, 'forbidden');
    expectProblem(await setRole(admin, admin, 'owner'), 403, 'forbidden');
    expectProblem(await setRole(admin, session, 'member'), 403, 'forbidden');
    expectProblem(await call(admin, `DELETE ${base}/members/${session.user.id}`), 403, 'forbidden');
    expectProblem(await call(plain, `GET ${base}/members?state=requested`), 403, 'forbidden');
    expectProblem(await setRole(session, plain, 'king'), 400, 'validation_failed');
    expectProblem(
      await call(session, `PATCH ${base}/members/${plain.user.id}`, {}),
      400,
      'validation_failed',
    );
    expectProblem(await call(session, `GET ${base}/members?state=gone`), 400, 'validation_failed');

    expect((await setRole(admin, plain, 'admin')).json()).toEqual({
      userId: plain.user.id,
      role: 'admin',
      state: 'active',
    });
    expect(await orgClaim(plain)).toMatchObject({ role: 'admin' });
    expect((await call(plain, `DELETE ${base}/members/${admin.user.id}`)).status).toBe(204);
    expectProblem(await call(admin, `GET ${base}`), 404, 'not_found');
    expect(await orgClaim(admin)).toBeUndefined();
    expect((await call(plain, `DELETE ${base}/members/${plain.user.id}`)).status).toBe(204);
    expectProblem(await call(plain, `GET ${base}/members`), 404, 'not_found');
  });

  it('the last owner can neither leave, be removed nor be less', async () => {
    const { session, org } = await owner();
    const own = `/api/v1/orgs/${org.id}/members/${session.user.id}`;
    expectProblem(await call(session, `DELETE ${own}`), 409, 'owner_needed');
    expectProblem(await call(session, `PATCH ${own}`, { role: 'admin' }), 409, 'owner_needed');
    expect((await call(session, `PATCH ${own}`, { role: 'owner' })).status).toBe(200);
    const second = await member(org.id, 'owner');
    expect((await call(second, `DELETE ${own}`)).status).toBe(204);
    expectProblem(
      await call(second, `DELETE /api/v1/orgs/${org.id}/members/${second.user.id}`),
      409,
      'owner_needed',
    );
  });

  it('of owners who go at the same moment, one stays', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { session, org } = await owner();
      const all = [session, await member(org.id, 'owner'), await member(org.id, 'owner')];
      const answers = await Promise.all(
        all.map((somebody, index) =>
          index === 1
            ? call(somebody, `PATCH /api/v1/orgs/${org.id}/members/${somebody.user.id}`, { role: 'member' })
            : call(somebody, `DELETE /api/v1/orgs/${org.id}/members/${somebody.user.id}`),
        ),
      );
      expect(answers.filter(({ status }) => status === 409)).toHaveLength(1);
      const owners = await gateway.app
        .get(Database, { strict: false })
        .query.selectFrom('memberships')
        .select('user_id')
        .where('org_id', '=', org.id)
        .where('role', '=', 'owner')
        .where('state', '=', 'active')
        .execute();
      expect(owners).toHaveLength(1);
    }
  });

  it('switching changes the claim of this session alone, and only by cookie', async () => {
    const session = await gateway.session();
    const [first, second] = [
      orgSchema.parse((await call(session, 'POST /api/v1/orgs', { name: 'First' })).json()),
      orgSchema.parse((await call(session, 'POST /api/v1/orgs', { name: 'Second' })).json()),
    ];
    expect(await orgClaim(session)).toMatchObject({ id: first.id });
    const switched = await call(session, `POST /api/v1/orgs/${second.id}/switch`);
    expect(switched.json()).toEqual({ org: { id: second.id, slug: second.slug, role: 'owner' } });
    const cookie = switched.cookies[0]?.split(';', 1)[0] ?? '';
    expect(await orgClaim(session, cookie)).toMatchObject({ id: second.id });
    // It lasts: the next token of the session, made from what SQL says, has it too.
    gateway.shiftClock(700);
    expect(await orgClaim(session, cookie)).toMatchObject({ id: second.id });
    gateway.shiftClock(0);
    expectProblem(
      await gateway.request(`/api/v1/orgs/${first.id}/switch`, {
        method: 'POST',
        headers: { authorization: session.bearer },
      }),
      401,
      'unauthenticated',
    );
    expect((await call({ cookie }, `DELETE /api/v1/orgs/${second.id}`)).status).toBe(204);
    expect(await orgClaim(session, cookie)).toMatchObject({ id: first.id });
  });

  describe('and their domains', () => {
    const domainOf = (): string => `d${newId().slice(-12)}.example`;

    async function ownerWithDomain(joinPolicy: string) {
      const domain = domainOf();
      const session = await gateway.session({ email: `ada@${domain}`, emailVerified: true });
      const org = orgSchema.parse((await call(session, 'POST /api/v1/orgs', { name: 'Hosted' })).json());
      const answer = await call(session, `PATCH /api/v1/orgs/${org.id}`, {
        domain: domain.toUpperCase(),
        joinPolicy,
      });
      expect(answer.json()).toMatchObject({ domain, joinPolicy, domainState: 'unconfirmed' });
      await orgs.confirmDomain(org.id, domain);
      return { domain, session, org, base: `/api/v1/orgs/${org.id}` };
    }

    it('are claimed by an owner with a verified address of it, once', async () => {
      const { domain, org, session, base } = await ownerWithDomain('domain');
      const rival = await gateway.session({ email: `eve@${domain}`, emailVerified: true });
      const other = orgSchema.parse((await call(rival, 'POST /api/v1/orgs', { name: 'Rival' })).json());
      expectProblem(await call(rival, `PATCH /api/v1/orgs/${other.id}`, { domain }), 409, 'conflict');
      for (const profile of [
        { email: `eve@${domain}`, emailVerified: false },
        { email: `eve@sub.${domain}`, emailVerified: true },
        { email: `eve@${domain}.test`, emailVerified: true },
        { email: null },
      ]) {
        const nobody = await gateway.session(profile);
        const { org: mine } = await owner('Eve');
        await orgs.join(mine.id, nobody, 'owner');
        expectProblem(
          await call(nobody, `PATCH /api/v1/orgs/${mine.id}`, { domain }),
          400,
          'validation_failed',
        );
      }
      for (const bad of ['gmail.com', 'localhost', '', 'a b', 42, `${'a'.repeat(300)}.org`]) {
        expectProblem(await call(session, `PATCH ${base}`, { domain: bad }), 400, 'validation_failed');
      }
      expectProblem(await call(session, `PATCH ${base}`, { domain: null }), 400, 'validation_failed');
      expect((await call(session, `PATCH ${base}`, { domain: null, joinPolicy: 'invite' })).status).toBe(200);
      expect((await call(rival, `PATCH /api/v1/orgs/${other.id}`, { domain })).status).toBe(200);
      expect(org.id).not.toBe(other.id);
    });

    it('bring people in: asked for once, let in or turned down', async () => {
      const { domain, session, base, org } = await ownerWithDomain('approval');
      const grace = await gateway.session({ email: `grace@${domain.toUpperCase()}`, emailVerified: true });
      expect((await call(grace, 'GET /api/v1/orgs?joinable=true')).json()).toMatchObject({
        items: [{ id: org.id, role: null }],
      });
      const asked = { userId: grace.user.id, role: 'member', state: 'requested' };
      expect((await call(grace, `POST ${base}/join`)).json()).toEqual(asked);
      expect((await call(grace, `POST ${base}/join`)).json()).toEqual(asked);
      expectProblem(await call(grace, `GET ${base}`), 404, 'not_found');
      expect((await call(session, `GET ${base}/members?state=requested`)).json()).toMatchObject({
        items: [{ user: { id: grace.user.id }, state: 'requested' }],
        nextCursor: null,
      });
      const path = `${base}/members/${grace.user.id}`;
      expectProblem(await call(grace, `POST ${path}/approve`), 404, 'not_found');
      expectProblem(await call(session, `PATCH ${path}`, { role: 'admin' }), 404, 'not_found');
      expect((await call(session, `POST ${path}/reject`)).status).toBe(204);
      expectProblem(await call(session, `POST ${path}/approve`), 404, 'not_found');
      expect((await call(grace, `POST ${base}/join`)).json()).toEqual(asked);
      expect((await call(session, `POST ${path}/approve`)).json()).toEqual({ ...asked, state: 'active' });
      expect(await orgClaim(grace)).toMatchObject({ id: org.id, role: 'member' });
      expect((await call(grace, 'GET /api/v1/orgs?joinable=true')).json()).toEqual({
        items: [],
        nextCursor: null,
      });
      for (const profile of [
        { email: `x@${domain}`, emailVerified: false },
        { email: `x@other.example`, emailVerified: true },
      ]) {
        expectProblem(await call(await gateway.session(profile), `POST ${base}/join`), 404, 'not_found');
      }
    });

    it('with the policy domain people are members at once, but not again after they were removed', async () => {
      const { domain, session, base } = await ownerWithDomain('domain');
      const grace = await gateway.session({ email: `grace@${domain}`, emailVerified: true });
      await Promise.all(Array.from({ length: 5 }, () => call(grace, `POST ${base}/join`)));
      expect((await call(grace, `POST ${base}/join`)).json()).toMatchObject({ state: 'active' });
      const path = `${base}/members/${grace.user.id}`;
      expect((await call(grace, `DELETE ${path}`)).status).toBe(204);
      expect((await call(grace, `POST ${base}/join`)).json()).toMatchObject({ state: 'active' });
      expect((await call(session, `DELETE ${path}`)).status).toBe(204);
      expect((await call(grace, `POST ${base}/join`)).json()).toMatchObject({ state: 'requested' });
      expect((await call(grace, `DELETE ${path}`)).status).toBe(204);
      expectProblem(await call(session, `POST ${path}/approve`), 404, 'not_found');
    });
  });

  it('nothing here has been answered with 500', () => {
    expect(gateway.log.filter((line) => line.includes('internal_error'))).toEqual([]);
  });
});

/** The body without what differs at every request. */
function withoutId(answer: GatewayAnswer): unknown {
  return { ...z.looseObject({}).parse(answer.json()), requestId: '' };
}
