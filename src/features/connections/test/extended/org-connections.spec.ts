import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { z } from 'zod';
import { Database } from '../../../../platform/database/database.schema.js';
import { UserDirectory } from '../../../../directory/users/user-directory.js';
import { FirstAdministrator } from '../../../../directory/users/first-administrator.js';
import { newId } from '../../../../platform/core/identifier.js';
import { AuthStrategy } from '../../../../auth-strategy/auth.strategy.js';
import { connectionFaults } from '../../connection-step.js';
import { promote } from '../../../../../test/support/administrator.js';
import { databaseKinds } from '../../../../../test/support/database.kinds.js';
import {
  type CompanyPorts,
  type CompanyServer,
  companyPorts,
  companySecret,
  type Employee,
  goToCompany,
  logInThere,
  pageOfAddress,
  startCompany,
} from '../../../../../test/support/openid.connection.js';
import { OAuthApp } from '../../../../../test/support/oauth.app.js';
import { Mailbox } from '../../../../../test/support/mailbox.js';
import { newPerson, type Person, signUp } from '../../../../../test/support/person.js';
import { type Stack, startStack, waitUntil } from '../../../../../test/support/stack.js';
import { sendForm } from '../../../../../test/support/travel.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';

const domainOfChief = 'chief.example';
const idSchema = z.looseObject({ id: z.string() });
const sessionSchema = z.looseObject({
  user: z.looseObject({ id: z.string(), email: z.string(), emailVerified: z.boolean() }),
  claims: z.looseObject({
    org: z.looseObject({ id: z.string(), role: z.string() }).nullish(),
    roles: z.array(z.string()).optional(),
  }),
});
const listSchema = z.looseObject({ items: z.array(idSchema) });
const problemSchema = z.looseObject({
  code: z.string(),
  errors: z.array(z.looseObject({ field: z.string(), message: z.string() })).default([]),
});
const reportSchema = z.object({
  ok: z.boolean(),
  steps: z.array(
    z.looseObject({
      step: z.string(),
      ok: z.boolean(),
      fault: z.enum(connectionFaults).nullable(),
      found: z.string().nullable(),
      detail: z.string().nullable(),
    }),
  ),
  latestRefusal: z.object({ at: z.iso.datetime(), reason: z.string() }).nullable(),
});

/** An organisation that has proven a domain. */
interface Org {
  readonly owner: UserAgent;
  readonly id: string;
  readonly domain: string;
  /** Path of its connections. */
  readonly path: string;
}

describe.each(databaseKinds)('connections of organisations, on %s', (database) => {
  let stack: Stack;
  let ports: CompanyPorts;
  let company: CompanyServer;
  /** Redirect URIs are registered before the connection has an id: the provider is started anew for each. */
  let running: CompanyServer | undefined;

  beforeAll(async () => {
    ports = await companyPorts();
    stack = await startStack({
      database,
      postgresUrl: inject('postgresUrl'),
      sharedOry: true,
      env: {
        ORG_CONNECTION_HOSTS: new URL(ports.issuer).host,
        ORG_CONNECTION_KINDS: 'oidc,saml,ldap',
        CLAIMS_MAP: 'groups=groups,connection=connection',
        LINK_BY_VERIFIED_EMAIL: 'true',
        ADMIN_EMAIL: `chief@${domainOfChief}`,
        CONNECTIONS: JSON.stringify([
          {
            id: 'deployment',
            kind: 'oidc',
            name: 'Deployment',
            domains: ['deployment.test'],
            issuer: 'https://login.deployment.test',
            client_id: 'vestibule',
          },
        ]),
      },
    });
  });

  beforeEach(() => stack.shiftClock(0));

  afterAll(async () => {
    await running?.stop();
    await stack?.stop();
  });

  const query = () => stack.app().get(Database, { strict: false }).query;

  async function userOf(agent: UserAgent): Promise<z.output<typeof sessionSchema>> {
    return sessionSchema.parse((await agent.fetch('/auth/session')).json());
  }

  async function newUser(person: Person = newPerson()): Promise<UserAgent> {
    const agent = new UserAgent(stack.url);
    await signUp(agent, person);
    return agent;
  }

  async function orgWith(owner: UserAgent, domain = `d${newId().slice(-12)}.example`): Promise<Org> {
    const { user } = await userOf(owner);
    await query().updateTable('users').set({ email_verified: 1 }).where('id', '=', user.id).execute();
    const { id } = idSchema.parse((await owner.send('POST', '/api/v1/orgs', { name: 'Example' })).json());
    await prove(id, domain);
    return { owner, id, domain, path: `/api/v1/orgs/${id}/connections` };
  }

  /** Stores that an organisation has proven a domain, as an administrator's confirmation does; null: it has lost it. */
  async function prove(orgId: string, domain: string | null): Promise<void> {
    await query()
      .updateTable('orgs')
      .set({ domain, claimed_domain: domain, domain_proof: domain === null ? null : 'administrator' })
      .where('id', '=', orgId)
      .execute();
  }

  const bodyOf = ({ domain }: Pick<Org, 'domain'>, more: object = {}): object => ({
    name: 'Example Ltd.',
    kind: 'oidc',
    settings: {
      issuer: ports.issuer,
      client_id: 'vestibule',
      client_secret: companySecret,
      offline_access: true,
    },
    domains: [domain],
    ...more,
  });

  /** Connects an organisation's provider, which knows the redirect URI. @returns the id of the connection. */
  async function connect(org: Org, more: object = {}): Promise<string> {
    const answer = await org.owner.send('POST', org.path, bodyOf(org, more));
    expect([answer.status, answer.status === 201 ? '' : answer.text]).toEqual([201, '']);
    const { id } = idSchema.parse(answer.json());
    await running?.stop();
    running = await startCompany(stack.url, ports, { ids: [id] });
    company = running;
    return id;
  }

  const employ = ({ domain }: Org, groups: readonly string[] = []): Employee =>
    company.employ({ email: `p${newId().slice(-8)}@${domain}`, extra: { groups } });

  async function logInAt(agent: UserAgent, person: Pick<Person, 'email' | 'password'>): Promise<Page> {
    return logInThere(agent, await goToCompany(agent, await pageOfAddress(agent, person.email)), person);
  }

  async function colleague(
    org: Org,
    groups: readonly string[] = [],
  ): Promise<Employee & { agent: UserAgent }> {
    const person = employ(org, groups);
    const agent = new UserAgent(stack.url);
    expect((await logInAt(agent, person)).status).toBe(200);
    return { ...person, agent };
  }

  const faultsOf = (answer: { readonly json: () => unknown }): readonly string[] => {
    const { code, errors } = problemSchema.parse(answer.json());
    return [code, ...errors.map(({ field }) => field)];
  };

  async function testOf(org: Org, id: string): Promise<readonly (string | null)[]> {
    const answer = await org.owner.send('POST', `${org.path}/${id}/test`, {});
    expect(answer.status).toBe(200);
    return reportSchema
      .parse(answer.json())
      .steps.map(({ step, fault, found }) => [step, fault, found].filter((part) => part !== null).join(': '));
  }

  const roleOf = async (orgId: string, agent: UserAgent): Promise<string | undefined> => {
    const { user } = await userOf(agent);
    const row = await query()
      .selectFrom('memberships')
      .select('role')
      .where('org_id', '=', orgId)
      .where('user_id', '=', user.id)
      .where('state', '=', 'active')
      .executeTakeFirst();
    return row?.role;
  };

  /** Logs in by the link for accounts of this site, below the address. */
  async function logInByPassword(agent: UserAgent, { email, password }: Person): Promise<Page> {
    const first = await agent.navigate('/auth/login');
    const link = first
      .html()
      .querySelectorAll('a')
      .find(({ text }) => text === 'Log in with an account of this site');
    const page = await agent.navigate(link?.getAttribute('href') ?? '');
    return agent.submit(page, { identifier: email, password, method: 'password' });
  }

  const wikiUri = 'https://wiki.example/back';

  /** An application of the deployment's own, beside the gateway. */
  async function newApplication(): Promise<OAuthApp> {
    const person = newPerson();
    await promote(stack.app(), (await userOf(await newUser(person))).user.id);
    const admin = new UserAgent(stack.url);
    await logInByPassword(admin, person);
    const answer = await admin.send('POST', '/api/v1/applications', {
      kind: 'web',
      name: 'Wiki',
      redirectUris: [wikiUri],
      firstParty: true,
      scope: 'openid roles orgs groups',
      groupsFrom: 'all',
      groupsAs: 'id',
    });
    expect([answer.status, answer.status === 201 ? '' : answer.text]).toEqual([201, '']);
    const { id, clientSecret: secret } = z
      .looseObject({ id: z.string(), clientSecret: z.string() })
      .parse(answer.json());
    return new OAuthApp(stack.url, { id, secret }, wikiUri);
  }

  it('an address in the proven domain leads to it, and its user is a member with the role of their group', async () => {
    const org = await orgWith(await newUser());
    await connect(org, { roleRules: [{ group: 'it', role: 'admin' }] });
    const ada = await colleague(org, ['it', 'everyone']);
    expect(await userOf(ada.agent)).toMatchObject({
      user: { email: ada.email, emailVerified: true },
      claims: { org: { id: org.id, role: 'admin' } },
    });
    const bob = await colleague(org, ['everyone']);
    expect((await userOf(bob.agent)).claims.org).toMatchObject({ id: org.id, role: 'member' });
    const eventsOf = async (): Promise<readonly string[]> => {
      const events = await query()
        .selectFrom('audit_events')
        .select('type')
        .where('org_id', '=', org.id)
        .where('type', 'in', ['member_added', 'connection_created'])
        .execute();
      return events.map(({ type }) => type).toSorted();
    };
    await expect.poll(eventsOf).toEqual(['connection_created', 'member_added', 'member_added']);
  });

  it('the role follows the groups at the next login, but never that of an owner', async () => {
    const org = await orgWith(await newUser());
    await connect(org, { roleRules: [{ group: 'it', role: 'admin' }] });
    const ada = await colleague(org, ['it']);
    company.provider.add({
      sub: ada.sub,
      email: ada.email,
      email_verified: true,
      name: ada.name,
      picture: '',
      extra: { groups: [] },
      secondFactor: false,
      password: ada.password,
    });
    const again = new UserAgent(stack.url);
    await logInAt(again, ada);
    expect(await roleOf(org.id, again)).toBe('member');
    const { user } = await userOf(again);
    await query().updateTable('memberships').set({ role: 'owner' }).where('user_id', '=', user.id).execute();
    const third = new UserAgent(stack.url);
    await logInAt(third, ada);
    expect(await roleOf(org.id, third)).toBe('owner');
  });

  it('a member whom an owner has removed stays out', async () => {
    const org = await orgWith(await newUser());
    await connect(org);
    const ada = await colleague(org);
    const { user } = await userOf(ada.agent);
    expect(
      (await org.owner.send('DELETE', `/api/v1/orgs/${org.id}/members/${user.id}`, undefined)).status,
    ).toBe(204);
    const again = new UserAgent(stack.url);
    await logInAt(again, ada);
    expect(await roleOf(org.id, again)).toBeUndefined();
  });

  it('without the connection, and without the proof of the domain, its sessions end and no address leads to it', async () => {
    const org = await orgWith(await newUser());
    const id = await connect(org);
    const [ada, bob] = [await colleague(org), await colleague(org)];
    await prove(org.id, null);
    stack.shiftClock(660);
    expect((await ada.agent.fetch('/auth/session')).status).toBe(401);
    expect(new URL((await pageOfAddress(new UserAgent(stack.url), ada.email)).url).pathname).not.toContain(
      id,
    );
    await prove(org.id, org.domain);
    expect((await bob.agent.fetch('/auth/session')).status).toBe(200);
    expect((await org.owner.send('DELETE', `${org.path}/${id}`, undefined)).status).toBe(204);
    // At its next request, long before its token expires.
    expect((await bob.agent.fetch('/auth/session')).status).toBe(401);
    expect((await org.owner.fetch(`${org.path}/${id}`)).status).toBe(404);
  });

  it('is removed by no session whose login is long ago', async () => {
    const org = await orgWith(await newUser());
    const path = `${org.path}/${await connect(org)}`;
    stack.shiftClock(960);
    expect((await org.owner.send('DELETE', path, undefined)).status).toBe(401);
    expect((await org.owner.fetch(path)).status).toBe(200);
  });

  it('where it is required, an account of this site is led to it; owners and administrators keep theirs', async () => {
    const people = { owner: newPerson(), admin: newPerson(), other: newPerson() };
    const domain = `d${newId().slice(-12)}.example`;
    const at = (person: Person): Person => ({ ...person, email: `${newId().slice(-8)}@${domain}` });
    const [owner, admin, other] = [at(people.owner), at(people.admin), at(people.other)];
    const org = await orgWith(await newUser(owner), domain);
    const adminAgent = await newUser(admin);
    await promote(stack.app(), (await userOf(adminAgent)).user.id);
    const session = await newUser(other);
    const id = await connect(org, { required: true });

    const again = new UserAgent(stack.url);
    await logInByPassword(again, other);
    expect((await again.fetch('/auth/session')).status).toBe(401);
    stack.shiftClock(660);
    expect((await session.fetch('/auth/session')).status).toBe(401);
    stack.shiftClock(0);
    for (const person of [owner, admin]) {
      const agent = new UserAgent(stack.url);
      await logInByPassword(agent, person);
      expect((await agent.fetch('/auth/session')).status).toBe(200);
    }
    const newcomer = new UserAgent(stack.url);
    const refused = await signUp(newcomer, at(newPerson()));
    expect([new URL(refused.url).pathname, refused.text]).toEqual([
      '/ui/registration',
      expect.stringContaining('Addresses like this log in at their company.'),
    ]);
    expect((await org.owner.send('PATCH', `${org.path}/${id}`, { required: false })).status).toBe(200);
    const back = new UserAgent(stack.url);
    await logInByPassword(back, other);
    expect((await back.fetch('/auth/session')).status).toBe(200);
  });

  it('ends with its organisation', async () => {
    const org = await orgWith(await newUser());
    const id = await connect(org);
    const ada = await colleague(org);
    const { status } = await org.owner.send('DELETE', `/api/v1/orgs/${org.id}`, undefined);
    expect(status).toBe(204);
    stack.shiftClock(660);
    expect((await ada.agent.fetch('/auth/session')).status).toBe(401);
    const left = await query().selectFrom('org_connections').select('id').where('id', '=', id).execute();
    expect(left).toEqual([]);
  });

  // What follows is tried where several connections write at once.
  if (database !== databaseKinds.at(-1)) {
    return;
  }

  it('an address in another spelling of the domain is stored and shown in the one that is compared', async () => {
    const org = await orgWith(await newUser());
    await connect(org);
    const name = `p${newId().slice(-8)}`;
    const email = `${name}@${org.domain}`;
    const fullwidth = `${name}@${org.domain.replaceAll('e', '\uFF45')}`;
    const employee = company.employ({ email: fullwidth, extra: { groups: [] } });
    const agent = new UserAgent(stack.url);
    await logInThere(agent, await goToCompany(agent, await pageOfAddress(agent, email)), employee);
    expect((await userOf(agent)).user).toMatchObject({ email, emailVerified: true });
  });

  it('where it is required, no change of the address at Kratos leads out of it, or into it', async () => {
    const org = await orgWith(await newUser());
    const inside = (): string => `p${newId().slice(-8)}@${org.domain}`;
    const person = { ...newPerson(), email: inside() };
    await newUser(person);
    const outsider = newPerson();
    const outside = await newUser(outsider);
    const id = await connect(org, { required: true });
    // At Kratos alone: a login for the gateway, or for an application, would end.
    const agent = new UserAgent(stack.url);
    const elsewhere = new URLSearchParams({ return_to: `${stack.url}/health/live` });
    const login = await agent.navigate(`/ory/kratos/self-service/login/browser?${elsewhere}`);
    await agent.submit(
      login,
      { identifier: person.email, password: person.password },
      { name: 'method', value: 'password' },
    );
    for (const [by, email, words] of [
      [agent, newPerson().email, 'You must log in at your company, which decides on your address.'],
      [agent, inside(), 'You must log in at your company, which decides on your address.'],
      [outside, inside(), 'Addresses like this log in at their company.'],
    ] as const) {
      const settings = await by.navigate('/ory/kratos/self-service/settings/browser');
      const page = await by.submit(settings, { 'traits.email': email }, { name: 'method', value: 'profile' });
      expect([new URL(page.url).pathname, page.text]).toEqual([
        '/ui/settings',
        expect.stringContaining(words),
      ]);
    }
    expect((await userOf(outside)).user.email).toBe(outsider.email);
    expect(new URL((await agent.navigate('/auth/login')).url).pathname).toBe(`/ui/connections/${id}`);
  });

  describe('attacks', () => {
    it('a domain that is not proven, or is another connection’s, is refused', async () => {
      const [one, two] = [await orgWith(await newUser()), await orgWith(await newUser())];
      await connect(one);
      const foreign = await two.owner.send('POST', two.path, bodyOf(one));
      expect([foreign.status, faultsOf(foreign)]).toEqual([400, ['validation_failed', 'domains']]);
      // Although it has proven it, a domain of the operator's own connection stays there.
      await prove(two.id, 'deployment.test');
      const taken = await two.owner.send('POST', two.path, bodyOf({ domain: 'deployment.test' }));
      expect([taken.status, faultsOf(taken)]).toEqual([400, ['validation_failed', 'domains']]);
      // The second one of the same organisation.
      const second = await one.owner.send('POST', one.path, bodyOf(one));
      expect([second.status, faultsOf(second)]).toEqual([409, ['conflict']]);
    });

    it('an address in another domain never counts as verified, and becomes no account that exists', async () => {
      const victim = newPerson();
      const known = await userOf(await newUser(victim));
      const org = await orgWith(await newUser());
      await connect(org);
      const mallory = company.employ({ email: victim.email });
      const agent = new UserAgent(stack.url);
      const page = await pageOfAddress(agent, `x@${org.domain}`);
      await logInThere(agent, await goToCompany(agent, page), mallory);
      const { user } = await userOf(agent);
      expect([user.id === known.user.id, user.emailVerified]).toEqual([false, false]);
    });

    it('a connection serves its first domain only: the users of a former one aren’t taken along', async () => {
      const org = await orgWith(await newUser());
      const id = await connect(org);
      const ada = await colleague(org);
      const heir = await orgWith(await newUser());
      await prove(org.id, null);
      await prove(heir.id, org.domain);
      const other = `d${newId().slice(-12)}.example`;
      await prove(org.id, other);
      const moved = await org.owner.send('PATCH', `${org.path}/${id}`, { domains: [other] });
      expect([moved.status, faultsOf(moved)]).toEqual([400, ['validation_failed', 'domains']]);
      expect((await org.owner.send('PATCH', `${org.path}/${id}`, { domains: [] })).status).toBe(200);
      const again = await org.owner.send('PATCH', `${org.path}/${id}`, { domains: [other] });
      expect(again.status).toBe(400);
      stack.shiftClock(660);
      expect((await ada.agent.fetch('/auth/session')).status).toBe(401);
    });

    it('an address that is none, or several, counts as verified in no domain', async () => {
      const org = await orgWith(await newUser());
      await connect(org);
      for (const local of ['a,b@', 'Ada <ada>@', 'ada lovelace@', 'x@other.example,ada@']) {
        const mallory = company.employ({ email: `${local}${org.domain}` });
        const agent = new UserAgent(stack.url);
        const page = await pageOfAddress(agent, `x@${org.domain}`);
        await logInThere(agent, await goToCompany(agent, page), mallory);
        const session = await agent.fetch('/auth/session');
        const isVerified = session.status === 200 && (await userOf(agent)).user.emailVerified;
        expect([local, [200, 401].includes(session.status), isVerified]).toEqual([local, true, false]);
      }
    });

    it('an organisation that gets a domain, and connects it, doesn’t get the users of the former one', async () => {
      const former = await orgWith(await newUser());
      await connect(former);
      const alice = await colleague(former);
      const { user } = await userOf(alice.agent);
      await prove(former.id, null);
      const next = await orgWith(await newUser(), former.domain);
      await connect(next);
      const other = company.employ({ email: alice.email, extra: { groups: [] } });
      const agent = new UserAgent(stack.url);
      await logInAt(agent, other);
      const found = await userOf(agent);
      expect([found.user.id === user.id, found.claims.org?.id]).toEqual([false, next.id]);
    });

    it('a user whose address is verified here, and who is in no other organisation, stays who they are, and is told by mail', async () => {
      const org = await orgWith(await newUser());
      const person = { ...newPerson(), email: `p${newId().slice(-8)}@${org.domain}` };
      const known = await userOf(await newUser(person));
      await query()
        .updateTable('users')
        .set({ email_verified: 1, owned_since: 1 })
        .where('id', '=', known.user.id)
        .execute();
      await connect(org);
      const join = async (orgId: string): Promise<unknown> =>
        query()
          .insertInto('memberships')
          .values({ org_id: orgId, user_id: known.user.id, role: 'member', state: 'active', created_at: 1 })
          .execute();
      await join(org.id);
      expect(await membersOf(org)).toEqual({ withAccount: 1, exempt: 0, linked: true });
      const agent = new UserAgent(stack.url);
      await logInAt(agent, company.employ({ email: person.email, extra: { groups: [] } }));
      expect((await userOf(agent)).user.id).toBe(known.user.id);
      const mail = await new Mailbox(stack).next(person.email, /Another login opens your account/);
      expect([mail.link, mail.text.includes(person.email)]).toEqual([`${stack.url}/`, false]);
      expect(await membersOf(org)).toEqual({ withAccount: 0, exempt: 0, linked: true });
      await join((await orgWith(await newUser())).id);
      expect(await membersOf(org)).toEqual({ withAccount: 0, exempt: 1, linked: true });
    });

    /** What the owner is told about members who have an account here. */
    async function membersOf(org: Org): Promise<unknown> {
      return z.looseObject({ members: z.unknown() }).parse((await org.owner.fetch(org.path)).json()).members;
    }

    describe('a person with an account of this site, to whom it is linked', () => {
      /** Such a person, who is in no other organisation yet, with a session by each login. */
      async function linkedPerson() {
        const org = await orgWith(await newUser());
        const person = { ...newPerson(), email: `p${newId().slice(-8)}@${org.domain}` };
        const own = await newUser(person);
        const { user } = await userOf(own);
        await query()
          .updateTable('users')
          .set({ email_verified: 1, owned_since: 1 })
          .where('id', '=', user.id)
          .execute();
        await connect(org);
        const employee = company.employ({ email: person.email, extra: { groups: [] } });
        const agent = new UserAgent(stack.url);
        await logInAt(agent, employee);
        expect(await userOf(agent)).toMatchObject({ user: { id: user.id }, claims: { org: { id: org.id } } });
        return { org, own, agent, employee, userId: user.id };
      }

      const keyOf = async (agent: UserAgent): Promise<string> => {
        const answer = await agent.send('POST', '/api/v1/api-keys', { name: 'Key', scope: 'api' });
        expect(answer.status).toBe(201);
        return z.object({ key: z.string() }).parse(answer.json()).key;
      };
      const withKey = async (key: string, path: string, init: RequestInit = {}): Promise<number> => {
        const headers = { 'x-api-key': key, 'content-type': 'application/json' };
        return (await fetch(`${stack.url}${path}`, { ...init, headers })).status;
      };

      it('who becomes a member elsewhere is reached by it no more: no session, key or login [A08]', async () => {
        const { own, agent, employee, userId } = await linkedPerson();
        const key = await keyOf(agent);
        expect(await withKey(key, '/api/v1/me')).toBe(200);
        expect((await own.send('POST', '/api/v1/orgs', { name: 'My own' })).status).toBe(201);
        expect((await agent.fetch('/auth/session')).status).toBe(401);
        expect(await withKey(key, '/api/v1/me')).toBe(401);
        const again = new UserAgent(stack.url);
        const page = await logInAt(again, employee);
        expect(page.text).toContain('member of other organisations');
        expect((await again.fetch('/auth/session')).status).toBe(401);
        expect((await own.fetch('/auth/session')).status).toBe(200);
        const ended = query()
          .selectFrom('audit_events')
          .select('reason')
          .where('user_id', '=', userId)
          .where('type', '=', 'session_ended');
        await expect.poll(async () => ended.execute()).toContainEqual({ reason: 'member_elsewhere' });
      });

      it('acts in no other one by it, also where a new membership hasn’t been heard of [A08]', async () => {
        const { agent, org, userId } = await linkedPerson();
        const elsewhere = await orgWith(await newUser());
        await query()
          .insertInto('memberships')
          .values({ org_id: elsewhere.id, user_id: userId, role: 'owner', state: 'active', created_at: 1 })
          .execute();
        const exchange = async (more: object = {}) =>
          agent.fetch('/auth/token', {
            method: 'POST',
            headers: { origin: stack.url },
            body: new URLSearchParams({
              grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
              subject_token_type: 'urn:vestibule:params:oauth:token-type:session',
              ...more,
            }),
          });
        const switched = await agent.send('POST', `/api/v1/orgs/${elsewhere.id}/switch`);
        expect([switched.status, faultsOf(switched)]).toEqual([403, ['forbidden']]);
        expect((await exchange({ org: elsewhere.id })).json()).toMatchObject({ error: 'invalid_target' });
        expect(await withKey(await keyOf(agent), '/api/v1/me')).toBe(401);
        expect(await userOf(agent)).toMatchObject({ claims: { org: { id: org.id } } });
        for (const part of ['', '/members', '/invites']) {
          expect([part, (await agent.fetch(`/api/v1/orgs/${elsewhere.id}${part}`)).status]).toEqual([
            part,
            404,
          ]);
        }
        for (const list of ['/api/v1/orgs', '/api/v1/me/orgs']) {
          const { items } = listSchema.parse((await agent.fetch(list)).json());
          expect([list, items.map(({ id }) => id)]).toEqual([list, [org.id]]);
        }
        // It ends at the next renewal.
        stack.shiftClock(660);
        expect((await agent.fetch('/auth/session')).status).toBe(401);
      });

      it('applications to which it opened the way learn nothing of another one, or of all once it can’t vouch [A08]', async () => {
        const { agent, org, userId } = await linkedPerson();
        const wiki = await newApplication();
        const scope = 'openid roles orgs groups';
        const { access_token: token } = await wiki.login(agent, { audience: undefined, scope });
        const userinfo = async (): Promise<unknown> => {
          const headers = { authorization: `Bearer ${token}` };
          return (await fetch(`${stack.url}/ory/hydra/userinfo`, { headers })).json();
        };
        expect(await userinfo()).toMatchObject({
          orgs: [{ id: org.id }],
          groups: [org.id, `${org.id}:member`],
        });
        const elsewhere = await orgWith(await newUser());
        // Between what is judged and what is read, if that was the order.
        const directory = stack.app().get(UserDirectory, { strict: false });
        const orgsOf = directory.orgsOf.bind(directory);
        const meanwhile = vi.spyOn(directory, 'orgsOf').mockImplementationOnce(async (...given) => {
          await query()
            .insertInto('memberships')
            .values({ org_id: elsewhere.id, user_id: userId, role: 'owner', state: 'active', created_at: 1 })
            .execute();
          return orgsOf(...given);
        });
        expect(await userinfo()).toMatchObject({ roles: [], orgs: [], groups: [] });
        meanwhile.mockRestore();
        expect(await userinfo()).toMatchObject({ roles: [], orgs: [], groups: [] });
      });

      it('deletes not the account of this site by it, but by that account [A08]', async () => {
        const { own, agent } = await linkedPerson();
        const refused = await agent.send('DELETE', '/api/v1/me');
        expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('"forbidden"')]);
        expect((await own.fetch('/auth/session')).status).toBe(200);
        expect((await own.send('DELETE', '/api/v1/me')).status).toBe(204);
      });

      it('joins no other organisation by it: a slip would shut them out [A08]', async () => {
        const { agent } = await linkedPerson();
        const key = await keyOf(agent);
        const other = await orgWith(await newUser());
        const invited = await other.owner.send('POST', `/api/v1/orgs/${other.id}/invites`, {});
        const { url } = z.object({ url: z.url() }).parse(invited.json());
        const token = new URL(url).searchParams.get('invite') ?? '';
        const tries = [
          await agent.send('POST', '/api/v1/orgs', { name: 'My own' }),
          await agent.send('POST', '/api/v1/invites/redeem', { token }),
        ].map(({ status }) => status);
        const body = JSON.stringify({ name: 'My own' });
        expect([...tries, await withKey(key, '/api/v1/orgs', { method: 'POST', body })]).toEqual([
          403, 403, 403,
        ]);
        expect((await agent.fetch('/auth/session')).status).toBe(200);
      });

      it('keeps their account of this site although it is required, once it can’t vouch for them', async () => {
        const { org, own } = await linkedPerson();
        expect((await own.send('POST', '/api/v1/orgs', { name: 'My own' })).status).toBe(201);
        const [{ id = '' } = {}] = await query()
          .selectFrom('org_connections')
          .select('id')
          .where('org_id', '=', org.id)
          .execute();
        expect((await org.owner.send('PATCH', `${org.path}/${id}`, { required: true })).status).toBe(200);
        stack.shiftClock(660);
        expect((await own.fetch('/auth/session')).status).toBe(200);
      });
    });

    it('a login that its removal overtakes gets no session', async () => {
      const org = await orgWith(await newUser());
      const id = await connect(org);
      const strategy = stack.app().get(AuthStrategy, { strict: false });
      const validate = strategy.validate.bind(strategy);
      const removal = vi.spyOn(strategy, 'validate').mockImplementationOnce(async (...given) => {
        const validated = await validate(...given);
        expect((await org.owner.send('DELETE', `${org.path}/${id}`, undefined)).status).toBe(204);
        return validated;
      });
      const agent = new UserAgent(stack.url);
      const person = employ(org);
      await logInAt(agent, person);
      removal.mockRestore();
      expect((await agent.fetch('/auth/session')).status).toBe(401);
      const live = await query()
        .selectFrom('sessions')
        .innerJoin('users', 'users.id', 'sessions.user_id')
        .select('sessions.id')
        .where('users.email', '=', person.email)
        .where('sessions.ended_at', 'is', null)
        .execute();
      expect(live).toEqual([]);
    });

    it('a renewal that its removal overtakes, while the role changes, gets no token', async () => {
      const org = await orgWith(await newUser());
      const id = await connect(org, { roleRules: [{ group: 'it', role: 'admin' }] });
      const ada = await colleague(org);
      company.provider.add({
        sub: ada.sub,
        email: ada.email,
        email_verified: true,
        name: ada.name,
        picture: '',
        extra: { groups: ['it'] },
        secondFactor: false,
        password: ada.password,
      });
      const strategy = stack.app().get(AuthStrategy, { strict: false });
      const sessionState = strategy.sessionState.bind(strategy);
      const removal = vi.spyOn(strategy, 'sessionState').mockImplementationOnce(async (session) => {
        const state = await sessionState(session);
        expect((await org.owner.send('DELETE', `${org.path}/${id}`, undefined)).status).toBe(204);
        return state;
      });
      stack.shiftClock(660);
      await ada.agent.fetch('/auth/session');
      removal.mockRestore();
      expect((await ada.agent.fetch('/auth/session')).status).toBe(401);
    });

    it('a renewal that its removal overtakes gives no role back that was taken meanwhile', async () => {
      const org = await orgWith(await newUser());
      const id = await connect(org, { roleRules: [{ group: 'it', role: 'admin' }] });
      const ada = await colleague(org, ['it']);
      const { user } = await userOf(ada.agent);
      expect(await roleOf(org.id, ada.agent)).toBe('admin');
      stack.shiftClock(660);
      const before = company.wire.count(company.tokenPath);
      const release = company.wire.hold(company.tokenPath);
      const renewed = ada.agent.fetch('/auth/session');
      await waitUntil(async () => company.wire.count(company.tokenPath) > before, 'the provider to be asked');
      const member = `/api/v1/orgs/${org.id}/members/${user.id}`;
      expect((await org.owner.send('DELETE', `${org.path}/${id}`, undefined)).status).toBe(204);
      const demoted = await org.owner.send('PATCH', member, { role: 'member' });
      expect([demoted.status, demoted.status === 200 ? '' : demoted.text]).toEqual([200, '']);
      release();
      expect((await renewed).status).toBe(401);
      const { role } = await query()
        .selectFrom('memberships')
        .select('role')
        .where('org_id', '=', org.id)
        .where('user_id', '=', user.id)
        .executeTakeFirstOrThrow();
      expect(role).toBe('member');
    });

    it('a link that names it logs no one in there by itself; the deployment’s own goes on', async () => {
      const org = await orgWith(await newUser());
      const id = await connect(org);
      for (const [name, goesOn] of [
        [id, false],
        ['deployment', true],
      ] as const) {
        const page = await new UserAgent(stack.url).navigate(`/auth/login?connection=${name}`);
        expect([page.status, new URL(page.url).pathname]).toEqual([200, `/ui/connections/${name}`]);
        expect(page.headers.has('refresh')).toBe(goesOn);
      }
    });

    it('its name can’t be taken for that of a connection of the deployment, the product’s or a reserved one', async () => {
      const org = await orgWith(await newUser());
      for (const name of [
        'Deployment',
        'Example\u200B',
        'Example\u202E',
        '\u3164\u2800',
        'dep1oyment ',
        'Deplоyment',
      ]) {
        const answer = await org.owner.send('POST', org.path, bodyOf(org, { name }));
        expect([name, answer.status, faultsOf(answer)]).toEqual([name, 400, ['validation_failed', 'name']]);
      }
      const id = await connect(org);
      for (const name of ['Vestibule', 'Sign in with Vestibulе', 'Support', 'ADMIΝ']) {
        const answers = [
          await org.owner.send('POST', org.path, bodyOf(org, { name })),
          await org.owner.send('PATCH', `${org.path}/${id}`, { name }),
        ];
        expect([name, answers.map((answer) => [answer.status, ...faultsOf(answer)])]).toEqual([
          name,
          answers.map(() => [400, 'validation_failed', 'name']),
        ]);
      }
      // One from before the rule stays with other changes.
      await query().updateTable('org_connections').set({ name: 'Support' }).where('id', '=', id).execute();
      const kept = await org.owner.send('PATCH', `${org.path}/${id}`, { name: 'Support', required: true });
      expect(kept.status).toBe(200);
    });

    it('an id that is none leads nowhere', async () => {
      await connect(await orgWith(await newUser()));
      const agent = new UserAgent(stack.url);
      const { url } = await agent.navigate('/auth/login');
      const challenge = new URL(url).searchParams.get('login_challenge') ?? '';
      for (const id of ['%00', 'x', '%F0%9F%98%80', '0199aaaa-0000-7000-8000-000000000001']) {
        const query = new URLSearchParams({ login_challenge: challenge });
        const pages = [
          await agent.request(`/ui/connections/${id}?${query}`),
          await agent.request(`/auth/connections/${id}/login?${query}`),
          await agent.request(`/auth/connections/${id}/callback?state=x`),
          await agent.request(`/auth/connections/${id}/metadata`),
        ];
        expect([id, pages.filter(({ status }) => status < 400 || status >= 500)]).toEqual([id, []]);
      }
    });

    it('its owner doesn’t decide what a second factor is', async () => {
      const org = await orgWith(await newUser());
      const settings = {
        metadata: '<a/>',
        trust_second_factor: true,
        second_factor_classes: ['urn:oasis:names:tc:SAML:2.0:ac:classes:Password'],
      };
      const made = await org.owner.send('POST', org.path, bodyOf(org, { kind: 'saml', settings }));
      expect([made.status, faultsOf(made)]).toEqual([
        400,
        expect.arrayContaining(['settings.second_factor_classes']),
      ]);
    });

    it('an administrator of the deployment gets in by no connection of an organisation', async () => {
      const org = await orgWith(await newUser());
      await connect(org);
      const ada = await colleague(org);
      const { user } = await userOf(ada.agent);
      await promote(stack.app(), user.id);
      const factsOf = async (): Promise<unknown> =>
        query()
          .selectFrom('users')
          .select(['email', 'name', 'email_verified', 'role'])
          .where('id', '=', user.id)
          .executeTakeFirst();
      const facts = await factsOf();
      company.provider.add({
        sub: ada.sub,
        email: `other@${org.domain}`,
        email_verified: true,
        name: 'Mallory',
        picture: '',
        extra: { groups: [] },
        secondFactor: false,
        password: ada.password,
      });
      // The session that was there before ends at its next renewal.
      stack.shiftClock(660);
      expect((await ada.agent.fetch('/auth/session')).status).toBe(401);
      stack.shiftClock(0);
      const again = new UserAgent(stack.url);
      await logInThere(again, await goToCompany(again, await pageOfAddress(again, ada.email)), {
        email: `other@${org.domain}`,
        password: ada.password,
      });
      expect((await again.fetch('/auth/session')).status).toBe(401);
      // Nor does its provider decide what is known of them.
      expect(await factsOf()).toEqual(facts);
    });

    it('groups that its provider states give roles in the organisation, and are no claims of the deployment', async () => {
      const org = await orgWith(await newUser());
      await connect(org, { roleRules: [{ group: 'it', role: 'admin' }] });
      const { claims } = await userOf((await colleague(org, ['it'])).agent);
      expect(claims.org).toMatchObject({ role: 'admin' });
      expect(claims).not.toHaveProperty('groups');
    });

    it('where it is required, the user of ADMIN_EMAIL keeps their account of this site, and its provider can’t be them', async () => {
      const chief = { ...newPerson(), email: `chief@${domainOfChief}` };
      const org = await orgWith(await newUser(), domainOfChief);
      await connect(org, { required: true });
      const puppets = [];
      for (const email of [chief.email, chief.email.replace('chief.', '\uFF43hief.')]) {
        const mallory = new UserAgent(stack.url);
        const page = await pageOfAddress(mallory, chief.email);
        await logInThere(mallory, await goToCompany(mallory, page), company.employ({ email }));
        const { user } = await userOf(mallory);
        expect([user.email, user.emailVerified]).toEqual([chief.email, false]);
        puppets.push(user.id);
      }
      await newUser(chief);
      const again = new UserAgent(stack.url);
      await logInByPassword(again, chief);
      const { user } = await userOf(again);
      expect([user.email, puppets.includes(user.id)]).toEqual([chief.email, false]);
    });

    it('a user who is refused becomes no member', async () => {
      const org = await orgWith(await newUser());
      await connect(org);
      const ada = await colleague(org);
      const { user } = await userOf(ada.agent);
      await query().deleteFrom('memberships').where('user_id', '=', user.id).execute();
      await query().updateTable('users').set({ disabled_at: 1 }).where('id', '=', user.id).execute();
      const again = new UserAgent(stack.url);
      await logInAt(again, ada);
      expect((await again.fetch('/auth/session')).status).toBe(401);
      const found = await query()
        .selectFrom('memberships')
        .select('role')
        .where('user_id', '=', user.id)
        .execute();
      expect(found).toEqual([]);
    });

    it('no user of a connection of an organisation is made an administrator', async () => {
      const org = await orgWith(await newUser());
      await connect(org);
      const ada = await colleague(org);
      const { user } = await userOf(ada.agent);
      const person = newPerson();
      await promote(stack.app(), (await userOf(await newUser(person))).user.id);
      const admin = new UserAgent(stack.url);
      await logInByPassword(admin, person);
      const answer = await admin.send('PATCH', `/api/v1/users/${user.id}`, { role: 'admin' });
      expect([answer.status, faultsOf(answer)]).toEqual([409, ['conflict']]);
      // Nor by ADMIN_EMAIL, if the address becomes theirs.
      await query()
        .updateTable('users')
        .set({ email: `chief@${domainOfChief}`, email_verified: 1 })
        .where('id', '=', user.id)
        .execute();
      const appointed = await stack
        .app()
        .get(FirstAdministrator, { strict: false })
        .appoint(user.id, `chief@${domainOfChief}`);
      expect(appointed).not.toBe('appointed');
      const row = await query()
        .selectFrom('users')
        .select('role')
        .where('id', '=', user.id)
        .executeTakeFirst();
      expect(row).toEqual({ role: 'user' });
    });

    it('a group has one rule', async () => {
      const org = await orgWith(await newUser());
      const roleRules = [
        { group: 'it', role: 'admin' },
        { group: 'it', role: 'member' },
      ];
      const answer = await org.owner.send('POST', org.path, bodyOf(org, { roleRules }));
      expect([answer.status, faultsOf(answer)]).toEqual([400, ['validation_failed', 'roleRules']]);
    });

    it('a rule that makes a group owner, superadmin or administrator is refused', async () => {
      const org = await orgWith(await newUser());
      for (const role of ['owner', 'superadmin', 'administrator']) {
        const body = bodyOf(org, { roleRules: [{ group: 'it', role }] });
        const answer = await org.owner.send('POST', org.path, body);
        expect([role, answer.status, faultsOf(answer)]).toEqual([
          role,
          400,
          ['validation_failed', 'roleRules.0.role'],
        ]);
      }
    });

    it('an issuer at a private address, or without TLS, is refused', async () => {
      const org = await orgWith(await newUser());
      for (const issuer of [
        'http://login.example.org',
        'https://127.0.0.1',
        'https://[::1]',
        'https://10.0.0.1',
        'https://169.254.169.254',
        'https://metadata.google.internal',
        'https://localhost',
        'https://0x7f.1',
        'http://127.0.0.1:1',
      ]) {
        const settings = { issuer, client_id: 'vestibule' };
        const answer = await org.owner.send('POST', org.path, bodyOf(org, { settings }));
        expect([issuer, answer.status, faultsOf(answer)]).toEqual([
          issuer,
          400,
          ['validation_failed', 'settings.issuer'],
        ]);
      }
    });

    it('metadata that leads to a private address are not followed there', async () => {
      const org = await orgWith(await newUser());
      const id = await connect(org);
      company.wire.rewrite('/.well-known/openid-configuration', (body) => ({
        ...body,
        jwks_uri: `${stack.url}/.well-known/jwks.json`,
      }));
      expect(await testOf(org, id)).toContain('keys: unreachable');
      company.wire.reset();
    });

    it('an LDAP server at a private address, and files of the server, are refused', async () => {
      const org = await orgWith(await newUser());
      const ldap = { bind_dn: 'cn=reader', base_dn: 'dc=example' };
      const inside = await org.owner.send(
        'POST',
        org.path,
        bodyOf(org, {
          kind: 'ldap',
          settings: { ...ldap, servers: ['ldaps://127.0.0.1'], bind_password: 'x' },
        }),
      );
      expect([inside.status, faultsOf(inside)]).toEqual([400, ['validation_failed', 'settings.servers']]);
      const file = await org.owner.send(
        'POST',
        org.path,
        bodyOf(org, {
          kind: 'ldap',
          settings: { ...ldap, servers: ['ldaps://dc1.example.org'], bind_password_file: '/etc/passwd' },
        }),
      );
      expect([file.status, faultsOf(file)]).toEqual([
        400,
        ['validation_failed', 'settings.bind_password_file'],
      ]);
      const other = await org.owner.send('POST', org.path, bodyOf(org, { kind: 'nis' }));
      expect([other.status, faultsOf(other)]).toEqual([400, ['validation_failed', 'kind']]);
    });

    it('secrets are in no answer, no row and no audit event, and can’t be sent elsewhere', async () => {
      const org = await orgWith(await newUser());
      const id = await connect(org);
      const one = await org.owner.fetch(`${org.path}/${id}`);
      const all = await org.owner.fetch(org.path);
      const tested = await org.owner.send('POST', `${org.path}/${id}/test`, {});
      expect(one.json()).toMatchObject({ secrets: ['client_secret'] });
      const rows = await query().selectFrom('org_connections').selectAll().where('id', '=', id).execute();
      const events = await query().selectFrom('audit_events').selectAll().execute();
      for (const text of [one.text, all.text, tested.text, JSON.stringify(rows), JSON.stringify(events)]) {
        expect(text).not.toContain(companySecret);
      }
      const settings = { issuer: 'https://login.attacker.example', client_id: 'vestibule' };
      const moved = await org.owner.send('PATCH', `${org.path}/${id}`, { settings });
      expect([moved.status, faultsOf(moved)]).toEqual([400, ['validation_failed', 'settings.client_secret']]);
      // Another setting leaves the secret as it is.
      const kept = { issuer: ports.issuer, client_id: 'vestibule', trust_email: true };
      expect((await org.owner.send('PATCH', `${org.path}/${id}`, { settings: kept })).status).toBe(200);
      expect(await testOf(org, id)).toEqual(['settings', 'reach', 'discovery', 'issuer', 'keys', 'client']);
    });

    it('the owner of another organisation, and members who own nothing, reach it by no id', async () => {
      const [one, two] = [await orgWith(await newUser()), await orgWith(await newUser())];
      const id = await connect(one);
      const member = await newUser();
      await query()
        .insertInto('memberships')
        .values({
          org_id: one.id,
          user_id: (await userOf(member)).user.id,
          role: 'admin',
          state: 'active',
          created_at: Date.now(),
        })
        .execute();
      for (const [agent, path, status] of [
        [two.owner, `${one.path}/${id}`, 404],
        [two.owner, `${two.path}/${id}`, 404],
        [member, `${one.path}/${id}`, 403],
        [two.owner, `${two.path}/not-an-id`, 404],
      ] as const) {
        expect((await agent.fetch(path)).status).toBe(status);
        expect((await agent.send('PATCH', path, { name: 'Mine' })).status).toBe(status);
        expect((await agent.send('POST', `${path}/test`, {})).status).toBe(status);
        expect((await agent.send('DELETE', path, undefined)).status).toBe(status);
      }
      expect((await one.owner.fetch(`${one.path}/${id}`)).json()).toMatchObject({ name: 'Example Ltd.' });
    });

    it('two changes at once: both hold, or one is refused; and one domain goes to one connection', async () => {
      const org = await orgWith(await newUser());
      const id = await connect(org);
      const changed = await Promise.all(
        ['One', 'Two', 'Three'].map(async (name) => org.owner.send('PATCH', `${org.path}/${id}`, { name })),
      );
      expect(changed.map(({ status }) => status).every((status) => [200, 409].includes(status))).toBe(true);
      const other = await orgWith(await newUser());
      const made = await Promise.all(
        [1, 2, 3].map(async () => other.owner.send('POST', other.path, bodyOf(other))),
      );
      expect(made.map(({ status }) => status).toSorted()).toEqual([201, 409, 409]);
    });
  });

  describe('the test of a connection', () => {
    it('has the reason of the latest login that was refused', async () => {
      const org = await orgWith(await newUser());
      const id = await connect(org);
      const refusalOf = async (): Promise<unknown> =>
        reportSchema.parse((await org.owner.send('POST', `${org.path}/${id}/test`, {})).json()).latestRefusal;
      expect(await refusalOf()).toBeNull();
      const settings = { issuer: ports.issuer, client_id: 'vestibule', client_secret: 'another' };
      await org.owner.send('PATCH', `${org.path}/${id}`, { settings });
      await logInAt(new UserAgent(stack.url), employ(org));
      expect(await refusalOf()).toMatchObject({ reason: 'provider_invalid_client' });
    });

    it('has it also of a user with a live session, which goes on', async () => {
      const org = await orgWith(await newUser());
      const id = await connect(org);
      const bob = await colleague(org);
      const withSecret = async (secret: string): Promise<void> => {
        const settings = {
          issuer: ports.issuer,
          client_id: 'vestibule',
          client_secret: secret,
          offline_access: true,
        };
        const { status } = await org.owner.send('PATCH', `${org.path}/${id}`, { settings });
        expect(status).toBe(200);
      };
      await withSecret('another');
      stack.shiftClock(60);
      const page = await bob.agent.navigate(`/auth/login?connection=${id}`);
      expect([page.status, page.html().querySelector('code')?.text]).toEqual([502, 'provider_misconfigured']);
      const report = await org.owner.send('POST', `${org.path}/${id}/test`, {});
      expect(reportSchema.parse(report.json()).latestRefusal).toMatchObject({
        reason: 'provider_invalid_client',
      });
      for (const seconds of [60, 660, 1320]) {
        stack.shiftClock(seconds);
        expect((await bob.agent.fetch('/auth/session')).status).toBe(200);
      }
      stack.shiftClock(0);
      await withSecret(companySecret);
      stack.shiftClock(1980);
      expect((await bob.agent.fetch('/auth/session')).status).toBe(200);
      expect((await bob.agent.navigate(`/auth/login?connection=${id}`)).status).toBe(200);
    });

    it('names the step that fails: no answer, another issuer, a wrong secret', async () => {
      const org = await orgWith(await newUser());
      const id = await connect(org);
      expect(await testOf(org, id)).toEqual(['settings', 'reach', 'discovery', 'issuer', 'keys', 'client']);
      company.wire.down();
      expect(await testOf(org, id)).toEqual(['settings', 'reach: unreachable']);
      company.wire.reset();
      company.wire.rewrite('/.well-known/openid-configuration', (body) => ({
        ...body,
        issuer: 'https://other.example',
      }));
      expect(await testOf(org, id)).toEqual([
        'settings',
        'reach',
        'discovery',
        'issuer: issuer_mismatch: https://other.example',
      ]);
      company.wire.reset();
      const settings = { issuer: ports.issuer, client_id: 'vestibule', client_secret: 'another' };
      await org.owner.send('PATCH', `${org.path}/${id}`, { settings });
      expect((await testOf(org, id)).at(-1)).toBe('client: client_refused');
      await prove(org.id, null);
      expect((await testOf(org, id))[0]).toBe('settings: domain_unproven');
    });
  });

  it.each(['open', 'closed'])(
    'a user whose address is verified here stays who they are also if they come by another application first, where sign-up is %s',
    async (SIGNUP) => {
      const org = await orgWith(await newUser());
      const person = { ...newPerson(), email: `p${newId().slice(-8)}@${org.domain}` };
      const { user } = await userOf(await newUser(person));
      await query()
        .updateTable('users')
        .set({ email_verified: 1, owned_since: 1 })
        .where('id', '=', user.id)
        .execute();
      await connect(org);
      const wiki = await newApplication();
      const employee = company.employ({ email: person.email, extra: { groups: [] } });
      await stack.restartGateway({ SIGNUP });
      const agent = new UserAgent(stack.url);
      const { path } = wiki.authorize({ audience: undefined, scope: 'openid orgs' });
      const there = await goToCompany(agent, await pageOfAddress(agent, person.email, path));
      const { next } = await sendForm(
        agent,
        there,
        { login: employee.email, password: employee.password },
        ({ origin }) => origin === new URL(wikiUri).origin,
      );
      await stack.restartGateway({ SIGNUP: 'open' });
      expect([next?.searchParams.get('error'), next?.searchParams.get('code')]).toEqual([
        null,
        expect.any(String),
      ]);
      const found = await query()
        .selectFrom('users')
        .select('id')
        .where('email', '=', person.email)
        .execute();
      expect(found).toEqual([{ id: user.id }]);
      const linked = query()
        .selectFrom('audit_events')
        .select('reason')
        .where('user_id', '=', user.id)
        .where('type', '=', 'identity_linked');
      expect(await linked.execute()).toEqual([{ reason: 'verified_email' }]);
      await new Mailbox(stack).next(person.email, /Another login opens your account/);
      const gateway = new UserAgent(stack.url);
      await logInAt(gateway, employee);
      expect((await userOf(gateway)).user.id).toBe(user.id);
    },
  );

  it('secrets that were encrypted with the former of two SECRETS are read, and encrypted with the first', async () => {
    const org = await orgWith(await newUser());
    const id = await connect(org);
    const sealedOf = async (): Promise<string | null | undefined> =>
      (await query().selectFrom('org_connections').select('sealed').where('id', '=', id).executeTakeFirst())
        ?.sealed;
    const before = await sealedOf();
    await stack.restartGateway({
      SECRETS: `${randomBytes(32).toString('base64')},${stack.env['SECRETS'] ?? ''}`,
    });
    const person = newPerson();
    const owner = await newUser(person);
    await query()
      .insertInto('memberships')
      .values({
        org_id: org.id,
        user_id: (await userOf(owner)).user.id,
        role: 'owner',
        state: 'active',
        created_at: 1,
      })
      .execute();
    expect(await testOf({ ...org, owner }, id)).toContain('client');
    expect(await sealedOf()).not.toBe(before);
  });
});
