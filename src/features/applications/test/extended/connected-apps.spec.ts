import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { AuditService } from '../../../../directory/audit/audit.service.js';
import { Database } from '../../../../platform/database/database.schema.js';
import { ApplicationUses } from '../../../../providers/ory/hydra/application-uses.js';
import { HydraClient } from '../../../../providers/ory/hydra/hydra.client.js';
import { newId } from '../../../../platform/core/identifier.js';
import { promote } from '../../../../../test/support/administrator.js';
import { databaseKinds } from '../../../../../test/support/database.kinds.js';
import { OAuthApp, type Tokens, codeOf, landingOf, tokensOf } from '../../../../../test/support/oauth.app.js';
import { OryAdmin } from '../../../../../test/support/ory.admin.js';
import { type Person, logIn, newPerson, signUp } from '../../../../../test/support/person.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';

const back = 'https://calendar.example/back';
const scope = 'openid email offline_access';
const listSchema = z.looseObject({
  items: z.array(z.looseObject({ applicationId: z.string(), lastUsedAt: z.string().nullable() })),
});
const sessionSchema = z.looseObject({ user: z.looseObject({ id: z.string() }) });

describe.each(databaseKinds)('connected apps, on %s', (database) => {
  let stack: Stack;
  let ory: OryAdmin;
  let administrator: UserAgent;

  beforeAll(async () => {
    stack = await startStack({ database, postgresUrl: inject('postgresUrl') });
    ory = new OryAdmin(stack.env);
    administrator = await newUser();
    await promote(stack.app(), await idOf(administrator));
    administrator = await loggedIn(administratorPerson);
  });

  afterAll(async () => {
    await stack?.stop();
  });

  const administratorPerson = newPerson();
  let isFirst = true;

  /** A browser of a user who has just signed up. The first one becomes the administrator. */
  async function newUser(person: Person = isFirst ? administratorPerson : newPerson()): Promise<UserAgent> {
    isFirst = false;
    const agent = new UserAgent(stack.url);
    await signUp(agent, person);
    return agent;
  }

  async function loggedIn(person: Person): Promise<UserAgent> {
    const agent = new UserAgent(stack.url);
    await logIn(agent, person);
    return agent;
  }

  const idOf = async (agent: UserAgent): Promise<string> =>
    sessionSchema.parse((await agent.fetch('/auth/session')).json()).user.id;

  /** A client that an operator registers at Hydra. */
  async function operatorsApp(definition: Readonly<Record<string, unknown>> = {}): Promise<OAuthApp> {
    const client = await ory.createClient({
      client_name: 'Calendar',
      redirect_uris: [back],
      scope,
      grant_types: ['authorization_code', 'refresh_token'],
      ...definition,
    });
    return new OAuthApp(stack.url, client, back);
  }

  /** An application that an administrator registers here. */
  async function registered(definition: Readonly<Record<string, unknown>>): Promise<OAuthApp> {
    const body = { name: 'Wiki', kind: 'web', redirectUris: [back], scope, ...definition };
    const answer = await administrator.send('POST', '/api/v1/applications', body);
    const { id, clientSecret } = z
      .looseObject({ id: z.string(), clientSecret: z.string() })
      .parse(answer.json());
    return new OAuthApp(stack.url, { id, secret: clientSecret }, back);
  }

  /** Gives an application access. */
  async function allow(agent: UserAgent, app: OAuthApp, remember = false): Promise<Tokens> {
    const { path, verifier } = app.authorize({ audience: undefined, scope });
    const page = await agent.navigate(path);
    const fields: Record<string, string> = remember
      ? { remember: 'true' }
      : { grant_scope: 'offline_access' };
    const landed =
      page.status === 200 ? await agent.submit(page, fields, { name: 'decision', value: 'allow' }) : page;
    return tokensOf(await app.exchange(agent, codeOf(landed), verifier));
  }

  const asks = async (agent: UserAgent, app: OAuthApp): Promise<boolean> => {
    const page = await agent.navigate(app.authorize({ audience: undefined, scope }).path);
    return new URL(page.url).pathname === '/ui/consent';
  };

  const userinfo = async ({ access_token: token }: Tokens): Promise<number> =>
    (
      await new UserAgent(stack.url).fetch('/ory/hydra/userinfo', {
        headers: { authorization: `Bearer ${token}` },
      })
    ).status;

  const refresh = async (app: OAuthApp, { refresh_token: token = '' }: Tokens): Promise<Page> =>
    app.token(new UserAgent(stack.url), { grant_type: 'refresh_token', refresh_token: token });

  const errorOf = (page: Page): unknown => z.looseObject({ error: z.string() }).parse(page.json()).error;

  const list = async (agent: UserAgent, path = '/api/v1/me/connected-apps') =>
    listSchema.parse((await agent.fetch(path)).json()).items;

  const settled = async (): Promise<void> => stack.app().get(ApplicationUses, { strict: false }).settled();

  async function events(userId: string, type = 'application_access_revoked') {
    await stack.app().get(AuditService, { strict: false }).flush();
    return stack
      .app()
      .get(Database, { strict: false })
      .query.selectFrom('audit_events')
      .select(['type', 'reason', 'target_kind', 'target_id', 'actor_id', 'actor_credential'])
      .where('user_id', '=', userId)
      .where('type', '=', type)
      .execute();
  }

  it('are those that the user has allowed, with what they may do, since when and when they were last used', async () => {
    const user = await newUser();
    expect(await list(user)).toEqual([]);
    const before = Math.floor(Date.now() / 1000) * 1000;
    const app = await operatorsApp({
      client_id: `calendar-${newId()}`,
      client_uri: 'https://calendar.example/',
      redirect_uris: ['https://other.example/', back, `${back}/2`, 'org.stranger.app://calendar.example/'],
    });
    await allow(user, app);
    await settled();
    const [listed, ...others] = await list(user);
    expect(others).toEqual([]);
    expect(listed).toEqual({
      applicationId: app.client.id,
      name: 'Calendar',
      logoUri: null,
      clientUri: 'https://calendar.example/',
      selfRegistration: null,
      resources: [],
      redirectHosts: ['other.example', 'calendar.example'],
      redirectsToDevice: true,
      scope: 'openid offline_access',
      since: expect.any(String),
      lastUsedAt: expect.any(String),
    });
    expect(Date.parse(String(listed?.['since']))).toBeGreaterThanOrEqual(before);
    // Each user has their own.
    expect(await list(await newUser())).toEqual([]);
  });

  it('are all found, however Hydra divides them into pages', async () => {
    const user = await newUser();
    const ids = new Set<string>();
    for (let count = 0; count < 5; count += 1) {
      const app = await operatorsApp();
      await allow(user, app);
      ids.add(app.client.id);
    }
    const { identityId } = await ory.sessionOf(user);
    const hydra = stack.app().get(HydraClient, { strict: false });
    for (const atOnce of [1, 2, 3]) {
      const found = (await hydra.grants(identityId, undefined, atOnce)).map(
        ({ consent_request: { client } }) => client.client_id,
      );
      expect([atOnce, found.length]).toEqual([atOnce, 6]);
      // PostgreSQL may order consents of one second differently for each page.
      const all = [...ids, 'vestibule'];
      expect(new Set(database === 'sqlite' ? found : all)).toEqual(new Set(all));
    }
  });

  it('are used when their tokens are refreshed', async () => {
    const user = await newUser();
    const app = await operatorsApp();
    const tokens = await allow(user, app);
    await settled();
    const [first] = await list(user);
    stack.shiftClock(3600);
    const renewed = await refresh(app, tokens);
    expect(renewed.status).toBe(200);
    await settled();
    stack.shiftClock(0);
    const [second] = await list(user);
    const passed = Date.parse(second?.lastUsedAt ?? '') - Date.parse(first?.lastUsedAt ?? '');
    expect(passed).toBeGreaterThanOrEqual(3_600_000);
    // A refused refresh is no use.
    stack.shiftClock(7200);
    const wrong = { ...app.client, secret: 'wrong' };
    expect((await refresh(new OAuthApp(stack.url, wrong, back), tokensOf(renewed))).status).toBe(401);
    await settled();
    stack.shiftClock(0);
    expect((await list(user))[0]?.lastUsedAt ?? null).toBe(second?.lastUsedAt);
  });

  it('are seen and revoked by administrators, by user and by application', async () => {
    const user = await newUser();
    const app = await operatorsApp();
    const tokens = await allow(user, app);
    await settled();
    const id = await idOf(user);
    const path = `/api/v1/users/${id}/connected-apps`;
    expect((await list(administrator, path)).map(({ applicationId }) => applicationId)).toEqual([
      app.client.id,
    ]);
    const users = `/api/v1/applications/${app.client.id}/users`;
    const { identityId } = await ory.sessionOf(user);
    expect((await administrator.fetch(users)).json()).toMatchObject({
      items: [{ userId: id, subject: identityId, name: expect.any(String) }],
      nextCursor: null,
    });
    expect((await administrator.send('DELETE', `${path}/${app.client.id}`)).status).toBe(204);
    expect([await userinfo(tokens), (await refresh(app, tokens)).status]).toEqual([401, 400]);
    expect((await events(id)).map((event) => event.actor_id)).toEqual([await idOf(administrator)]);
    // It isn't registered here, and no user is left.
    expect((await administrator.fetch(users)).status).toBe(404);
  });

  it('lists the users of an application by pages', async () => {
    const app = await registered({});
    const users = `/api/v1/applications/${app.client.id}/users`;
    expect((await administrator.fetch(users)).json()).toEqual({ items: [], nextCursor: null });
    await allow(await newUser(), app);
    await allow(await newUser(), app);
    await settled();
    const schema = z.looseObject({ items: z.array(z.looseObject({})), nextCursor: z.string().nullable() });
    const first = schema.parse((await administrator.fetch(`${users}?limit=1`)).json());
    const second = schema.parse(
      (await administrator.fetch(`${users}?limit=1&cursor=${first.nextCursor}`)).json(),
    );
    expect([first.items.length, second.items.length, second.nextCursor]).toEqual([1, 1, null]);
    expect(second.items).not.toEqual(first.items);
    expect((await administrator.fetch(`${users}?cursor=x`)).status).toBe(400);
  });

  it('are in the export of the user’s data', async () => {
    const user = await newUser();
    const app = await operatorsApp();
    await allow(user, app);
    await settled();
    expect((await user.fetch('/api/v1/me/export')).json()).toMatchObject({
      applications: [{ applicationId: app.client.id }],
    });
  });

  // What follows has no SQL of its own: one database is enough.
  if (database !== databaseKinds[0]) {
    return;
  }

  it('are not those that are part of the product, which lose access with the user’s sessions', async () => {
    const user = await newUser();
    const app = await registered({ firstParty: true, name: `Console ${newId()}` });
    const tokens = await allow(user, app);
    expect(await list(user)).toEqual([]);
    expect((await user.send('DELETE', `/api/v1/me/connected-apps/${app.client.id}`)).status).toBe(404);
    expect((await user.send('DELETE', '/api/v1/me/connected-apps/vestibule')).status).toBe(404);
    const refreshed = tokensOf(await refresh(app, tokens));
    expect(await userinfo(refreshed)).toBe(200);
    const { status } = await administrator.send('DELETE', `/api/v1/users/${await idOf(user)}/sessions`);
    expect([status, await userinfo(refreshed)]).toEqual([200, 401]);
    const refused = await refresh(app, refreshed);
    expect([refused.status, errorOf(refused)]).toEqual([400, 'invalid_grant']);
  });

  it('that an operator made at Hydra for tokens in the front channel get none there', async () => {
    const user = await newUser();
    const response_types = ['code', 'token', 'code id_token'];
    const app = await operatorsApp({ response_types, grant_types: ['authorization_code', 'implicit'] });
    for (const response_type of ['token', 'code id_token']) {
      const { path } = app.authorize({ audience: undefined, scope, response_type });
      const landing = landingOf(await user.navigate(path));
      expect(landing.origin + landing.pathname).toBe(back);
      expect(`${landing.search}${landing.hash}`).toContain('error=unsupported_response_type');
    }
  });

  it('lose access at once when the user revokes them, and ask for consent again', async () => {
    const user = await newUser();
    const [app, other] = [await operatorsApp(), await operatorsApp()];
    const tokens = await allow(user, app, true);
    const others = await allow(user, other, true);
    expect([await userinfo(tokens), await asks(user, app)]).toEqual([200, false]);
    const path = `/api/v1/me/connected-apps/${app.client.id}`;
    expect((await user.send('DELETE', path)).status).toBe(204);
    expect(await userinfo(tokens)).toBe(401);
    const refused = await refresh(app, tokens);
    expect([refused.status, errorOf(refused)]).toEqual([400, 'invalid_grant']);
    expect(await asks(user, app)).toBe(true);
    expect((await user.send('DELETE', path)).status).toBe(404);
    // Another application, and other users of this one, are left alone.
    expect([await userinfo(others), (await refresh(other, others)).status]).toEqual([200, 200]);
    expect((await list(user)).map(({ applicationId }) => applicationId)).toEqual([other.client.id]);
    const id = await idOf(user);
    expect((await events(id, 'application_access_granted')).map((event) => event.target_id)).toEqual([
      app.client.id,
      other.client.id,
    ]);
    expect((await events(id, 'application_access_granted'))[0]).toEqual({
      type: 'application_access_granted',
      reason: scope,
      target_kind: 'application',
      target_id: app.client.id,
      actor_id: id,
      actor_credential: 'form',
    });
    expect(await events(id)).toEqual([
      {
        type: 'application_access_revoked',
        reason: null,
        target_kind: 'application',
        target_id: app.client.id,
        actor_id: id,
        actor_credential: 'cookie',
      },
    ]);
  });

  it('a code that was not exchanged yet brings no tokens after that', async () => {
    const user = await newUser();
    const app = await operatorsApp();
    const { path, verifier } = app.authorize({ audience: undefined, scope });
    const page = await user.navigate(path);
    const landed = await user.submit(page, {}, { name: 'decision', value: 'allow' });
    expect((await user.send('DELETE', `/api/v1/me/connected-apps/${app.client.id}`)).status).toBe(204);
    expect((await app.exchange(user, codeOf(landed), verifier)).status).toBe(400);
  });

  it('can be given access with another account than the one that the consent page names', async () => {
    const [one, other] = [newPerson(), newPerson()];
    const user = await newUser(one);
    await newUser(other);
    const app = await operatorsApp();
    const { path, verifier } = app.authorize({ audience: undefined, scope });
    const asked = await user.navigate(path);
    expect(asked.text).toContain(one.email);
    const login = await user.submit(asked, {}, { name: 'decision', value: 'other_account' });
    expect(new URL(login.url).pathname).toBe('/ui/login');
    expect((await user.fetch('/auth/session')).status).toBe(401);
    const again = await user.submit(login, { identifier: other.email, password: other.password });
    expect(again.text).toContain(other.email);
    const landed = await user.submit(again, {}, { name: 'decision', value: 'allow' });
    const tokens = tokensOf(await app.exchange(user, codeOf(landed), verifier));
    expect(decodeJwt(tokens.id_token ?? '')['email']).toBe(other.email);
    expect(await list(await loggedIn(one))).toEqual([]);
  });

  it.each(['login', 'consent'])('can be 40 whose %s was begun and left in one browser', async (left) => {
    const person = newPerson();
    const known = await newUser(person);
    const user = left === 'consent' ? known : new UserAgent(stack.url);
    for (let count = 0; count < 40; count += 1) {
      const page = await user.navigate((await operatorsApp()).authorize({ audience: undefined, scope }).path);
      expect([page.status, new URL(page.url).pathname]).toEqual([200, `/ui/${left}`]);
    }
    const app = await operatorsApp();
    const { path, verifier } = app.authorize({ audience: undefined, scope });
    const open = await user.navigate(path);
    const fields = { identifier: person.email, password: person.password };
    const asked = left === 'login' ? await user.submit(open, fields) : open;
    const landed = await user.submit(asked, {}, { name: 'decision', value: 'allow' });
    expect((await app.exchange(user, codeOf(landed), verifier)).status).toBe(200);
    expect((await user.jar.getCookieString(stack.url)).length).toBeLessThan(8000);
  });

  it('with an id that is no UUID are listed and revoked like any other', async () => {
    const user = await newUser();
    const id = `urn:example:agent/${'x'.repeat(120)}/${newId()}.json`;
    const app = await operatorsApp({ client_id: id, token_endpoint_auth_method: 'none' });
    await allow(user, new OAuthApp(stack.url, { id, secret: '' }, back));
    expect((await list(user)).map(({ applicationId }) => applicationId)).toEqual([app.client.id]);
    const path = `/api/v1/me/connected-apps/${encodeURIComponent(id)}`;
    expect((await user.send('DELETE', path)).status).toBe(204);
    expect(await list(user)).toEqual([]);
  });

  it.each(['disable', 'delete'] as const)('end when an administrator’s %s ends the account', async (act) => {
    const user = await newUser();
    const app = await operatorsApp();
    const tokens = await allow(user, app);
    await settled();
    const path = `/api/v1/users/${await idOf(user)}`;
    const answer = await (act === 'disable'
      ? administrator.send('POST', `${path}/disable`)
      : administrator.send('DELETE', path));
    expect(answer.status).toBeLessThan(300);
    const refused = await refresh(app, tokens);
    expect([await userinfo(tokens), refused.status, errorOf(refused)]).toEqual([401, 400, 'invalid_grant']);
    expect((await administrator.fetch(`/api/v1/applications/${app.client.id}/users`)).status).toBe(404);
  });

  it('end at the next refresh when an operator disables the identity at Kratos', async () => {
    const user = await newUser();
    const app = await operatorsApp();
    const tokens = await allow(user, app);
    await ory.disableIdentityOf(user);
    expect(errorOf(await refresh(app, tokens))).toBe('invalid_grant');
    expect(await userinfo(tokens)).toBe(401);
  });

  it('end at the next refresh when the user no longer is a member of their organisation', async () => {
    const member = await newUser();
    const [memberId, orgId] = [await idOf(member), newId()];
    const made = await administrator.send('POST', '/api/v1/orgs', { name: `Org ${orgId}` });
    const org = z.looseObject({ id: z.string() }).parse(made.json()).id;
    await stack
      .app()
      .get(Database, { strict: false })
      .query.insertInto('memberships')
      .values({ org_id: org, user_id: memberId, role: 'member', state: 'active', created_at: Date.now() })
      .execute();
    const app = await registered({ orgId: org, access: 'organisation' });
    const tokens = tokensOf(await refresh(app, await allow(member, app, true)));
    const removed = await administrator.send('DELETE', `/api/v1/orgs/${org}/members/${memberId}`);
    expect(removed.status).toBe(204);
    const refreshed = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' };
    // Hydra would read a grant type without its blanks.
    const blank = await app.token(new UserAgent(stack.url), { ...refreshed, grant_type: 'refresh_token ' });
    expect([blank.status, blank.json()]).toMatchObject([400, { code: 'malformed_request' }]);
    const refused = await app.token(new UserAgent(stack.url), refreshed);
    expect([refused.status, errorOf(refused)]).toEqual([400, 'invalid_grant']);
    expect(await userinfo(tokens)).toBe(401);
    expect(await events(memberId)).toMatchObject([
      { reason: 'no_longer_admitted', target_id: app.client.id, actor_credential: 'system' },
    ]);
    const page = await member.navigate(app.authorize({ audience: undefined, scope }).path);
    expect(landingOf(page).searchParams.get('error')).toBe('access_denied');
  });

  it('cannot refresh past that check: by another kind of form, or by a second token', async () => {
    const user = await newUser();
    const app = await operatorsApp();
    const tokens = await allow(user, app);
    const authorization = `Basic ${Buffer.from(`${app.client.id}:${app.client.secret}`).toString('base64')}`;
    const post = async (type: string, body: string): Promise<number> =>
      (
        await new UserAgent(stack.url).request('/ory/hydra/oauth2/token', {
          method: 'POST',
          headers: { authorization, 'content-type': type },
          body,
        })
      ).status;
    const part = (name: string, value: string): string =>
      `--x\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    const token = tokens.refresh_token ?? '';
    const multipart = `${part('grant_type', 'refresh_token')}${part('refresh_token', token)}--x--\r\n`;
    expect(await post('multipart/form-data; boundary=x', multipart)).toBe(415);
    const form = 'application/x-www-form-urlencoded';
    const twice = `grant_type=refresh_token&refresh_token=x&refresh_token=${token}`;
    expect(await post(form, twice)).toBe(400);
    expect(
      await post(form, `grant_type=authorization_code&grant_type=refresh_token&refresh_token=${token}`),
    ).toBe(400);
    expect(await post(`${form}; charset=UTF-8`, `grant_type=refresh_token&refresh_token=${token}`)).toBe(200);
  });
});
