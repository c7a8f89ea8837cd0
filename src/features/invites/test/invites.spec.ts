import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { z } from 'zod';
import { AuthStrategy, type ValidatedLogin } from '../../../auth-strategy/auth.strategy.js';
import { type CompletedLogin, LoginService } from '../../../login/login.service.js';
import { DomainAutoJoin } from '../../../accounts/domain-auto-join.js';
import { Invites } from '../../../accounts/invites.js';
import { OrgAutoJoin } from '../../../accounts/org-auto-join.port.js';
import { newId } from '../../../platform/core/identifier.js';
import { InviteLookup } from '../invite-lookup.js';
import { LockedOrg } from '../../../orgs/org-lock.js';
import { Mailer } from '../../../platform/mail/mailer.port.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { Database } from '../../../platform/database/database.schema.js';
import type { AuthenticationContext } from '../../../session/session.service.js';
import type { ProviderIdentity } from '../../../directory/users/identity.js';
import { administratorAt, promote } from '../../../../test/support/administrator.js';
import { databaseKinds } from '../../../../test/support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../../../../test/support/fresh.database.js';
import {
  expectProblem,
  type Gateway,
  type HeldSession,
  newIdentity,
  startGateway,
} from '../../../../test/support/gateway.js';
import { untilServed } from '../../../../test/support/served.caller.js';
import { type Org, OrgCaller } from '../../../../test/support/org.caller.js';

const inviteSchema = z.looseObject({ id: z.uuid(), url: z.url().nullable(), mailed: z.boolean() });
const client = { requestId: newId(), remoteAddress: '127.0.0.1', userAgent: null };

describe.each(databaseKinds)('invites on %s', (kind) => {
  let database: FreshDatabase;
  let gateway: Gateway;
  let orgs: OrgCaller;
  let call: OrgCaller['call'];
  /** What the provider says about each access token. */
  const vouchedFor = new Map<string, ValidatedLogin>();

  beforeAll(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    gateway = await startGateway({ DATABASE_URL: database.url });
    const strategy = gateway.app.get(AuthStrategy, { strict: false });
    vi.spyOn(strategy, 'validate').mockImplementation(async (accessToken) => {
      const validated = vouchedFor.get(accessToken);
      if (validated === undefined) {
        throw new Problem('access_token_rejected');
      }
      return validated;
    });
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

  /** Makes an invite. @returns its id and token. */
  async function invite(
    session: HeldSession,
    path: string,
    body: unknown = {},
  ): Promise<{ id: string; token: string }> {
    const answer = await call(session, `POST ${path}`, body);
    expect(answer.status).toBe(201);
    const { id, url } = inviteSchema.parse(answer.json());
    return { id, token: new URL(url ?? '').searchParams.get('invite') ?? '' };
  }

  const redeem = (session: HeldSession, token: string) =>
    call(session, 'POST /api/v1/invites/redeem', { token });

  /** Logs a person in whom the provider vouches for. */
  const arrive = (identity: ProviderIdentity, inviteToken?: string): Promise<CompletedLogin> => {
    const accessToken = newId();
    const evidence: AuthenticationContext = {
      provider: 'ory',
      issuer: identity.issuer,
      subject: identity.subject,
      clientId: 'vestibule',
      scope: [],
      amr: [],
      acr: 'aal1',
      authTime: null,
      providerSessionId: null,
      oidcSid: null,
    };
    vouchedFor.set(accessToken, { identity, profile: {}, evidence });
    return gateway.app
      .get(LoginService, { strict: false })
      .login({ accessToken, inviteToken, previous: undefined }, client);
  };

  const membersOf = ({ id }: Org) =>
    gateway.app
      .get(Database, { strict: false })
      .query.selectFrom('memberships')
      .select('user_id')
      .where('org_id', '=', id)
      .where('role', '=', 'member')
      .execute();

  it('without a mail server give their link once, which is stored as a hash alone', async () => {
    const { session, org, path } = await owner();
    const made = await call(session, `POST ${path}`, { email: ' Grace@Example.ORG ', role: 'admin' });
    const { id, url } = inviteSchema.parse(made.json());
    expect(made.headers['location']).toBe(`${path}/${id}`);
    expect(made.json()).toEqual({
      id,
      email: 'grace@example.org',
      role: 'admin',
      state: 'open',
      createdBy: session.user.id,
      createdAt: expect.stringMatching(/Z$/),
      expiresAt: expect.stringMatching(/Z$/),
      redeemedBy: null,
      mailed: false,
      opensSignUp: true,
      url: expect.stringMatching(/^https:\/\/auth\.example\.test\/invitation\?invite=[\w-]{43}$/),
    });
    const token = new URL(url ?? '').searchParams.get('invite') ?? '';
    const row = await gateway.app
      .get(Database, { strict: false })
      .query.selectFrom('invites')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    expect(row.token_hash).toBe(createHash('sha256').update(token).digest('hex'));
    const list = await call(session, `GET ${path}`);
    expect([list.json(), list.text.includes(token)]).toEqual([
      { items: [expect.objectContaining({ id, state: 'open' })], nextCursor: null },
      false,
    ]);
    expect(org.id).toBe(row.org_id);
    expect(gateway.log.filter((line) => line.includes(token))).toEqual([]);
  });

  /** What is judged before a database is asked: on one of them. */
  const wrongBodies: readonly (readonly [unknown])[] = [
    [{ email: 'nobody' }],
    [{ email: 'a@b@example.org' }],
    [{ email: 'a@example.org\r\nBcc: x@example.org' }],
    [{ email: `${'a'.repeat(250)}@example.org` }],
    [{ email: 'аda@example.org' }],
    [{ email: 'Ada <ada@example.org>' }],
    [{ email: 'ada@example.org\u00A0' }],
    [{ email: '\u2028ada@example.org' }],
    [{ email: '' }],
    [{ email: 5 }],
    [{ role: 'king' }],
    [{ role: null }],
    [{ extra: true }],
    [[]],
  ];
  it.each(kind === 'sqlite' ? wrongBodies : [])('are not made of %j', async (body) => {
    const { session, path } = await owner();
    expectProblem(await call(session, `POST ${path}`, body), 400, 'validation_failed');
    expect((await call(session, `GET ${path}`)).json()).toEqual({ items: [], nextCursor: null });
  });

  it('are for owners and admins to make, see and withdraw; nobody gives more than they have', async () => {
    const { session, org, path } = await owner();
    const [admin, plain] = [await orgs.member(org.id, 'admin'), await orgs.member(org.id, 'member')];
    const { session: other } = await owner();
    expectProblem(await call(plain, `POST ${path}`, {}), 403, 'forbidden');
    expectProblem(await call(plain, `GET ${path}`), 403, 'forbidden');
    expectProblem(await call(admin, `POST ${path}`, { role: 'owner' }), 403, 'forbidden');
    const ofOwner = await invite(session, path, { role: 'owner' });
    const ofAdmin = await invite(admin, path, { role: 'admin' });
    expectProblem(await call(admin, `DELETE ${path}/${ofOwner.id}`), 403, 'forbidden');
    expectProblem(await call(plain, `DELETE ${path}/${ofAdmin.id}`), 403, 'forbidden');
    for (const line of [`GET ${path}`, `DELETE ${path}/${ofAdmin.id}`, `DELETE ${path}/${newId()}`]) {
      expectProblem(await call(other, line), 404, 'not_found');
    }
    expectProblem(await call(other, `POST ${path}`, {}), 404, 'not_found');
    const elsewhere = await owner();
    expectProblem(await call(elsewhere.session, `DELETE ${elsewhere.path}/${ofAdmin.id}`), 404, 'not_found');
    expectProblem(await call(session, `DELETE ${path}/x`), 404, 'not_found');
    expect((await call(admin, `DELETE ${path}/${ofAdmin.id}`)).status).toBe(204);
    expectProblem(await call(admin, `DELETE ${path}/${ofAdmin.id}`), 410, 'gone');
    expectProblem(await redeem(await gateway.session(), ofAdmin.token), 410, 'gone');
    expectProblem(await call(session, `GET ${path}?cursor=x`), 400, 'validation_failed');
    const page = z.object({ items: z.array(z.looseObject({ id: z.string() })), nextCursor: z.string() });
    const first = page.parse((await call(session, `GET ${path}?limit=1`)).json());
    expect(first.items).toMatchObject([{ id: ofAdmin.id, state: 'revoked' }]);
    expect((await call(session, `GET ${path}?limit=1&cursor=${first.nextCursor}`)).json()).toMatchObject({
      items: [{ id: ofOwner.id, state: 'open' }],
      nextCursor: null,
    });
  });

  it('50 redemptions at once: exactly one is in [L21]', async () => {
    const { session, org, path } = await owner();
    const { id, token } = await invite(session, path);
    const people = await Promise.all(Array.from({ length: 50 }, () => gateway.session()));
    const answers = await Promise.all(
      people.map((person) =>
        untilServed(
          () => redeem(person, token),
          ({ status }) => status === 503,
        ),
      ),
    );
    const winners = people.filter((_, index) => answers[index]?.status === 200);
    expect(winners).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 410)).toHaveLength(49);
    expect(await membersOf(org)).toEqual([{ user_id: winners[0]?.user.id }]);
    expect((await call(session, `GET ${path}`)).json()).toMatchObject({
      items: [{ id, state: 'redeemed', redeemedBy: winners[0]?.user.id }],
    });
    expectProblem(await call(session, `DELETE ${path}/${id}`), 410, 'gone');
  });

  it('50 logins at once with one invite: exactly one is let in [L21]', async () => {
    const { session, org, path } = await owner();
    const { token } = await invite(session, path);
    /** Somebody new who logs in. @returns who is let in; otherwise why not. */
    const attempt = async () => arrive(newIdentity(), token).catch((reason: unknown) => reason);
    const isBusy = (outcome: unknown): boolean =>
      outcome instanceof Problem && outcome.code === 'database_unavailable';
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => untilServed(attempt, isBusy)));
    const refused = outcomes.filter((outcome) => outcome instanceof Error);
    expect(refused).toEqual(Array.from({ length: 49 }, () => expect.objectContaining({ code: 'gone' })));
    const members = await membersOf(org);
    expect(members).toHaveLength(1);
    expect(outcomes.find((outcome) => !(outcome instanceof Error))).toMatchObject({
      user: { id: members[0]?.user_id },
    });
  });

  it('an address binds: verified and the same, whatever its case', async () => {
    const { session, org, path } = await owner();
    const email = `grace-${newId().slice(-8)}@example.test`;
    const { token } = await invite(session, path, { email });
    for (const profile of [{ email: `x${email}`, emailVerified: true }, { email: null }]) {
      expectProblem(await redeem(await gateway.session(profile), token), 403, 'forbidden');
    }
    const unverified = await gateway.session({ email, emailVerified: false });
    expectProblem(await redeem(unverified, token), 403, 'email_unverified');
    const grace = await gateway.session({ email: email.toUpperCase(), emailVerified: true });
    expect((await redeem(grace, token)).json()).toEqual({ orgId: org.id, role: 'member' });
    expect(await orgs.claim(grace)).toMatchObject({ id: org.id, role: 'member' });
    expectProblem(await redeem(grace, token), 410, 'gone');
  });

  it('end: by time, with the user who made them, and with the organisation', async () => {
    const { session, org, path } = await owner();
    const late = await invite(session, path);
    gateway.shiftClock(7 * 86_400 + 1);
    const guest = await gateway.session();
    expectProblem(await redeem(guest, late.token), 410, 'gone');
    expect((await call(await gateway.session(), 'GET /auth/session')).status).toBe(200);
    gateway.shiftClock(0);

    const admin = await orgs.member(org.id, 'admin');
    const byAdmin = await invite(admin, path);
    await call(session, `DELETE /api/v1/orgs/${org.id}/members/${admin.user.id}`);
    expectProblem(await redeem(await gateway.session(), byAdmin.token), 410, 'gone');
    const demoted = await orgs.member(org.id, 'admin');
    const byDemoted = await invite(demoted, path);
    await call(session, `PATCH /api/v1/orgs/${org.id}/members/${demoted.user.id}`, { role: 'member' });
    expectProblem(await redeem(await gateway.session(), byDemoted.token), 410, 'gone');

    const owners = await orgs.member(org.id, 'owner');
    const byOwner = await invite(owners, path, { role: 'owner' });
    await call(session, `PATCH /api/v1/orgs/${org.id}/members/${owners.user.id}`, { role: 'admin' });
    expectProblem(await redeem(await gateway.session(), byOwner.token), 410, 'gone');

    const last = await invite(session, path);
    expect((await call(session, `DELETE /api/v1/orgs/${org.id}`)).status).toBe(204);
    expectProblem(await redeem(await gateway.session(), last.token), 410, 'gone');
  });

  it('count while the account of who made them does: let nobody in otherwise, nor sign up', async () => {
    const { org, path } = await owner();
    const administrator = await administratorAt(gateway);
    const maker = await orgs.member(org.id, 'owner');
    const email = `grace-${newId().slice(-8)}@example.test`;
    const grace = await gateway.session({ email, emailVerified: true });
    const open = await invite(maker, path, { role: 'owner' });
    const addressed = await invite(maker, path, { email });
    const lookUp = gateway.app.get(Invites, { strict: false });
    const act = (line: string) => call(administrator, line.replace('/', `/api/v1/users/${maker.user.id}`));
    const expectClosed = async (): Promise<void> => {
      expectProblem(await redeem(await gateway.session(), open.token), 410, 'gone');
      expectProblem(await call(grace, `POST /api/v1/me/invites/${addressed.id}/accept`), 410, 'gone');
      expect((await call(grace, 'GET /api/v1/me/invites')).json()).toEqual({ items: [], nextCursor: null });
      expect(await lookUp.held({ token: open.token })).toBeUndefined();
    };
    expect((await act('POST //disable')).status).toBe(200);
    await expectClosed();
    expect((await act('POST //enable')).status).toBe(200);
    expect((await call(grace, `POST /api/v1/me/invites/${addressed.id}/accept`)).status).toBe(200);
    expect((await act('DELETE /')).status).toBe(204);
    expectProblem(await redeem(await gateway.session(), open.token), 410, 'gone');
    expect(await lookUp.held({ token: open.token })).toBeUndefined();
  });

  it('give back no role that others took: those for the address go with it, also what it had before', async () => {
    const { session, org, path } = await owner();
    const email = `Grace-${newId().slice(-8)}@example.test`;
    const grace = await gateway.session({ email, emailVerified: true });
    await orgs.join(org.id, grace, 'owner');
    const asked = { email: email.toLowerCase() };
    const [asOwner, asAdmin, asMember, forAnyone] = [
      await invite(session, path, { ...asked, role: 'owner' }),
      await invite(session, path, { ...asked, role: 'admin' }),
      await invite(session, path, { ...asked, role: 'member' }),
      await invite(session, path, { role: 'owner' }),
    ];
    const others = await invite(session, path, { email: `x${asked.email}`, role: 'owner' });
    const states = async (): Promise<unknown[]> => {
      const { items } = z
        .looseObject({ items: z.array(z.looseObject({ id: z.string(), state: z.string() })) })
        .parse((await call(session, `GET ${path}`)).json());
      return [asOwner, asAdmin, asMember, forAnyone, others].map(
        (made) => items.find(({ id }) => id === made.id)?.state,
      );
    };
    const self = `/api/v1/orgs/${org.id}/members/${grace.user.id}`;
    const demote = async (role: string): Promise<void> => {
      expect((await call(session, `PATCH ${self}`, { role })).status).toBe(200);
    };
    await demote('owner');
    expect(await states()).toEqual(['open', 'open', 'open', 'open', 'open']);
    await demote('admin');
    expect(await states()).toEqual(['revoked', 'open', 'open', 'open', 'open']);
    await demote('member');
    expect(await states()).toEqual(['revoked', 'revoked', 'open', 'open', 'open']);
    expectProblem(await call(grace, `POST /api/v1/me/invites/${asOwner.id}/accept`), 410, 'gone');
    expect((await call(session, `DELETE ${self}`)).status).toBe(204);
    expect(await states()).toEqual(['revoked', 'revoked', 'revoked', 'open', 'open']);
    expectProblem(await redeem(grace, asMember.token), 410, 'gone');
    const again = await invite(session, path, asked);
    expect((await redeem(grace, again.token)).status).toBe(200);
  });

  it('give back no role that the rules of a connection took', async () => {
    const { session, org, path } = await owner();
    const email = `grace-${newId().slice(-8)}@example.test`;
    const grace = await gateway.session({ email, emailVerified: true });
    await orgs.join(org.id, grace, 'admin');
    const { token } = await invite(session, path, { email, role: 'admin' });
    const known = vi.spyOn(LockedOrg.prototype, 'versionOfConnection').mockResolvedValue(1);
    const vouched = { orgId: org.id, connection: { id: newId(), version: 1 }, role: 'member' } as const;
    const joins = gateway.app.get(OrgAutoJoin, { strict: false });
    expect(await joins.joinByConnection(grace.user.id, { ...vouched, isRuled: true })).toBe(true);
    known.mockRestore();
    expectProblem(await redeem(grace, token), 410, 'gone');
  });

  it('stay for who leaves, or gets a higher role', async () => {
    const { session, org, path } = await owner();
    const email = `grace-${newId().slice(-8)}@example.test`;
    const grace = await gateway.session({ email, emailVerified: true });
    await orgs.join(org.id, grace, 'member');
    const { token } = await invite(session, path, { email, role: 'owner' });
    const self = `/api/v1/orgs/${org.id}/members/${grace.user.id}`;
    expect((await call(session, `PATCH ${self}`, { role: 'admin' })).status).toBe(200);
    expect((await call(grace, `DELETE ${self}`)).status).toBe(204);
    expect((await redeem(grace, token)).json()).toEqual({ orgId: org.id, role: 'owner' });
  });

  it('name no inviter whose reserved name a provider gave, in the mail or elsewhere, but for an administrator', async () => {
    const mailer = gateway.app.get(Mailer, { strict: false });
    const configured = vi.spyOn(mailer, 'isConfigured', 'get').mockReturnValue(true);
    const sent = vi.spyOn(mailer, 'send').mockResolvedValue(true);
    const lookUp = gateway.app.get(InviteLookup, { strict: false });
    for (const [name, isAdministrator, by, shown] of [
      ['Helpdesk', false, 'session', null],
      ['Ηelpdеsk', false, 'session', null],
      ['Anna Root', false, 'session', 'Anna Root'],
      ['Helpdesk', true, 'session', 'Helpdesk'],
      // Their token doesn't say that they are one: without a second factor that is due, or from before.
      ['Helpdesk', true, 'former', 'Helpdesk'],
    ] as const) {
      const identity = { ...newIdentity(), name, emailVerified: true };
      const former = await gateway.session(identity);
      if (isAdministrator) {
        await promote(gateway.app, former.user.id);
      }
      const session = by === 'former' ? former : await gateway.session(identity);
      const { org, path } = await owner();
      await orgs.join(org.id, session, 'owner');
      const email = `grace-${newId().slice(-8)}@example.test`;
      const { mailed } = inviteSchema.parse((await call(session, `POST ${path}`, { email })).json());
      const mail = sent.mock.lastCall?.[0];
      expect([mailed, mail?.to, mail?.text.includes(name)]).toEqual([true, email, shown !== null]);
      const token = /invite=([\w-]+)/.exec(mail?.text ?? '')?.[1] ?? '';
      expect(await lookUp.findOpen(token)).toMatchObject({ inviterName: shown });
      const grace = await gateway.session({ email, emailVerified: true });
      expect((await call(grace, 'GET /api/v1/me/invites')).json()).toMatchObject({
        items: [{ invitedBy: { name: shown } }],
      });
    }
    sent.mockRestore();
    configured.mockRestore();
  });

  it('raise a member’s role and never lower it', async () => {
    const { session, org, path } = await owner();
    const plain = await orgs.member(org.id, 'member');
    const asAdmin = await invite(session, path, { role: 'admin' });
    expect((await redeem(plain, asAdmin.token)).json()).toEqual({ orgId: org.id, role: 'admin' });
    const asMember = await invite(session, path, { role: 'member' });
    expect((await redeem(session, asMember.token)).json()).toEqual({ orgId: org.id, role: 'owner' });
    expect(await orgs.claim(session)).toMatchObject({ role: 'owner' });
  });

  it('bring back who was removed', async () => {
    const { session, org, path } = await owner();
    const plain = await orgs.member(org.id, 'member');
    await call(session, `DELETE /api/v1/orgs/${org.id}/members/${plain.user.id}`);
    const { token } = await invite(session, path);
    expect((await redeem(plain, token)).status).toBe(200);
    expect((await call(plain, `GET /api/v1/orgs/${org.id}`)).status).toBe(200);
  });

  const wrongRedemptions = [
    {},
    { token: '' },
    { token: 5 },
    { token: 'x'.repeat(129) },
    { token: 'x', extra: 1 },
  ];
  it.each(kind === 'sqlite' ? wrongRedemptions : [])('a redemption with %j is not valid', async (body) => {
    const session = await gateway.session();
    expectProblem(await call(session, 'POST /api/v1/invites/redeem', body), 400, 'validation_failed');
  });

  it.each(['x', '../..', "' or 1=1 --", '\u0000', 'ж'.repeat(43)])(
    'the token %j is nobody’s: gone',
    async (token) => {
      expectProblem(await redeem(await gateway.session(), token), 410, 'gone');
    },
  );

  it('200 open ones are enough for one organisation', async () => {
    const { session, org, path } = await owner();
    const { query } = gateway.app.get(Database, { strict: false });
    const values = Array.from({ length: 199 }, () => ({
      id: newId(),
      org_id: org.id,
      token_hash: newId(),
      email: null,
      role: 'member' as const,
      created_by: session.user.id,
      created_at: Date.now(),
      expires_at: Date.now() + 600_000,
      redeemed_at: null,
      redeemed_by: null,
      revoked_at: null,
    }));
    await query.insertInto('invites').values(values).execute();
    await invite(session, path);
    expectProblem(await call(session, `POST ${path}`, {}), 409, 'conflict');
  });

  describe('at a login', () => {
    it('leave another organisation the active one', async () => {
      const identity = newIdentity();
      const first = await orgs.make(await gateway.session(identity), 'First');
      const { session, org, path } = await owner();
      const { token } = await invite(session, path, { role: 'admin' });
      const { session: started } = await arrive(identity, token);
      expect(started.claims.org).toEqual({ id: first.id, slug: first.slug, role: 'owner' });
      const member = await gateway.session(identity);
      expect((await call(member, `GET /api/v1/orgs/${org.id}`)).json()).toMatchObject({ role: 'admin' });
    });

    it('that are no good refuse the login', async () => {
      await expect(arrive(newIdentity(), 'nothing')).rejects.toMatchObject({ code: 'gone' });
    });
  });

  describe('a login with a verified address of an organisation’s domain', () => {
    async function hosted(joinPolicy: string): Promise<{ session: HeldSession; org: Org; domain: string }> {
      const domain = `d${newId().slice(-12)}.example`;
      const session = await gateway.session({ email: `ada@${domain}`, emailVerified: true });
      const org = await orgs.make(session);
      await call(session, `PATCH /api/v1/orgs/${org.id}`, { domain, joinPolicy });
      await orgs.confirmDomain(org.id, domain);
      return { session, org, domain };
    }

    it('makes a member, once: who was removed, or left, is not brought back', async () => {
      const { session, org, domain } = await hosted('domain');
      const identity = newIdentity({ email: `grace@${domain.toUpperCase()}`, emailVerified: true });
      const arrivals = await Promise.all(Array.from({ length: 10 }, () => arrive(identity)));
      expect(arrivals.map(({ session: started }) => started.claims.org?.id)).toEqual(
        arrivals.map(() => org.id),
      );
      const grace = await gateway.session(identity);
      const path = `/api/v1/orgs/${org.id}/members/${grace.user.id}`;
      expect((await call(session, `DELETE ${path}`)).status).toBe(204);
      expect((await arrive(identity)).session.claims.org).toBeUndefined();
    });

    it('makes no member of a user whose address was changed, or lost its proof, after it was read', async () => {
      const { domain } = await hosted('domain');
      const { user } = await gateway.session({ email: 'eve@elsewhere.example', emailVerified: true });
      const read = { ...user, email: `eve@${domain}`, emailVerified: true };
      const admission = gateway.app.get(DomainAutoJoin, { strict: false });
      const { query } = gateway.app.get(Database, { strict: false });
      const set = (values: { email?: string; email_verified?: number }) =>
        query.updateTable('users').set(values).where('id', '=', user.id).execute();
      const memberships = () =>
        query.selectFrom('memberships').select('state').where('user_id', '=', user.id).execute();
      await admission.join(read, client);
      await set({ email: read.email, email_verified: 0 });
      await admission.join(read, client);
      expect(await memberships()).toEqual([]);
      await set({ email_verified: 1 });
      expect(await admission.join(read, client)).toBe('joined');
      expect(await memberships()).toEqual([{ state: 'active' }]);
    });

    it('does nothing where the address is not verified, or people have to ask', async () => {
      const { domain } = await hosted('domain');
      const unverified = newIdentity({ email: `eve@${domain}`, emailVerified: false });
      expect((await arrive(unverified)).session.claims.org).toBeUndefined();
      const asking = await hosted('approval');
      const asker = newIdentity({ email: `eve@${asking.domain}`, emailVerified: true });
      expect((await arrive(asker)).session.claims.org).toBeUndefined();
      expect((await arrive({ ...unverified, emailVerified: true })).session.claims.org).toBeDefined();
    });
  });

  it('nothing here has been answered with 500, and no token is in the log', () => {
    expect(gateway.log.filter((line) => /internal_error|invite=/.test(line))).toEqual([]);
  });
});
