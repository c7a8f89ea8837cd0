import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { newId } from '../../../platform/core/identifier.js';
import { Database } from '../../../platform/database/database.schema.js';
import { AccountRows } from '../../../../test/support/account.rows.js';
import { databaseKinds } from '../../../../test/support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../../../../test/support/fresh.database.js';
import {
  expectProblem,
  type Gateway,
  type HeldSession,
  startGateway,
} from '../../../../test/support/gateway.js';
import { untilServed } from '../../../../test/support/served.caller.js';
import { type Org, OrgCaller } from '../../../../test/support/org.caller.js';

const listSchema = z.strictObject({
  items: z.array(
    z.strictObject({
      id: z.uuid(),
      org: z.strictObject({ id: z.uuid(), slug: z.string(), name: z.string() }),
      role: z.enum(['owner', 'admin', 'member']),
      expiresAt: z.iso.datetime(),
      invitedBy: z.strictObject({ name: z.string().nullable() }),
    }),
  ),
  nextCursor: z.string().nullable(),
});

describe.each(databaseKinds)('invites that wait for me, on %s', (kind) => {
  let database: FreshDatabase;
  let gateway: Gateway;
  let orgs: OrgCaller;
  let call: OrgCaller['call'];
  const rows = new AccountRows(() => gateway);

  beforeAll(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    gateway = await startGateway({ DATABASE_URL: database.url });
    orgs = new OrgCaller(gateway);
    call = orgs.call;
  });

  afterAll(async () => {
    await gateway?.stop();
    await database?.drop();
  });

  async function owner(): Promise<{ session: HeldSession; org: Org; path: string }> {
    const session = await gateway.session();
    const org = await orgs.make(session);
    return { session, org, path: `/api/v1/orgs/${org.id}/invites` };
  }

  const newAddress = (): string => `grace-${newId().slice(-8)}@example.test`;

  /** Makes an invite. @returns its id. */
  async function invite(session: HeldSession, path: string, body: unknown): Promise<string> {
    const answer = await call(session, `POST ${path}`, body);
    expect(answer.status).toBe(201);
    return z.looseObject({ id: z.uuid() }).parse(answer.json()).id;
  }

  async function waiting(session: HeldSession, query = ''): Promise<z.output<typeof listSchema>> {
    const answer = await call(session, `GET /api/v1/me/invites${query}`);
    expect(answer.status).toBe(200);
    return listSchema.parse(answer.json());
  }

  const idsOf = async (session: HeldSession): Promise<string[]> =>
    (await waiting(session)).items.map(({ id }) => id);

  const accept = (session: HeldSession, id: string) => call(session, `POST /api/v1/me/invites/${id}/accept`);
  const decline = (session: HeldSession, id: string) =>
    call(session, `POST /api/v1/me/invites/${id}/decline`);

  it('are the open ones for my verified address, whatever its case, newest first and page by page', async () => {
    const { session, org, path } = await owner();
    const elsewhere = await owner();
    const email = newAddress();
    const first = await invite(session, path, { email, role: 'admin' });
    const revoked = await invite(session, path, { email });
    await call(session, `DELETE ${path}/${revoked}`);
    await invite(session, path, {});
    await invite(session, path, { email: newAddress() });
    const second = await invite(elsewhere.session, elsewhere.path, { email });
    const grace = await gateway.session({ email: email.toUpperCase(), emailVerified: true });
    const { items, nextCursor } = await waiting(grace);
    expect([items.map(({ id }) => id), nextCursor]).toEqual([[second, first], null]);
    expect(items[1]).toMatchObject({
      org: { id: org.id, slug: org.slug, name: expect.stringMatching(/^Org /) },
      role: 'admin',
      invitedBy: { name: session.user.name },
    });
    const page = await waiting(grace, '?limit=1');
    expect(page.items).toMatchObject([{ id: second }]);
    const next = await waiting(grace, `?limit=1&cursor=${page.nextCursor}`);
    expect([next.items.map(({ id }) => id), next.nextCursor]).toEqual([[first], null]);
    expectProblem(await call(grace, 'GET /api/v1/me/invites?cursor=x'), 400, 'validation_failed');
    gateway.shiftClock(7 * 86_400 + 1);
    expect(await idsOf(await gateway.session({ email, emailVerified: true }))).toEqual([]);
    gateway.shiftClock(0);
  });

  it('are none for an address that is only claimed, and none can be accepted or declined with it', async () => {
    const { session, path } = await owner();
    const email = newAddress();
    const id = await invite(session, path, { email });
    const claimant = await gateway.session({ email, emailVerified: false });
    expect(await idsOf(claimant)).toEqual([]);
    for (const given of [id, newId(), 'x']) {
      for (const act of [accept, decline]) {
        const answer = await act(claimant, given);
        expectProblem(answer, 403, 'email_unverified');
        expect(answer.text).toContain('verified e-mail address');
      }
    }
    const nameless = await gateway.session({ email: null });
    expect(await idsOf(nameless)).toEqual([]);
    expectProblem(await accept(nameless, id), 404, 'not_found');
    expect(await idsOf(await gateway.session({ email, emailVerified: true }))).toEqual([id]);
  });

  it('of others, and links for anyone who has them, are not found', async () => {
    const { session, path } = await owner();
    const [theirs, link] = [
      await invite(session, path, { email: newAddress() }),
      await invite(session, path, {}),
    ];
    const person = await gateway.session();
    for (const id of [theirs, link, newId(), 'x', '%00', "'--", '..%2Fx']) {
      for (const act of [accept, decline]) {
        const answer = await act(person, id);
        expect([id, answer.status]).toEqual([id, 404]);
      }
    }
    const { items } = z
      .looseObject({ items: z.array(z.looseObject({ state: z.string() })) })
      .parse((await call(session, `GET ${path}`)).json());
    expect(items.map(({ state }) => state)).toEqual(['open', 'open']);
  });

  it('accepted: a member as with the link, once', async () => {
    const { session, org, path } = await owner();
    const email = newAddress();
    const id = await invite(session, path, { email, role: 'admin' });
    const grace = await gateway.session({ email, emailVerified: true });
    const answer = await accept(grace, id.toUpperCase());
    expect([answer.status, answer.json()]).toEqual([200, { orgId: org.id, role: 'admin' }]);
    expect(await orgs.claim(grace)).toMatchObject({ id: org.id, role: 'admin' });
    expect(await idsOf(grace)).toEqual([]);
    expectProblem(await accept(grace, id), 410, 'gone');
    expectProblem(await decline(grace, id), 410, 'gone');
    expect((await call(session, `GET ${path}`)).json()).toMatchObject({
      items: [{ id, state: 'redeemed', redeemedBy: grace.user.id }],
    });
    expect(await rows.eventOf('member_added', grace.user.id)).toMatchObject({ reason: 'invite' });
  });

  it('50 acceptances at once, by 50 accounts with one address: exactly one is in', async () => {
    const { session, org, path } = await owner();
    const email = newAddress();
    const id = await invite(session, path, { email });
    const people = await Promise.all(
      Array.from({ length: 50 }, () => gateway.session({ email, emailVerified: true })),
    );
    expect(new Set(people.map(({ user }) => user.id)).size).toBe(50);
    const answers = await Promise.all(
      people.map((person) =>
        untilServed(
          () => accept(person, id),
          ({ status }) => status === 503,
        ),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 410)).toHaveLength(49);
    const members = await gateway.app
      .get(Database, { strict: false })
      .query.selectFrom('memberships')
      .select('user_id')
      .where('org_id', '=', org.id)
      .where('role', '=', 'member')
      .execute();
    expect(members).toHaveLength(1);
  });

  it('declined: revoked for everybody, also when an acceptance comes at the same moment', async () => {
    const { session, path } = await owner();
    const email = newAddress();
    const id = await invite(session, path, { email });
    const grace = await gateway.session({ email, emailVerified: true });
    const answer = await decline(grace, id);
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(await idsOf(grace)).toEqual([]);
    expectProblem(await accept(grace, id), 410, 'gone');
    expectProblem(await decline(grace, id), 410, 'gone');
    expect((await call(session, `GET ${path}`)).json()).toMatchObject({ items: [{ id, state: 'revoked' }] });
    expect(await rows.eventOf('invite_declined', grace.user.id)).toMatchObject({
      target_kind: 'invite',
      target_id: id,
    });

    const raced = await invite(session, path, { email });
    const statuses = (
      await Promise.all([
        accept(grace, raced),
        decline(grace, raced),
        accept(grace, raced),
        decline(grace, raced),
      ])
    ).map(({ status }) => status);
    expect(statuses.filter((status) => status < 300)).toHaveLength(1);
    expect(statuses.filter((status) => status === 410)).toHaveLength(3);
  });

  it('a request from another site accepts and declines nothing', async () => {
    const { session, path } = await owner();
    const email = newAddress();
    const id = await invite(session, path, { email });
    const grace = await gateway.session({ email, emailVerified: true });
    for (const act of ['accept', 'decline']) {
      const answer = await call(grace, `POST /api/v1/me/invites/${id}/${act}`, undefined, {
        origin: 'https://evil.test',
      });
      expectProblem(answer, 403, 'cross_site_request');
    }
    expect(await idsOf(grace)).toEqual([id]);
  });
});
