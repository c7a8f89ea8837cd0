import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { tokenTypes } from '../../../../session/tokens/token-types.js';
import { ClientAdoption } from '../../../../providers/ory/hydra/client-adoption.js';
import { Database } from '../../../../platform/database/database.schema.js';
import { newId } from '../../../../platform/core/identifier.js';
import { promote } from '../../../../../test/support/administrator.js';
import { databaseKinds } from '../../../../../test/support/database.kinds.js';
import { runDoctor } from '../../../../../test/support/doctor.js';
import { OAuthApp, codeOf, landingOf, tokensOf } from '../../../../../test/support/oauth.app.js';
import { type Person, logIn, newPerson } from '../../../../../test/support/person.js';
import { shell } from '../../../../../test/support/shell.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';
import { arriveVerified } from '../../../../../test/support/verified.person.js';

const allow = { name: 'decision', value: 'allow' };
const back = 'https://wiki.example/callback';

/** Redirect URIs that are fine one by one, and too many bytes together. */
const manyBytes = Array.from({ length: 5 }, (_, index) => `${back}/${'x'.repeat(1900)}${index}`);
const sessionSchema = z.looseObject({ user: z.looseObject({ id: z.string() }) });
const applicationSchema = z.looseObject({ id: z.string(), clientSecret: z.string().nullish() });
const problemSchema = z.looseObject({
  code: z.string(),
  errors: z.array(z.looseObject({ field: z.string() })).default([]),
});

describe.each(databaseKinds)('applications, on %s', (database) => {
  let stack: Stack;
  let administrator: UserAgent;
  let user: UserAgent;
  const person = newPerson();

  beforeAll(async () => {
    stack = await startStack({ database, postgresUrl: inject('postgresUrl'), sharedOry: true });
    administrator = await loggedIn(newPerson(), async (id) => promote(stack.app(), id));
    user = await loggedIn(person);
  });

  afterAll(async () => {
    await stack?.stop();
  });

  /** A browser of a new user. @param change is made before a second login, so that the session states it. */
  async function loggedIn(who: Person, change?: (id: string) => Promise<void>): Promise<UserAgent> {
    const agent = new UserAgent(stack.url);
    await arriveVerified(agent, stack, who);
    if (change === undefined) {
      return agent;
    }
    await change(await idOf(agent));
    const again = new UserAgent(stack.url);
    await logIn(again, who);
    return again;
  }

  const idOf = async (agent: UserAgent): Promise<string> =>
    sessionSchema.parse((await agent.fetch('/auth/session')).json()).user.id;

  /** Registers an application. */
  async function register(
    definition: Readonly<Record<string, unknown>> = {},
    agent = administrator,
    path = '/api/v1/applications',
  ): Promise<OAuthApp> {
    const body = { name: 'Wiki', kind: 'web', redirectUris: [back], ...definition };
    const answer = await agent.send('POST', path, body);
    expect([answer.status, answer.status === 201 ? '' : answer.text]).toEqual([201, '']);
    const { id, clientSecret } = applicationSchema.parse(answer.json());
    return new OAuthApp(stack.url, { id, secret: clientSecret ?? '' }, back);
  }

  /** An organisation with this owner. */
  async function orgOf(owner: UserAgent): Promise<string> {
    const answer = await owner.send('POST', '/api/v1/orgs', { name: `Org ${newId()}` });
    return z.looseObject({ id: z.string() }).parse(answer.json()).id;
  }

  const open = async (app: OAuthApp, agent: UserAgent, changes = {}): Promise<Page> =>
    agent.navigate(app.authorize({ audience: undefined, ...changes }).path);

  const exchangeOf = async (token: string): Promise<Page> =>
    new UserAgent(stack.url).request('/auth/token', {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: token,
        subject_token_type: tokenTypes.accessToken,
      }),
    });

  const fieldsOf = (answer: Page): readonly string[] => {
    const { code, errors } = problemSchema.parse(answer.json());
    return [code, ...errors.map(({ field }) => field)];
  };

  it('of an organisation that is deleted is removed, and its machine calls no more', async () => {
    const org = await orgOf(user);
    const app = await register({ kind: 'single_page' }, user, `/api/v1/orgs/${org}/applications`);
    const definition = { kind: 'machine', redirectUris: [], scope: 'profile:read', orgId: org };
    const machine = await register(definition);
    const token = tokensOf(
      await machine.token(new UserAgent(stack.url), {
        grant_type: 'client_credentials',
        audience: stack.url,
      }),
    ).access_token;
    const exchange = async (): Promise<number> => (await exchangeOf(token)).status;
    expect(await exchange()).toBe(200);
    expect((await user.send('DELETE', `/api/v1/orgs/${org}`)).status).toBe(204);
    expect(await exchange()).not.toBe(200);
    for (const { client } of [app, machine]) {
      const left = await fetch(`${stack.env['HYDRA_ADMIN_URL']}/admin/clients/${client.id}`);
      expect(left.status).toBe(404);
    }
  });

  it('has no users under an id that isn’t one, or after a cursor that isn’t one', async () => {
    for (const id of ['%00', 'a%00b', newId()]) {
      const answer = await administrator.fetch(`/api/v1/applications/${id}/users`);
      expect([id, answer.status]).toEqual([id, 404]);
    }
    const cursor = Buffer.from(JSON.stringify('\0')).toString('base64url');
    const answer = await administrator.fetch(`/api/v1/applications/${newId()}/users?cursor=${cursor}`);
    expect(fieldsOf(answer)).toEqual(['validation_failed', 'cursor']);
  });

  it.each(['client_secret_basic', 'client_secret_post'] as const)(
    'accepts the previous secret for a while after a rotation, and only that one: %s',
    async (tokenEndpointAuthMethod) => {
      const app = await register({
        kind: 'machine',
        redirectUris: [],
        scope: 'orgs:read',
        tokenEndpointAuthMethod,
      });
      const { id } = app.client;
      const statusWith = async (secret: string): Promise<number> => {
        const form = { grant_type: 'client_credentials', scope: 'orgs:read' };
        const isBasic = tokenEndpointAuthMethod === 'client_secret_basic';
        const answer = await user.request('/ory/hydra/oauth2/token', {
          method: 'POST',
          headers: isBasic
            ? { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
            : {},
          body: new URLSearchParams(isBasic ? form : { ...form, client_id: id, client_secret: secret }),
        });
        return answer.status;
      };
      const rotate = async (body: object): Promise<string> => {
        const answer = await administrator.send('POST', `/api/v1/applications/${id}/secret`, body);
        expect(answer.status).toBe(201);
        return z.looseObject({ clientSecret: z.string() }).parse(answer.json()).clientSecret;
      };
      const first = app.client.secret;
      expect(await statusWith(first)).toBe(200);
      const second = await rotate({ keepPreviousFor: 3600 });
      expect([await statusWith(first), await statusWith(second), await statusWith('x')]).toEqual([
        200, 200, 401,
      ]);
      stack.shiftClock(3601);
      expect([await statusWith(first), await statusWith(second)]).toEqual([401, 200]);
      stack.shiftClock(0);
      const third = await rotate({});
      expect([await statusWith(first), await statusWith(second), await statusWith(third)]).toEqual([
        401, 200, 200,
      ]);
      const fourth = await rotate({ keepPreviousFor: 0 });
      expect([await statusWith(third), await statusWith(fourth)]).toEqual([401, 200]);
    },
  );

  it.each(['client_secret_basic', 'client_secret_post'] as const)(
    'registered for %s authenticates by header, by form, and by both if they agree',
    async (tokenEndpointAuthMethod) => {
      const { client } = await register({
        kind: 'machine',
        redirectUris: [],
        scope: 'orgs:read',
        tokenEndpointAuthMethod,
      });
      const other = await register({ kind: 'machine', redirectUris: [], scope: 'orgs:read' });
      const answerTo = async (
        basic: readonly [string, string] | undefined,
        form: Readonly<Record<string, string>>,
        path = 'token',
      ): Promise<[number, unknown]> => {
        const answer = await user.request(`/ory/hydra/oauth2/${path}`, {
          method: 'POST',
          headers:
            basic === undefined
              ? {}
              : { authorization: `Basic ${Buffer.from(basic.join(':')).toString('base64')}` },
          body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'orgs:read', ...form }),
        });
        const { error } = z.looseObject({ error: z.string().optional() }).parse(answer.json() ?? {});
        return [answer.status, error];
      };
      const { id, secret } = client;
      const form = { client_id: id, client_secret: secret };
      const ok = [200, undefined];
      expect(await answerTo([id, secret], {})).toEqual(ok);
      expect(await answerTo(undefined, form)).toEqual(ok);
      expect(await answerTo([id, secret], form)).toEqual(ok);
      expect(await answerTo([id, secret], { client_id: id })).toEqual(ok);
      const refused = [401, 'invalid_client'];
      expect(await answerTo([id, 'wrong'], {})).toEqual(refused);
      expect(await answerTo(undefined, { ...form, client_secret: 'wrong' })).toEqual(refused);
      expect(await answerTo(undefined, { client_id: id })).toEqual(refused);
      expect(await answerTo([id, other.client.secret], {})).toEqual(refused);
      const twofold = [400, 'invalid_request'];
      expect(await answerTo([id, 'wrong'], form)).toEqual(twofold);
      expect(await answerTo([id, secret], { ...form, client_secret: 'wrong' })).toEqual(twofold);
      expect(await answerTo([id, secret], { client_id: other.client.id })).toEqual(twofold);
      expect(await answerTo([other.client.id, other.client.secret], form)).toEqual(twofold);
      expect(await answerTo([id, 'wrong'], form, 'revoke')).toEqual(twofold);
    },
  );

  it('whose way of sending its secret an administrator changes may go on with the former one', async () => {
    const app = await register({ kind: 'machine', redirectUris: [], scope: 'orgs:read' });
    const status = async (): Promise<number> =>
      (await app.token(user, { grant_type: 'client_credentials', scope: 'orgs:read' })).status;
    expect(await status()).toBe(200);
    const change = { tokenEndpointAuthMethod: 'client_secret_post' };
    const changed = await administrator.send('PATCH', `/api/v1/applications/${app.client.id}`, change);
    expect(changed.status).toBe(200);
    // This process may believe for seconds that Hydra takes it as before. That is no refusal, and the next attempt succeeds.
    expect([200, 503]).toContain(await status());
    expect(await status()).toBe(200);
  });

  it('of an organisation lets only its members in, unless its owner decides otherwise', async () => {
    const orgId = await orgOf(user);
    const path = `/api/v1/orgs/${orgId}/applications`;
    const app = await register({}, user, path);
    const asked = await open(app, user);
    expect(new URL(asked.url).pathname).toBe('/ui/consent');
    expect(asked.text).toContain('An organisation that calls itself Org');
    const { query } = stack.app().get(Database, { strict: false });
    const domain = `${orgId}.example`;
    const org = query.updateTable('orgs').where('id', '=', orgId);
    await org.set({ claimed_domain: domain }).execute();
    expect((await open(app, user)).text).not.toContain(domain);
    await org.set({ domain, domain_proof: 'dns' }).execute();
    expect((await open(app, user)).text).toContain(`has confirmed the domain ${domain}`);
    const stranger = await loggedIn(newPerson());
    expect(landingOf(await open(app, stranger)).searchParams.get('error')).toBe('access_denied');
    const answer = await user.send('PATCH', `${path}/${app.client.id}`, { access: 'everyone' });
    expect(answer.status).toBe(200);
    expect(new URL((await open(app, stranger)).url).pathname).toBe('/ui/consent');
  });

  it('that calls for itself has a service account, until it is removed', async () => {
    const app = await register({ kind: 'machine', redirectUris: [], scope: 'profile:read' });
    const granted = tokensOf(
      await app.token(user, { grant_type: 'client_credentials', audience: stack.url }),
    );
    const answer = await new UserAgent(stack.url).fetch('/auth/token', {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: tokenTypes.accessToken,
        subject_token: granted.access_token,
      }),
    });
    const bearer = z.looseObject({ access_token: z.string() }).parse(answer.json()).access_token;
    expect(decodeJwt(bearer)).toMatchObject({
      client_id: app.client.id,
      scope: 'profile:read',
      name: 'Wiki',
    });
    const me = async (): Promise<number> =>
      (await new UserAgent(stack.url).fetch('/api/v1/me', { headers: { authorization: `Bearer ${bearer}` } }))
        .status;
    expect(await me()).toBe(200);
    expect((await administrator.send('DELETE', `/api/v1/applications/${app.client.id}`)).status).toBe(204);
    expect(await me()).toBe(401);
    expect((await app.token(user, { grant_type: 'client_credentials' })).status).toBe(401);
  });

  it('each change of it is in the audit trail', async () => {
    const app = await register();
    const path = `/api/v1/applications/${app.client.id}`;
    await administrator.send('PATCH', path, { name: 'Notes' });
    await administrator.send('POST', `${path}/secret`, {});
    await administrator.send('DELETE', path);
    const types = async (): Promise<string[]> => {
      const rows = await stack
        .app()
        .get(Database, { strict: false })
        .query.selectFrom('audit_events')
        .select(['type', 'actor_id'])
        .where('target_kind', '=', 'application')
        .where('target_id', '=', app.client.id)
        .orderBy('id')
        .execute();
      return rows.map(({ type }) => type);
    };
    await expect
      .poll(types)
      .toEqual([
        'application_created',
        'application_updated',
        'application_secret_rotated',
        'application_deleted',
      ]);
  });

  it('are listed in pages, without what the gateway itself set up', async () => {
    const listSchema = z.looseObject({
      items: z.array(z.looseObject({ id: z.string() })),
      nextCursor: z.string().nullable(),
    });
    for (let count = 0; count < 4; count += 1) {
      await register();
    }
    const all = listSchema.parse((await administrator.fetch('/api/v1/applications')).json());
    expect(all.items.length).toBeGreaterThan(3);
    expect(all.items.map(({ id }) => id)).not.toContain('vestibule');
    expect(JSON.stringify(all)).not.toContain('vsc_');
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page = listSchema.parse(
        (await administrator.fetch(`/api/v1/applications?limit=2${query}`)).json(),
      );
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(all.items.map(({ id }) => id));
  });

  // What follows has no SQL of its own: one database is enough.
  if (database !== databaseKinds[0]) {
    return;
  }

  it('of an administrator logs a user in after their consent, with PKCE and its secret', async () => {
    const app = await register({ scope: 'openid email offline_access' });
    const { path, verifier } = app.authorize({ audience: undefined, scope: 'openid email offline_access' });
    const page = await user.navigate(path);
    expect(new URL(page.url).pathname).toBe('/ui/consent');
    expect(page.text).toContain('Wiki');
    const landed = await user.submit(page, {}, allow);
    const tokens = tokensOf(await app.exchange(user, codeOf(landed), verifier));
    expect(decodeJwt(tokens.id_token ?? '')).toMatchObject({ aud: [app.client.id], email: person.email });
    expect(tokens.refresh_token).toBeDefined();
  });

  it('is refused a login without PKCE, whatever its kind', async () => {
    for (const kind of ['web', 'single_page']) {
      const app = await register({ kind });
      for (const changes of [
        { code_challenge: undefined, code_challenge_method: undefined },
        { code_challenge_method: 'plain' },
        { code_challenge_method: undefined },
      ]) {
        // Before the user is asked for anything.
        const landed = landingOf(await open(app, user, changes));
        expect([kind, landed.searchParams.get('code'), landed.searchParams.get('error')]).toEqual([
          kind,
          null,
          'invalid_request',
        ]);
      }
    }
  });

  it('asks for no consent if it is first-party', async () => {
    const app = await register({ name: 'Console', firstParty: true });
    expect(codeOf(await open(app, user))).not.toBe('');
  });

  it('has its consent remembered only where it is registered so', async () => {
    for (const rememberConsent of [true, false]) {
      const page = await open(await register({ rememberConsent }), user);
      expect(page.html().querySelector('[name=remember]') !== null).toBe(rememberConsent);
    }
  });

  it.each([
    ['https://wiki.example/*'],
    ['https://*.wiki.example/'],
    ['http://wiki.example/callback'],
    ['https://wiki.example/callback#here'],
    ['https://user@wiki.example/callback'],
    ['javascript:alert(1)'],
    ['data:text/html,x'],
    ['com.example.app:/callback'],
    ['/callback'],
    ['https://wiki.example\\@evil.example/'],
    ['https://wiki.example/a/../b'],
    ['https://WIKI.example/'],
    ['https://wiki.example./'],
    ['//wiki.example/'],
    [''],
  ])('is not registered with the redirect URI %j', async (uri) => {
    const answer = await administrator.send('POST', '/api/v1/applications', {
      name: 'Wiki',
      kind: 'web',
      redirectUris: [uri],
    });
    expect([answer.status, fieldsOf(answer)]).toEqual([400, ['validation_failed', 'redirectUris.0']]);
  });

  it('is not registered with one that leads to this gateway, and gets no code at another than its own', async () => {
    const own = await administrator.send('POST', '/api/v1/applications', {
      name: 'Wiki',
      kind: 'web',
      redirectUris: [`${stack.url}/auth/callback`],
    });
    expect(fieldsOf(own)).toEqual(['validation_failed', 'redirectUris.0']);
    const app = await register();
    for (const uri of [
      `${back}/x`,
      `${back}?a=b`,
      'https://wiki.example/',
      'https://evil.example/callback',
    ]) {
      const page = await open(app, user, { redirect_uri: uri });
      expect([uri, new URL(page.url).origin]).toEqual([uri, stack.url]);
      expect(page.text).not.toContain('code=');
    }
  });

  it.each([
    ['a scope of the API', { scope: 'openid users:read' }, 'scope'],
    ['full authority', { scope: 'api' }, 'scope'],
    ['a scope that users do not know', { scope: 'openid calendar' }, 'scope'],
    ['no redirect URI', { redirectUris: [] }, 'redirectUris'],
    ['an organisation’s members, of no organisation', { access: 'organisation' }, 'access'],
    ['roles without any', { access: 'roles' }, 'roles'],
    ['the name of the product', { name: 'Vestibule' }, 'name'],
    ['a look-alike of it', { name: 'Vеstibulе Login' }, 'name'],
    ['a logo that is a script', { logoUri: 'javascript:alert(1)' }, 'logoUri'],
    ['a secret of its own choice', { clientSecret: 'x' }, 'clientSecret'],
    ['an address after a logout on another host', { postLogoutRedirectUris: ['https://x.example/'] }, 'host'],
    [
      'an address after a logout on another port',
      { postLogoutRedirectUris: ['https://wiki.example:8443/'] },
      'postLogoutRedirectUris.0',
    ],
    ['a bad escape', { redirectUris: ['https://wiki.example/%zz'] }, 'redirectUris.0'],
    ['a control character', { kind: 'native', redirectUris: ['com.a.b:\u0001x'] }, 'redirectUris.0'],
    ['an organisation that doesn’t exist', { orgId: newId() }, 'orgId'],
    ['a NUL in the name of a group', { groupsFrom: 'listed', groupOrgs: ['acme\0'] }, 'groupOrgs.0'],
    ['more than 8 kB of addresses', { redirectUris: manyBytes }, 'redirectUris'],
  ])('is not registered with %s', async (_what, definition, field) => {
    const body = { name: 'Wiki', kind: 'web', redirectUris: [back], ...definition };
    const answer = await administrator.send('POST', '/api/v1/applications', body);
    expect([answer.status, fieldsOf(answer)[0]]).toEqual([400, 'validation_failed']);
    expect(answer.text).toContain(field);
  });

  it('that looks like a first-party one is not registered', async () => {
    await register({ name: 'Payroll', firstParty: true });
    for (const name of ['payroll', 'Ρayroll', 'Pay roll', 'Payroll Support', 'Payro11']) {
      const answer = await administrator.send('POST', '/api/v1/applications', {
        name,
        kind: 'web',
        redirectUris: [back],
      });
      expect([name, ...fieldsOf(answer)]).toEqual([name, 'validation_failed', 'name']);
    }
  });

  it('of an organisation doesn’t get a name that speaks for the deployment, and may keep one [B01]', async () => {
    const path = `/api/v1/orgs/${await orgOf(user)}/applications`;
    for (const name of ['Admin', 'Suppοrt', 'Root']) {
      const body = { name, kind: 'web', redirectUris: [back] };
      const answer = await user.send('POST', path, body);
      expect([name, ...fieldsOf(answer)]).toEqual([name, 'validation_failed', 'name']);
    }
    const { client } = await register({ name: 'Shop admin' }, user, path);
    const own = `/api/v1/applications/${client.id}`;
    expect((await administrator.send('PATCH', own, { name: 'Support' })).status).toBe(200);
    const kept = await user.send('PATCH', `${path}/${client.id}`, {
      name: 'Support',
      rememberConsent: false,
    });
    expect(kept.status).toBe(200);
  });

  it('becomes part of the product under a name that no other one has', async () => {
    const org = await orgOf(user);
    const other = await register({ name: 'Timesheets' }, user, `/api/v1/orgs/${org}/applications`);
    const body = { name: 'Time sheets', kind: 'web', redirectUris: [back], firstParty: true };
    const refused = await administrator.send('POST', '/api/v1/applications', body);
    expect(fieldsOf(refused)).toEqual(['validation_failed', 'name']);
    expect(refused.text).toContain(other.client.id);
    const own = await register({ name: 'Time sheets' });
    const raised = await administrator.send('PATCH', `/api/v1/applications/${own.client.id}`, {
      firstParty: true,
    });
    expect(fieldsOf(raised)).toEqual(['validation_failed', 'name']);
  });

  it('of an organisation isn’t shown as the product’s: no organisation of a user has its name', async () => {
    const create = async (agent: UserAgent): Promise<Page> =>
      agent.send('POST', '/api/v1/orgs', { name: 'Vestibule Support' });
    expect(fieldsOf(await create(user))).toEqual(['validation_failed', 'name']);
    expect((await create(administrator)).status).toBe(201);
    const org = await orgOf(user);
    const renamed = await user.send('PATCH', `/api/v1/orgs/${org}`, { name: 'Vеstibule' });
    expect(fieldsOf(renamed)).toEqual(['validation_failed', 'name']);
  });

  it('that is a machine has no scope that only administrators may use', async () => {
    const machine = { name: 'Robot', kind: 'machine', redirectUris: [] };
    for (const scope of [
      'users:read',
      'users:write',
      'audit:read',
      'signing-keys:read',
      'signing-keys:write',
    ]) {
      const answer = await administrator.send('POST', '/api/v1/applications', {
        ...machine,
        scope: `profile:read ${scope}`,
      });
      expect([scope, answer.status, ...fieldsOf(answer)]).toEqual([scope, 400, 'validation_failed', 'scope']);
      expect(answer.text).toContain(`${scope}: only administrators may use that`);
    }
    const { client } = await register({ ...machine, scope: 'profile:read revocations:read shop:read' });
    const path = `/api/v1/applications/${client.id}`;
    const widened = await administrator.send('PATCH', path, { scope: 'profile:read users:read' });
    expect([widened.status, ...fieldsOf(widened)]).toEqual([400, 'validation_failed', 'scope']);
    expect((await administrator.send('PATCH', path, { name: 'Robot 2' })).status).toBe(200);
  });

  it('that is a machine without scopes gets a token without any', async () => {
    const machine = await register({ name: 'Bare robot', kind: 'machine', redirectUris: [] });
    const shown = await administrator.fetch(`/api/v1/applications/${machine.client.id}`);
    expect(shown.json()).toMatchObject({ scope: '' });
    for (const asked of [{}, { scope: 'openid offline_access' }]) {
      const given = await machine.token(new UserAgent(stack.url), {
        grant_type: 'client_credentials',
        audience: stack.url,
        ...asked,
      });
      const exchanged = await exchangeOf(tokensOf(given).access_token);
      expect([exchanged.status, decodeJwt(tokensOf(exchanged).access_token)['scope']]).toEqual([200, '']);
    }
  });

  it('that is a machine may lose its scopes, and no other kind may', async () => {
    const machine = await register({
      name: 'Former robot',
      kind: 'machine',
      redirectUris: [],
      scope: 'profile:read',
    });
    const changed = await administrator.send('PATCH', `/api/v1/applications/${machine.client.id}`, {
      scope: '',
    });
    expect([changed.status, changed.json()]).toMatchObject([200, { scope: '' }]);
    const given = await machine.token(new UserAgent(stack.url), {
      grant_type: 'client_credentials',
      audience: stack.url,
    });
    const exchanged = await exchangeOf(tokensOf(given).access_token);
    expect([exchanged.status, decodeJwt(tokensOf(exchanged).access_token)['scope']]).toEqual([200, '']);
    const { client } = await register({ name: 'Reading room' });
    for (const answer of [
      await administrator.send('PATCH', `/api/v1/applications/${client.id}`, { scope: ' ' }),
      await administrator.send('POST', '/api/v1/applications', {
        name: 'Writing room',
        kind: 'web',
        redirectUris: [back],
        scope: '',
      }),
    ]) {
      expect([answer.status, ...fieldsOf(answer)]).toEqual([400, 'validation_failed', 'scope']);
    }
  });

  it('that is a machine has a page with the requests that get it a token', async () => {
    for (const tokenEndpointAuthMethod of ['client_secret_basic', 'client_secret_post']) {
      const { client } = await register({
        name: 'Copied robot',
        kind: 'machine',
        redirectUris: [],
        scope: 'profile:read shop:read',
        tokenEndpointAuthMethod,
      });
      const page = await administrator.navigate(`/admin/applications/${client.id}`);
      const requests = page.html().querySelector('#application-requests')?.text ?? '';
      const commands = requests.replace('<secret>', client.secret);
      const outcome = await shell(commands, '/', { PATH: process.env['PATH'] ?? '' });
      expect([outcome.status, JSON.parse(outcome.stdout)]).toEqual([
        0,
        expect.objectContaining({ scope: 'profile:read shop:read' }),
      ]);
    }
  });

  it('of an organisation that is a machine is renamed by its owner on its page', async () => {
    const org = await orgOf(user);
    const { client } = await register({
      name: 'Org robot',
      kind: 'machine',
      redirectUris: [],
      scope: 'shop:read',
      orgId: org,
    });
    const path = `/orgs/${org}/applications/${client.id}`;
    const saved = await user.submit(await user.navigate(path), { name: 'Org robot 2' });
    expect([saved.status, saved.text.includes('The application has been changed.')]).toEqual([200, true]);
  });

  it('that is a machine is told which audience its token lacks', async () => {
    const machine = await register({
      name: 'Deaf robot',
      kind: 'machine',
      redirectUris: [],
      scope: 'shop:read',
    });
    const given = await machine.token(new UserAgent(stack.url), { grant_type: 'client_credentials' });
    const refused = await exchangeOf(tokensOf(given).access_token);
    expect([refused.status, refused.json()]).toEqual([
      400,
      {
        error: 'invalid_request',
        error_description: `the access token has another audience: request it with audience=${stack.url}`,
      },
    ]);
  });

  it('without a secret is refused one, and one with a secret is refused without', async () => {
    const app = await register({ kind: 'single_page' });
    expect(app.client.secret).toBe('');
    const { path, verifier } = app.authorize({ audience: undefined });
    const landed = await user.submit(await user.navigate(path), {}, allow);
    const pretended = new OAuthApp(stack.url, { id: app.client.id, secret: 'guess' }, back);
    expect((await pretended.exchange(user, codeOf(landed), verifier)).status).toBe(401);
    const web = await register();
    const request = web.authorize({ audience: undefined });
    const code = codeOf(await user.submit(await user.navigate(request.path), {}, allow));
    const open = new OAuthApp(stack.url, { id: web.client.id, secret: '' }, back);
    expect((await open.exchange(user, code, request.verifier)).status).toBe(401);
  });

  it('for an organisation’s members lets no other user in', async () => {
    const orgId = await orgOf(user);
    const app = await register({ orgId, access: 'organisation' });
    expect(new URL((await open(app, user)).url).pathname).toBe('/ui/consent');
    const stranger = await loggedIn(newPerson());
    expect(landingOf(await open(app, stranger)).searchParams.get('error')).toBe('access_denied');
  });

  it.each([
    ['without its metadata', { path: '/metadata', op: 'replace', value: {} }, false],
    ['without what it says of access', { path: '/metadata/application/access', op: 'remove' }, false],
    ['without its metadata, as part of the product', { path: '/metadata', op: 'replace', value: {} }, true],
  ])('whose client was changed at Hydra is open to nobody: %s', async (_case, change, firstParty) => {
    const name = `Ledger ${newId()}`;
    const app = await register({ name, access: 'roles', roles: ['admin'], firstParty });
    const hydra = `${stack.env['HYDRA_ADMIN_URL']}/admin/clients/${app.client.id}`;
    const patched = await fetch(hydra, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([change]),
    });
    expect(patched.status).toBe(200);
    // Neither a list of applications nor a start takes it for a client of an operator's.
    expect((await administrator.fetch('/api/v1/applications')).status).toBe(200);
    await stack.app().get(ClientAdoption, { strict: false }).adopt();
    for (const agent of [user, administrator]) {
      expect(landingOf(await open(app, agent)).searchParams.get('error')).toBe('access_denied');
    }
    const { out } = await runDoctor(stack.env, '--json');
    expect(z.looseObject({ findings: z.array(z.unknown()) }).parse(JSON.parse(out)).findings).toContainEqual(
      expect.objectContaining({ code: 'application_unreadable', detail: app.client.id }),
    );
  });

  it('has no roles any more once its access is another', async () => {
    const app = await register({ access: 'roles', roles: ['admin'] });
    const path = `/api/v1/applications/${app.client.id}`;
    const changed = await administrator.send('PATCH', path, { access: 'everyone' });
    expect([changed.status, changed.json()]).toEqual([
      200,
      expect.objectContaining({ access: 'everyone', roles: [] }),
    ]);
    const contradiction = { access: 'everyone', roles: ['admin'] };
    expect(fieldsOf(await administrator.send('PATCH', path, contradiction))).toEqual([
      'validation_failed',
      'roles',
    ]);
  });

  it('is changed after a recent login only: its redirect URIs decide where codes go', async () => {
    const ofDeployment = await register();
    const orgPath = `/api/v1/orgs/${await orgOf(user)}/applications`;
    const ofOrg = await register({}, user, orgPath);
    const page = `/admin/applications/${ofDeployment.client.id}`;
    const form = await administrator.navigate(page);
    try {
      stack.shiftClock(3601);
      for (const [agent, path] of [
        [administrator, `/api/v1/applications/${ofDeployment.client.id}`],
        [user, `${orgPath}/${ofOrg.client.id}`],
      ] as const) {
        const answer = await agent.send('PATCH', path, { redirectUris: ['https://other.example/'] });
        expect([answer.status, fieldsOf(answer)]).toEqual([401, ['reauthentication_required']]);
      }
      // The page keeps what was typed, and leads to a login.
      const shown = await administrator.submit(form, { name: 'A better name', clientUri: '' });
      expect(shown.status).toBe(401);
      expect(shown.html().querySelector('input[name=name]')?.getAttribute('value')).toBe('A better name');
      const logIn = shown.html().querySelector('[role=alert] a')?.getAttribute('href');
      expect(logIn).toMatch(/^\/auth\/login\?max_age=\d+&return_to=/);
    } finally {
      stack.shiftClock(0);
    }
  });

  it('for administrators lets no other user in', async () => {
    const app = await register({ access: 'roles', roles: ['admin'] });
    expect(new URL((await open(app, administrator)).url).pathname).toBe('/ui/consent');
    expect(landingOf(await open(app, user)).searchParams.get('error')).toBe('access_denied');
  });

  it('of an organisation is managed by its owners, but never as part of the product', async () => {
    const orgId = await orgOf(user);
    const path = `/api/v1/orgs/${orgId}/applications`;
    const app = await register({}, user, path);
    const body = { name: 'Wiki', kind: 'web', redirectUris: [back] };
    for (const more of [
      { firstParty: true },
      { kind: 'machine' },
      { backchannelLogoutUri: 'http://10.0.0.1/' },
    ]) {
      expect([more, (await user.send('POST', path, { ...body, ...more })).status]).toEqual([more, 400]);
    }
    const mine = `${path}/${app.client.id}`;
    expect((await user.send('PATCH', mine, { name: 'Handbook' })).status).toBe(200);
    // Once an administrator has made it first-party, its owner can't point it elsewhere.
    const own = `/api/v1/applications/${app.client.id}`;
    expect((await administrator.send('PATCH', own, { firstParty: true })).status).toBe(200);
    expect((await user.send('PATCH', mine, { redirectUris: ['https://evil.example/'] })).status).toBe(403);
    expect((await user.send('POST', `${mine}/secret`, {})).status).toBe(403);
    const other = await orgOf(administrator);
    expect(
      (await administrator.send('DELETE', `/api/v1/orgs/${other}/applications/${app.client.id}`)).status,
    ).toBe(404);
  });
});
