import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../src/platform/database/database.schema.js';
import { FirstAdministrator } from '../../src/directory/users/first.administrator.js';
import { newId } from '../../src/platform/core/identifier.js';
import { connectionFaults } from '../../src/accounts/org-connections.port.js';
import { promote } from '../support/administrator.js';
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
} from '../support/openid.connection.js';
import { newPerson, type Person, signUp } from '../support/person.js';
import { type DatabaseKind, type Stack, startStack } from '../support/stack.js';
import { type Page, UserAgent } from '../support/user-agent.js';

const domainOfChief = 'chief.example';
const kinds: readonly DatabaseKind[] = ['sqlite', 'postgres'];
const idSchema = z.looseObject({ id: z.string() });
const sessionSchema = z.looseObject({
  user: z.looseObject({ id: z.string(), email: z.string(), emailVerified: z.boolean() }),
  claims: z.looseObject({
    org: z.looseObject({ id: z.string(), role: z.string() }).nullish(),
    roles: z.array(z.string()).optional(),
  }),
});
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

describe.each(kinds)('connections of organisations, on %s', (database) => {
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

    it.each(['a,b@', 'Ada <ada>@', 'ada lovelace@', 'x@other.example,ada@'])(
      'an address that is none, or several, counts as verified in no domain: %s',
      async (local) => {
        const org = await orgWith(await newUser());
        await connect(org);
        const mallory = company.employ({ email: `${local}${org.domain}` });
        const agent = new UserAgent(stack.url);
        const page = await pageOfAddress(agent, `x@${org.domain}`);
        await logInThere(agent, await goToCompany(agent, page), mallory);
        const session = await agent.fetch('/auth/session');
        const isVerified = session.status === 200 && (await userOf(agent)).user.emailVerified;
        expect([[200, 401].includes(session.status), isVerified]).toEqual([true, false]);
      },
    );

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

    it('a user whose address is verified here, and who is in no other organisation, stays who they are', async () => {
      const org = await orgWith(await newUser());
      const person = { ...newPerson(), email: `p${newId().slice(-8)}@${org.domain}` };
      const known = await userOf(await newUser(person));
      await query()
        .updateTable('users')
        .set({ email_verified: 1, owned_since: 1 })
        .where('id', '=', known.user.id)
        .execute();
      await connect(org);
      const agent = new UserAgent(stack.url);
      await logInAt(agent, company.employ({ email: person.email, extra: { groups: [] } }));
      expect((await userOf(agent)).user.id).toBe(known.user.id);
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

    it('its name can’t be taken for that of a connection of the deployment', async () => {
      const org = await orgWith(await newUser());
      for (const name of ['Deployment', 'Example\u200B', 'Example\u202E', 'dep1oyment ', 'Deplоyment']) {
        const answer = await org.owner.send('POST', org.path, bodyOf(org, { name }));
        expect([name, answer.status, faultsOf(answer)]).toEqual([name, 400, ['validation_failed', 'name']]);
      }
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
      const mallory = new UserAgent(stack.url);
      await logInAt(mallory, company.employ({ email: chief.email }));
      const { user: puppet } = await userOf(mallory);
      expect(puppet.emailVerified).toBe(false);
      await newUser(chief);
      const again = new UserAgent(stack.url);
      await logInByPassword(again, chief);
      const { user } = await userOf(again);
      expect([user.email, user.id === puppet.id]).toEqual([chief.email, false]);
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

    it.each(['owner', 'superadmin', 'administrator'])(
      'a rule that makes a group %s is refused',
      async (role) => {
        const org = await orgWith(await newUser());
        const answer = await org.owner.send(
          'POST',
          org.path,
          bodyOf(org, { roleRules: [{ group: 'it', role }] }),
        );
        expect([answer.status, faultsOf(answer)]).toEqual([400, ['validation_failed', 'roleRules.0.role']]);
      },
    );

    it.each([
      'http://login.example.org',
      'https://127.0.0.1',
      'https://[::1]',
      'https://10.0.0.1',
      'https://169.254.169.254',
      'https://metadata.google.internal',
      'https://localhost',
      'https://0x7f.1',
      'http://127.0.0.1:1',
    ])('an issuer at %s is refused', async (issuer) => {
      const org = await orgWith(await newUser());
      const settings = { issuer, client_id: 'vestibule' };
      const answer = await org.owner.send('POST', org.path, bodyOf(org, { settings }));
      expect([answer.status, faultsOf(answer)]).toEqual([400, ['validation_failed', 'settings.issuer']]);
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
