import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../src/platform/database/database.schema.js';
import { ApplicationClaims } from '../../src/providers/ory/challenges/application-claims.js';
import { promote } from '../support/administrator.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson, type Person, signUp } from '../support/person.js';
import { findCodes, runDoctor } from '../support/doctor.js';
import { type NewApplication, registerApplication } from '../support/registered.application.js';
import { type Stack, startStack } from '../support/stack.js';
import { codeOf, OAuthApp, tokensOf } from '../support/oauth.app.js';
import { TrialApp } from '../support/trial.app.js';
import { UserAgent } from '../support/user-agent.js';

const everything = 'openid profile email roles orgs groups offline_access';
const sessionSchema = z.looseObject({ user: z.looseObject({ id: z.string() }) });
const reportSchema = z.looseObject({
  findings: z.array(z.looseObject({ code: z.string(), detail: z.string() })),
});
const orgSchema = z.looseObject({ id: z.string(), slug: z.string() });

describe('what an application learns', () => {
  let stack: Stack;
  let app: TrialApp;
  /** An administrator. */
  let admin: UserAgent;

  beforeAll(async () => {
    stack = await startStack();
    app = await TrialApp.start('openid-client', stack, {
      firstParty: true,
      scope: everything,
      groupsFrom: 'all',
      groupsAs: 'id',
    });
    const first = await arrive();
    await promote(stack.app(), first.id);
    admin = new UserAgent(stack.url);
    await logIn(admin, first.person);
  });

  afterAll(async () => {
    await app?.stop();
    await stack?.stop();
  });

  interface Arrived {
    readonly agent: UserAgent;
    readonly person: Person;
    readonly id: string;
  }

  /** A user with a verified address, logged in at the gateway. */
  async function arrive(): Promise<Arrived> {
    const [agent, person] = [new UserAgent(stack.url), newPerson()];
    await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
    await logIn(agent, person);
    const { user } = sessionSchema.parse((await agent.fetch('/auth/session')).json());
    return { agent, person, id: user.id };
  }

  async function send(by: UserAgent, method: string, path: string, body?: unknown): Promise<number> {
    const answer = await by.fetch(`/api/v1${path}`, {
      method,
      headers: { origin: stack.url, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return answer.status;
  }

  async function newOrg(owner: UserAgent): Promise<z.output<typeof orgSchema>> {
    return orgSchema.parse((await owner.post('/api/v1/orgs', { name: 'Analytical Engines' })).json());
  }

  const ask = (token: string): Promise<Response> =>
    fetch(`${stack.url}/ory/hydra/userinfo`, { headers: { authorization: `Bearer ${token}` } });

  async function userinfo(token: string): Promise<Record<string, unknown>> {
    const answer = await ask(token);
    expect(answer.status).toBe(200);
    return z.record(z.string(), z.unknown()).parse(await answer.json());
  }

  it('roles, organisations and groups are stated by scope, in the ID token and in userinfo', async () => {
    const { agent, id } = await arrive();
    const { id: org, slug } = await newOrg(agent);
    const claims = {
      roles: [],
      orgs: [{ id: org, slug, role: 'owner' }],
      groups: [org, `${org}:owner`],
    };
    const login = await app.logIn(agent, { scope: everything });
    expect(login.claims).toMatchObject(claims);
    expect(login.userinfo).toMatchObject(claims);
    expect(await send(admin, 'PATCH', `/users/${id}`, { role: 'admin' })).toBe(200);
    const again = await app.logIn(agent, { scope: 'openid roles' });
    expect(again.claims).toMatchObject({ roles: ['admin'] });
    for (const name of ['orgs', 'groups', 'email', 'name']) {
      expect(again.claims).not.toHaveProperty(name);
      expect(again.userinfo).not.toHaveProperty(name);
    }
  });

  it('userinfo states what is true now, not what was true when the user agreed', async () => {
    const { agent, person, id } = await arrive();
    const { access_token: token, claims } = await app.logIn(agent, { scope: everything });
    expect(claims).toMatchObject({ name: person.name, roles: [], orgs: [], groups: [] });
    expect(await send(agent, 'PATCH', '/me', { name: 'Renamed' })).toBe(200);
    expect(await send(admin, 'PATCH', `/users/${id}`, { role: 'admin' })).toBe(200);
    const { id: org, slug } = await newOrg(agent);
    expect(await userinfo(token)).toMatchObject({
      sub: claims['sub'],
      name: 'Renamed',
      email: person.email,
      email_verified: true,
      roles: ['admin'],
      orgs: [{ id: org, slug, role: 'owner' }],
      groups: [org, `${org}:owner`],
    });
    expect(await send(admin, 'PATCH', `/users/${id}`, { role: 'user' })).toBe(200);
    expect(await send(agent, 'DELETE', `/orgs/${org}`)).toBe(204);
    expect(await userinfo(token)).toMatchObject({ roles: [], orgs: [], groups: [] });
  });

  describe('groups', () => {
    /** Logs a user in to an application. @returns its groups, of which the ID token and userinfo state the same. */
    async function groupsAt(at: TrialApp, agent: UserAgent): Promise<unknown> {
      const { claims, userinfo: stated } = await at.logIn(agent, { scope: 'openid groups' });
      expect(stated['groups']).toEqual(claims['groups']);
      return claims['groups'];
    }

    async function withApp(
      own: Partial<NewApplication>,
      work: (at: TrialApp) => Promise<void>,
    ): Promise<void> {
      const at = await TrialApp.start('openid-client', stack, {
        firstParty: true,
        scope: 'openid groups',
        ...own,
      });
      try {
        await work(at);
      } finally {
        await at.stop();
      }
    }

    it('are those that the application has chosen, whatever organisations a user makes [B03]', async () => {
      const { agent } = await arrive();
      const [chosen, other] = [await newOrg(agent), await newOrg(agent)];
      expect(other.slug).not.toBe(chosen.slug);
      await withApp({}, async (at) => {
        expect(await groupsAt(at, agent)).toEqual([]);
        const path = `/applications/${at.client.id}`;
        for (const [changes, name] of [
          [{ groupsFrom: 'listed', groupOrgs: [chosen.slug] }, chosen.slug],
          [{ groupsAs: 'id' }, chosen.id],
        ] as const) {
          expect(await send(admin, 'PATCH', path, changes)).toBe(200);
          expect(await groupsAt(at, agent)).toEqual([name, `${name}:owner`]);
        }
        for (const changes of [
          { groupsFrom: 'own' },
          { groupsFrom: 'all', groupsAs: 'slug' },
          { groupOrgs: ['nobodys'] },
          { groupsFrom: 'all', groupOrgs: [chosen.id] },
        ]) {
          expect([changes, await send(admin, 'PATCH', path, changes)]).toEqual([changes, 400]);
        }
      });
    });

    it('of an organisation’s application have its own organisation; its owner lists those that they belong to [B03]', async () => {
      const [{ agent }, stranger] = [await arrive(), await arrive()];
      const [own, second, foreign] = [await newOrg(agent), await newOrg(agent), await newOrg(stranger.agent)];
      const path = `/orgs/${own.id}/applications`;
      const body = { name: 'Wiki', kind: 'web', redirectUris: ['https://wiki.example/back'] };
      const made = await agent.post(`/api/v1${path}`, { ...body, scope: 'openid groups' });
      const { id, groupsFrom } = z.looseObject({ id: z.string(), groupsFrom: z.string() }).parse(made.json());
      expect(groupsFrom).toBe('own');
      const claims = stack.app().get(ApplicationClaims, { strict: false });
      const { sub } = await identityOf(agent);
      const groups = async (): Promise<unknown> =>
        (await claims.current(sub, new Set(['groups']), [id]))?.['groups'];
      expect(await groups()).toEqual([own.slug, `${own.slug}:owner`]);
      const list = (groupOrgs: readonly string[]) =>
        send(agent, 'PATCH', `${path}/${id}`, { groupsFrom: 'listed', groupOrgs });
      expect(await list([foreign.slug])).toBe(400);
      expect(await list([second.slug])).toBe(200);
      expect(await groups()).toEqual([second.slug, `${second.slug}:owner`]);
    });

    it('of a client that was made at Hydra itself are none: no administrator has chosen [B03]', async () => {
      const { agent } = await arrive();
      await newOrg(agent);
      const made = await fetch(`${stack.env['HYDRA_ADMIN_URL']}/admin/clients`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ scope: 'openid groups' }),
      });
      const { client_id: id } = z.looseObject({ client_id: z.string() }).parse(await made.json());
      const { sub } = await identityOf(agent);
      const claims = stack.app().get(ApplicationClaims, { strict: false });
      expect(await claims.current(sub, new Set(['groups']), [id])).toEqual({ groups: [] });
    });

    it('of an application from before are all organisations, but for reserved names that no administrator gave [B03]', async () => {
      const { agent } = await arrive();
      const [plain, reserved] = [await newOrg(agent), await newOrg(agent)];
      const slug = 'site-admins';
      const { query } = stack.app().get(Database, { strict: false });
      // As an organisation from before reserved names.
      await query.updateTable('orgs').set({ slug }).where('id', '=', reserved.id).execute();
      await query.updateTable('org_slugs').set({ slug }).where('org_id', '=', reserved.id).execute();
      await withApp({}, async (at) => {
        await forgetGroups(at.client.id);
        expect(await groupsAt(at, agent)).toEqual([plain.slug, `${plain.slug}:owner`]);
        // Before it, in the order in which they are read.
        const others = Array.from({ length: 501 }, (_each, index) => ({
          id: `0-${index}`,
          kind: 'application' as const,
          org_id: null,
          name: 'Other',
          first_party: 0,
          created_at: 0,
          used_at: null,
        }));
        await query.insertInto('oauth_clients').values(others).execute();
        const { findings } = reportSchema.parse(JSON.parse((await runDoctor(stack.env, '--json')).out));
        expect(findings).toEqual(
          expect.arrayContaining([
            expect.objectContaining({
              code: 'application_groups_all',
              detail: expect.stringContaining(at.client.id),
            }),
            expect.objectContaining({ code: 'org_name_reserved', detail: expect.stringContaining(slug) }),
          ]),
        );
        await query.deleteFrom('oauth_clients').where('id', 'like', '0-%').execute();
        expect(await send(admin, 'PATCH', `/orgs/${reserved.id}`, { slug })).toBe(200);
        expect(await groupsAt(at, agent)).toEqual([plain.slug, `${plain.slug}:owner`, slug, `${slug}:owner`]);
        expect(await findCodes(stack.env)).not.toContain('org_name_reserved');
        // It may stay so, and another change leaves it.
        expect(await send(admin, 'PATCH', `/applications/${at.client.id}`, { name: 'Almanac' })).toBe(200);
        expect(await groupsAt(at, agent)).toContain(plain.slug);
      });
    });

    /** Makes an application's registration one from before there was a choice. */
    async function forgetGroups(id: string): Promise<void> {
      const answer = await fetch(`${stack.env['HYDRA_ADMIN_URL']}/admin/clients/${id}`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([{ op: 'remove', path: '/metadata/application/groups' }]),
      });
      expect(answer.status).toBe(200);
    }

    async function identityOf(agent: UserAgent): Promise<{ readonly sub: string }> {
      const { claims } = await app.logIn(agent);
      return z.looseObject({ sub: z.string() }).parse(claims);
    }
  });

  it('an address that the user changes is stated as unverified at once', async () => {
    const { agent } = await arrive();
    const { access_token: token } = await app.logIn(agent, { scope: 'openid email' });
    const settings = await agent.navigate('/ui/settings');
    const email = newPerson().email;
    await agent.submit(settings, { 'traits.email': email }, { name: 'method', value: 'profile' });
    expect(await userinfo(token)).toMatchObject({ email, email_verified: false });
  });

  it('a claim that has no value any more is left out', async () => {
    const { agent } = await arrive();
    const picture = 'https://pictures.example.org/ada.png';
    expect(await send(agent, 'PATCH', '/me', { picture })).toBe(200);
    const { access_token: token, userinfo: before } = await app.logIn(agent, { scope: 'openid profile' });
    expect(before).toMatchObject({ picture });
    expect(await send(agent, 'PATCH', '/me', { picture: null })).toBe(200);
    expect(await userinfo(token)).not.toHaveProperty('picture');
  });

  it('a user who has only ever logged in at applications has no roles and no organisations', async () => {
    const [agent, person] = [new UserAgent(stack.url), newPerson()];
    await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
    const begun = await app.begin({ scope: everything });
    const page = await agent.navigate(begun.href);
    const login = await app.finish(
      await agent.submit(page, { identifier: person.email, password: person.password }),
    );
    const none = { email: person.email, roles: [], orgs: [], groups: [] };
    expect(login.claims).toMatchObject(none);
    expect(login.userinfo).toMatchObject(none);
  });

  it('a user of many organisations can be logged out by a link, and of more by a form', async () => {
    const { agent } = await arrive();
    const count = 12;
    for (let made = 0; made < count; made += 1) {
      await newOrg(agent);
    }
    const { id_token: hint, userinfo: stated } = await app.logIn(agent, { scope: everything });
    expect(stated['orgs']).toHaveLength(count);
    expect(hint.length).toBeGreaterThan(2048);
    const logout = await app.beginLogout({ id_token_hint: hint });
    expect(new URL((await agent.navigate(logout.href)).url).pathname).toBe('/ui/logout');
    const form = { method: 'POST', body: logout.searchParams };
    const page = await agent.navigate(logout.pathname, form);
    expect(new URL(page.url).pathname).toBe('/ui/logout');
    const back = await agent.submit(page, {}, { name: 'decision', value: 'logout' });
    expect(app.answerIn(back).pathname).toBe('/bye');
  });

  describe('a user who is', () => {
    const ends: [string, (user: Arrived) => Promise<number>][] = [
      ['disabled', async ({ id }) => send(admin, 'POST', `/users/${id}/disable`)],
      ['deleted by an administrator', async ({ id }) => send(admin, 'DELETE', `/users/${id}`)],
      ['deleted by themselves', async ({ agent }) => send(agent, 'DELETE', '/me')],
    ];

    it.each(ends)(
      '%s is unknown to userinfo as any invalid token, and can renew nothing',
      async (_how, end) => {
        const user = await arrive();
        const { access_token: token, refresh_token: refresh = '' } = await app.logIn(user.agent, {
          scope: everything,
        });
        expect(await end(user)).toBeLessThan(300);
        const [refused, invalid] = [await ask(token), await ask('ory_at_invalid.token')];
        const partsOf = async (answer: Response) => [
          answer.status,
          ...['content-type', 'www-authenticate', 'cache-control'].map((name) => answer.headers.get(name)),
          await answer.json(),
        ];
        expect(await partsOf(refused)).toEqual(await partsOf(invalid));
        expect(refused.status).toBe(401);
        await expect(app.refresh(refresh)).rejects.toThrow();
      },
    );
  });

  it('a disabled user is refused although the token is still active at Hydra', async () => {
    const { agent, id } = await arrive();
    const { access_token: token } = await app.logIn(agent, { scope: 'openid' });
    const rows = stack.app().get(Database, { strict: false }).query;
    await rows.updateTable('users').set({ disabled_at: Date.now() }).where('id', '=', id).execute();
    expect(await new OryAdmin(stack.env).isActive(token)).toBe(true);
    expect((await ask(token)).status).toBe(401);
  });

  it('a signed answer is passed on while it is true, and refused when it no longer is', async () => {
    const redirectUri = 'https://wiki.example/back';
    const scope = 'openid profile';
    const client = await new OryAdmin(stack.env).createClient({
      redirect_uris: [redirectUri],
      skip_consent: true,
      scope,
      userinfo_signed_response_alg: 'RS256',
    });
    const { agent, person } = await arrive();
    const wiki = new OAuthApp(stack.url, client, redirectUri);
    const { path, verifier } = wiki.authorize({ audience: undefined, scope });
    const code = codeOf(await agent.navigate(path));
    const { access_token: token } = tokensOf(await wiki.exchange(agent, code, verifier));
    const answer = await ask(token);
    expect(answer.headers.get('content-type')).toBe('application/jwt');
    expect(decodeJwt(await answer.text())).toMatchObject({ name: person.name });
    expect(await send(agent, 'PATCH', '/me', { name: 'Renamed' })).toBe(200);
    expect((await ask(token)).status).toBe(401);
  });
});

describe('the consent page', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack();
  });

  afterAll(() => stack?.stop());

  it('names the scopes in plain words, and an application learns only what the user ticks', async () => {
    const app = await TrialApp.start('openid-client', stack, { name: 'Almanac' });
    try {
      const agent = new UserAgent(stack.url);
      await signUp(agent, newPerson());
      const page = await agent.navigate((await app.begin({ scope: 'openid roles orgs groups' })).href);
      const words = page.html().querySelector('main')?.text ?? '';
      expect(words).toContain('See whether you are an administrator here');
      expect(words).toContain('See your organisations and your roles in them');
      expect(words).toContain('See your groups: the organisations that you belong to');
      const body = new URLSearchParams({
        consent_challenge: new URL(page.url).searchParams.get('consent_challenge') ?? '',
        decision: 'allow',
        grant_scope: 'roles',
      });
      const back = await agent.navigate('/auth/ory/consent', { method: 'POST', body });
      const { claims, userinfo } = await app.finish(back);
      for (const stated of [claims, userinfo]) {
        expect(stated).toMatchObject({ roles: [] });
        expect(stated).not.toHaveProperty('orgs');
        expect(stated).not.toHaveProperty('groups');
      }
    } finally {
      await app.stop();
    }
  });

  it('is not reached for a scope that the application is not registered for', async () => {
    const redirectUri = 'https://wiki.example/back';
    const client = await registerApplication(stack, {
      name: 'Wiki',
      redirectUris: [redirectUri],
      scope: 'openid',
    });
    const agent = new UserAgent(stack.url);
    await signUp(agent, newPerson());
    const { path } = new OAuthApp(stack.url, client, redirectUri).authorize({ scope: 'openid roles' });
    const page = await agent.navigate(path);
    expect(new URL(page.headers.get('location') ?? '').searchParams.get('error')).toBe('invalid_scope');
  });
});
