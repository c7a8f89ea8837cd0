import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../src/platform/database/database.schema.js';
import { UserProvisioning } from '../../src/login/user-provisioning.js';
import { newId } from '../../src/platform/core/identifier.js';
import type { ProviderIdentity } from '../../src/directory/users/identity.js';
import { administratorAt, promote } from '../support/administrator.js';
import { databaseKinds } from '../support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../support/fresh.database.js';
import {
  type Gateway,
  type HeldSession,
  expectProblem,
  newIdentity,
  providerEnv,
  startGateway,
} from '../support/gateway.js';
import { OrgCaller } from '../support/org.caller.js';
import { keyOf } from '../support/world.js';

const origin = { requestId: newId(), remoteAddress: '127.0.0.1', userAgent: null };
const inviteSchema = z.looseObject({ url: z.url().nullable() });
const refused = { code: 'signup_refused' };

async function withGateway(
  env: Readonly<Record<string, string>>,
  act: (gateway: Gateway) => Promise<void>,
): Promise<void> {
  const gateway = await startGateway(env);
  try {
    await act(gateway);
  } finally {
    await gateway.stop();
  }
}

/** What a login makes of a person whom the provider has confirmed. */
async function arrive(
  gateway: Gateway,
  identity: ProviderIdentity,
  provider: 'ory' | 'auth0' | 'oidc' = 'oidc',
  brought: { readonly token?: string; readonly destination?: string } = {},
): Promise<string> {
  const { account } = await gateway.app.get(UserProvisioning, { strict: false }).provision(
    {
      identity,
      profile: {},
      evidence: {
        provider,
        issuer: identity.issuer,
        subject: identity.subject,
        clientId: 'vestibule',
        scope: [],
        amr: [],
        acr: 'aal1',
        authTime: null,
        providerSessionId: null,
        oidcSid: null,
      },
    },
    brought,
    origin,
    Date.now(),
  );
  return account.user.id;
}

/** Makes an invite. @returns its token. */
async function invite(
  gateway: Gateway,
  body: { readonly email?: string } = {},
  by?: HeldSession,
  key?: string,
): Promise<string> {
  const orgs = new OrgCaller(gateway);
  const owner = by ?? (await gateway.session());
  const org = await orgs.make(owner);
  const line = `POST /api/v1/orgs/${org.id}/invites`;
  const answer = await (key === undefined
    ? orgs.call(owner, line, body)
    : orgs.call({ cookie: '' }, line, body, { 'x-api-key': key }));
  return new URL(inviteSchema.parse(answer.json()).url ?? '').searchParams.get('invite') ?? '';
}

describe('SIGNUP=closed', () => {
  let gateway: Gateway;

  beforeAll(async () => {
    gateway = await startGateway({ SIGNUP: 'closed' });
  });

  afterAll(() => gateway?.stop());

  it.each(['ory', 'auth0', 'oidc'] as const)(
    'lets no one new in by a first login under %s, and everyone who was there before [L30]',
    async (provider) => {
      const before = newIdentity();
      const { user } = await gateway.session(before);
      expect(await arrive(gateway, before, provider)).toBe(user.id);
      await expect(arrive(gateway, newIdentity(), provider)).rejects.toMatchObject(refused);
      const token = await invite(gateway);
      await expect(arrive(gateway, newIdentity(), provider, { token })).rejects.toMatchObject(refused);
    },
  );

  it('starts no registration, and the pages offer none', async () => {
    expectProblem(await gateway.request('/auth/signup'), 403, 'signup_refused');
    const page = await gateway.request('/auth/signup', {
      headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'none' },
    });
    expect(page.text).toContain("New accounts can't be created here");
    const welcome = await gateway.request('/');
    expect(welcome.text).toContain('/auth/login');
    expect(welcome.text).not.toContain('/auth/signup');
  });
});

describe('SIGNUP=invite', () => {
  let gateway: Gateway;

  beforeAll(async () => {
    gateway = await startGateway({ SIGNUP: 'invite' });
  });

  afterAll(() => gateway?.stop());

  it('lets in who brings an invite that anyone may accept [L30]', async () => {
    const token = await invite(gateway);
    await expect(arrive(gateway, newIdentity())).rejects.toMatchObject(refused);
    await expect(arrive(gateway, newIdentity(), 'oidc', { token: 'nothing' })).rejects.toMatchObject(refused);
    await arrive(gateway, newIdentity(), 'oidc', { token });
  });

  it('lets in who is on the way to the invitation’s page', async () => {
    const destination = `/invitation?invite=${await invite(gateway)}`;
    await expect(arrive(gateway, newIdentity(), 'oidc', { destination })).resolves.toMatch(/^[\da-f-]{36}$/);
  });

  it('lets in the address that an invite is for, and no other [L30]', async () => {
    const invitee = newIdentity({ emailVerified: false });
    const destination = `/invitation?invite=${await invite(gateway, { email: invitee.email ?? '' })}`;
    await expect(arrive(gateway, newIdentity(), 'oidc', { destination })).rejects.toMatchObject(refused);
    await arrive(gateway, invitee, 'oidc', { destination });
  });

  it('lets in a verified address for which an invite waits; a claimed one has to bring it', async () => {
    const invitee = newIdentity({ emailVerified: true });
    await invite(gateway, { email: invitee.email ?? '' });
    await expect(arrive(gateway, { ...invitee, emailVerified: false })).rejects.toMatchObject(refused);
    await arrive(gateway, invitee);
  });

  it('lets in nobody by the invite of an author who may no longer make it', async () => {
    const orgs = new OrgCaller(gateway);
    const { query } = gateway.app.get(Database, { strict: false });
    const [chief, owner] = [await administratorAt(gateway), await gateway.session()];
    const org = await orgs.make(owner);
    const line = `POST /api/v1/orgs/${org.id}/invites`;
    const make = async (by: HeldSession, body: object): Promise<string> => {
      const { url } = inviteSchema.parse((await orgs.call(by, line, body)).json());
      return new URL(url ?? '').searchParams.get('invite') ?? '';
    };
    const awaited = newIdentity({ emailVerified: true });
    const byChief = await make(chief, {});
    await make(chief, { email: awaited.email });
    const [asOwner, asAdmin] = [await make(owner, { role: 'owner' }), await make(owner, { role: 'admin' })];
    await query.updateTable('users').set({ role: 'user' }).where('id', '=', chief.user.id).execute();
    await query.updateTable('memberships').set({ role: 'admin' }).where('org_id', '=', org.id).execute();
    for (const [identity, token] of [
      [newIdentity(), byChief],
      [awaited, undefined],
      [newIdentity(), asOwner],
    ] as const) {
      const brought = token === undefined ? {} : { token };
      await expect(arrive(gateway, identity, 'oidc', brought)).rejects.toMatchObject(refused);
    }
    expectProblem(await gateway.request(`/auth/signup?invite=${byChief}`), 403, 'signup_refused');
    await arrive(gateway, newIdentity(), 'oidc', { token: asAdmin });
    const late = await make(owner, {});
    for (const change of [{ state: 'left' }, { state: 'active', role: 'member' }] as const) {
      await query.updateTable('memberships').set(change).where('org_id', '=', org.id).execute();
      await expect(arrive(gateway, newIdentity(), 'oidc', { token: late })).rejects.toMatchObject(refused);
    }
  });

  it('starts a registration with an invite alone', async () => {
    expectProblem(await gateway.request('/auth/signup'), 403, 'signup_refused');
    expectProblem(await gateway.request('/auth/signup?invite=nothing'), 403, 'signup_refused');
    const token = await invite(gateway);
    expect((await gateway.request(`/auth/signup?invite=${token}`)).status).not.toBe(403);
    const destination = encodeURIComponent(`/invitation?invite=${token}`);
    expect((await gateway.request(`/auth/signup?return_to=${destination}`)).status).not.toBe(403);
  });
});

describe.each(databaseKinds)('an invite on %s', (kind) => {
  let database: FreshDatabase;
  let gateway: Gateway;

  afterEach(async () => {
    await gateway?.stop();
    await database?.drop();
  });

  async function start(env: Readonly<Record<string, string>>): Promise<void> {
    database = await freshDatabase(kind, inject('postgresUrl'));
    gateway = await startGateway({ DATABASE_URL: database.url, ...env });
  }

  /** Ten people who sign up at once, of whom nine are refused. @returns the one who got an account. */
  async function expectOneOf(
    arrivals: readonly ProviderIdentity[],
    brought: { readonly token?: string } = {},
  ): Promise<ProviderIdentity> {
    const found = await Promise.allSettled(
      arrivals.map((identity) => arrive(gateway, identity, 'oidc', brought)),
    );
    const reasons = found.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    expect(reasons).toEqual(Array.from({ length: 9 }, () => expect.objectContaining(refused)));
    const admitted = arrivals.find((_identity, index) => found[index]?.status === 'fulfilled');
    if (admitted === undefined) {
      throw new Error('nobody was admitted');
    }
    return admitted;
  }

  const ten = (facts: Partial<ProviderIdentity> = {}): readonly ProviderIdentity[] =>
    Array.from({ length: 10 }, () => newIdentity(facts));

  it('that anyone may use makes one account, of ten who come at once, also for two logins of it [B06]', async () => {
    await start({ SIGNUP: 'invite' });
    const token = await invite(gateway);
    const admitted = await expectOneOf(ten(), { token });
    await expect(arrive(gateway, newIdentity(), 'oidc', { token })).rejects.toMatchObject(refused);
    await arrive(gateway, admitted);
    // The link still makes them a member, and says that it lets nobody in.
    const question = await gateway.request(`/invitation?invite=${token}`);
    expect(question.text).toContain('/auth/login');
    expect(question.text).not.toContain('/auth/signup?');
    expectProblem(await gateway.request(`/auth/signup?invite=${token}`), 403, 'signup_refused');
    const [again, once] = [await invite(gateway), newIdentity()];
    const ids = await Promise.all(ten().map(() => arrive(gateway, once, 'oidc', { token: again })));
    expect(new Set(ids).size).toBe(1);
  });

  it('for an address makes one account of it while sign-up is closed; its author must have been an administrator, and stay one [B06]', async () => {
    await start({ SIGNUP: 'closed', ...providerEnv.oidc });
    const email = `${newId()}@example.org`;
    const identity = newIdentity();
    const chief = await gateway.session(identity);
    const early = { email: `${newId()}@example.org`, emailVerified: true };
    await invite(gateway, { email: early.email }, chief);
    await promote(gateway.app, chief.user.id);
    // Made by an owner: it doesn't open when they become administrator.
    await expect(arrive(gateway, newIdentity(early))).rejects.toMatchObject(refused);
    const admin = await gateway.session(identity);
    await invite(gateway, { email }, admin);
    const narrow = { email: `${newId()}@example.org`, emailVerified: true };
    await invite(
      gateway,
      { email: narrow.email },
      admin,
      await keyOf(gateway.app, admin.user.id, 'orgs:write'),
    );
    await expect(arrive(gateway, newIdentity(narrow))).rejects.toMatchObject(refused);
    const late = { email: `${newId()}@example.org`, emailVerified: true };
    await invite(gateway, { email: late.email }, admin);
    await expectOneOf(ten({ email, emailVerified: true }));
    await expect(arrive(gateway, newIdentity({ email, emailVerified: true }))).rejects.toMatchObject(refused);
    const { query } = gateway.app.get(Database, { strict: false });
    await query.updateTable('users').set({ role: 'user' }).where('id', '=', chief.user.id).execute();
    await expect(arrive(gateway, newIdentity(late))).rejects.toMatchObject(refused);
  });
});

describe('EMAIL_DOMAINS', () => {
  const inside = (): ProviderIdentity =>
    newIdentity({ email: `${newId()}@Example.ORG`, emailVerified: true });

  it('lets new users in with an address of one of them, and leaves the others alone [L31]', () =>
    withGateway({ EMAIL_DOMAINS: 'example.org, example.net' }, async (gateway) => {
      await arrive(gateway, inside());
      const outside = newIdentity({ email: `${newId()}@example.com`, emailVerified: true });
      for (const email of [
        outside.email,
        `${newId()}@sub.example.org`,
        `${newId()}@example.org.example.com`,
        `example.org@example.com`,
        null,
      ]) {
        await expect(arrive(gateway, newIdentity({ email, emailVerified: true }))).rejects.toMatchObject(
          refused,
        );
      }
      const { user } = await gateway.session(outside);
      expect(await arrive(gateway, outside)).toBe(user.id);
    }));

  it("takes another provider's word only for a verified address", () =>
    withGateway({ EMAIL_DOMAINS: 'example.org' }, async (gateway) => {
      const claimed = { ...inside(), emailVerified: false };
      await expect(arrive(gateway, claimed, 'oidc')).rejects.toMatchObject(refused);
      // A connection states addresses as a provider does; those of Kratos' users are verified by our own mail.
      await expect(arrive(gateway, claimed, 'ory')).rejects.toMatchObject(refused);
      await arrive(gateway, { ...claimed, isProvenHere: true }, 'ory');
    }));

  it('holds for the invited too', () =>
    withGateway({ EMAIL_DOMAINS: 'example.org', SIGNUP: 'invite' }, async (gateway) => {
      const token = await invite(gateway);
      const outside = newIdentity({ email: `${newId()}@example.com`, emailVerified: true });
      await expect(arrive(gateway, outside, 'oidc', { token })).rejects.toMatchObject(refused);
      await arrive(gateway, inside(), 'oidc', { token });
    }));
});

it('the address of ADMIN_EMAIL gets its account once the provider has verified it, and only then', () =>
  withGateway(
    { SIGNUP: 'closed', EMAIL_DOMAINS: 'example.org', ADMIN_EMAIL: 'root@example.com' },
    async (gateway) => {
      const administrator = newIdentity({ email: 'Root@example.com', emailVerified: true });
      await expect(arrive(gateway, { ...administrator, emailVerified: false })).rejects.toMatchObject(
        refused,
      );
      await arrive(gateway, administrator);
    },
  ));
