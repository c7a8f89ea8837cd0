import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { type Verifier, createVerifier } from '@vestibule-auth/verify';
import { z } from 'zod';
import { newId } from '../../../../platform/core/identifier.js';
import { Database } from '../../../../platform/database/database.schema.js';
import { promote } from '../../../../../test/support/administrator.js';
import { DpopKey } from '../../../../../test/support/dpop.key.js';
import { blockRunBy } from '../../../../../test/support/document.blocks.js';
import { ConnectedOrg } from '../../../../../test/support/connected.org.js';
import { databaseKinds } from '../../../../../test/support/database.kinds.js';
import { OAuthApp, codeOf } from '../../../../../test/support/oauth.app.js';
import {
  type CompanyServer,
  type Employee,
  companyPorts,
  companySecret,
  logInThere,
  startCompany,
} from '../../../../../test/support/openid.connection.js';
import { administratorOf, registerApplication } from '../../../../../test/support/registered.application.js';
import type { RegisteredClient } from '../../../../../test/support/ory.admin.js';
import { shell } from '../../../../../test/support/shell.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { travel } from '../../../../../test/support/travel.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';

const notes = 'https://notes.example.org/mcp';
const tasks = 'https://tasks.example';
const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const callback = 'https://assistant.example/back';
const idSchema = z.looseObject({ id: z.string() });
const sessionSchema = z.looseObject({ user: z.looseObject({ id: z.string() }) });
const appsSchema = z.looseObject({
  items: z.array(
    z.looseObject({
      applicationId: z.string(),
      name: z.string().nullable(),
      resources: z.array(z.looseObject({ url: z.string() })),
    }),
  ),
});

describe.each(databaseKinds)('cross-app access, on %s', (database) => {
  let stack: Stack;
  let company: CompanyServer;
  let issuer: string;
  let org: ConnectedOrg;
  let assistant: RegisteredClient;
  let service: Verifier;
  let ada: Employee & { readonly agent: UserAgent; readonly id: string };

  beforeAll(async () => {
    const ports = await companyPorts();
    ({ issuer } = ports);
    stack = await startStack({
      database,
      postgresUrl: inject('postgresUrl'),
      env: {
        ORG_CONNECTION_HOSTS: new URL(issuer).host,
        ORG_CONNECTION_KINDS: 'oidc',
        DPOP_AUDIENCES: tasks,
        PROTECTED_RESOURCES: JSON.stringify([
          {
            resource: notes,
            resource_name: 'Notes',
            scopes: { 'notes:read': 'Read your notes', 'notes:write': 'Add notes' },
          },
          { resource: tasks, scopes: { 'tasks:read': 'Read your tasks' } },
        ]),
      },
    });
    org = await ConnectedOrg.make(stack, { issuer, client_id: 'vestibule', client_secret: companySecret });
    company = await startCompany(stack.url, ports, { ids: [org.connection] });
    assistant = await register('Assistant');
    ada = await colleague();
    const admin = await administratorOf(stack);
    const keyMade = await admin.post('/api/v1/api-keys', { name: 'Notes', scope: 'revocations:read' });
    const { key } = z.looseObject({ key: z.string() }).parse(keyMade.json());
    service = createVerifier({ issuer: stack.url, resource: notes, revocations: { key } });
  });

  beforeEach(() => stack.shiftClock(0));

  afterAll(async () => {
    service?.close();
    await company?.stop();
    await stack?.stop();
  });

  const query = () => stack.app().get(Database, { strict: false }).query;

  async function register(name: string, more: object = {}): Promise<RegisteredClient> {
    return registerApplication(stack, {
      name,
      redirectUris: [callback],
      scope: 'openid notes:read notes:write tasks:read',
      ...more,
    });
  }

  /** Somebody who has logged in by their company. */
  async function colleague(): Promise<Employee & { readonly agent: UserAgent; readonly id: string }> {
    const person = company.employ({ email: `p${newId().slice(-8)}@${org.domain}` });
    const agent = new UserAgent(stack.url);
    const { page: there } = await travel(agent, await org.login(agent, person.email));
    expect((await logInThere(agent, there, person)).status).toBe(200);
    const { user } = sessionSchema.parse((await agent.fetch('/auth/session')).json());
    return { ...person, agent, id: user.id };
  }

  interface Signing {
    readonly typ?: string;
    readonly alg?: string;
    readonly key?: CryptoKey | Uint8Array;
  }

  /** What the company's provider states; a claim that is undefined is left out. */
  async function assertion(
    claims: Readonly<Record<string, unknown>> = {},
    { typ, alg, key }: Signing = {},
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const { jwk, privateKey } = company.provider.keys;
    const stated = {
      iss: issuer,
      sub: ada.sub,
      aud: stack.url,
      client_id: assistant.id,
      resource: notes,
      scope: 'notes:read notes:write',
      jti: randomUUID(),
      iat: now,
      exp: now + 300,
      ...claims,
    };
    return new SignJWT(Object.fromEntries(Object.entries(stated).filter(([, value]) => value !== undefined)))
      .setProtectedHeader({ alg: alg ?? 'RS256', typ: typ ?? 'oauth-id-jag+jwt', kid: String(jwk.kid) })
      .sign(key ?? privateKey);
  }

  /** A token request of a client, which authenticates by its header. */
  async function request(
    form: Readonly<Record<string, string>> | URLSearchParams,
    { id, secret }: Pick<RegisteredClient, 'id' | 'secret'> = assistant,
    path = '/auth/token',
  ): Promise<Page> {
    return new UserAgent(stack.url).request(path, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
      body: new URLSearchParams(form),
    });
  }

  const formOf = (text: string): Readonly<Record<string, string>> => ({
    grant_type: grantType,
    assertion: text,
    resource: notes,
  });

  async function tokenFor(text: string): Promise<string> {
    const answer = await request(formOf(text));
    expect([answer.status, answer.status === 200 ? '' : answer.text]).toEqual([200, '']);
    return z.looseObject({ access_token: z.string() }).parse(answer.json()).access_token;
  }

  /** What the service of the resource finds in a token. */
  const verify = async (token: string) => service.verify(token, { scope: 'notes:read' });

  /** Why the service refuses a token, once it has heard of a change. */
  const expectEnd = async (token: string, reason: string): Promise<void> =>
    expect
      .poll(
        () =>
          verify(token).then(
            () => 'good',
            (error) => error.reason,
          ),
        { timeout: 60_000 },
      )
      .toBe(reason);

  const errorOf = ({ text }: Page): string => /"error":"(\w+)"/.exec(text)?.[1] ?? text;

  it('an application gets a token of one resource on the word of the company, and no login', async () => {
    const discovered = (
      await new UserAgent(stack.url).fetch('/.well-known/oauth-authorization-server')
    ).json();
    const metadata = z
      .looseObject({
        issuer: z.string(),
        token_endpoint: z.string(),
        grant_types_supported: z.array(z.string()),
        authorization_grant_profiles_supported: z.array(z.string()),
      })
      .parse(discovered);
    expect(metadata.grant_types_supported).toContain(grantType);
    expect(metadata.authorization_grant_profiles_supported).toEqual([
      'urn:ietf:params:oauth:grant-profile:id-jag',
    ]);
    const answer = await request(formOf(await assertion({ auth_time: 1_700_000_000 })));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const { access_token: token, ...rest } = z.looseObject({ access_token: z.string() }).parse(answer.json());
    // No refresh token: the company is asked anew.
    expect(rest).toEqual({ token_type: 'Bearer', expires_in: 600, scope: 'notes:read notes:write' });
    const claims = await verify(token);
    expect(claims).toMatchObject({
      sub: ada.id,
      aud: notes,
      client_id: assistant.id,
      act: { sub: assistant.id },
      org: { id: org.id, role: 'member' },
      acr: 'aal1',
      amr: [],
      auth_time: 1_700_000_000,
    });
    for (const name of ['email', 'name', 'roles', 'idp_sub']) {
      expect(claims).not.toHaveProperty(name);
    }
    // At neither the gateway nor another resource.
    const own = await new UserAgent(stack.url).request('/api/v1/me', {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(own.status).toBe(401);
    await expect(
      createVerifier({ issuer: stack.url, resource: tasks }).verify(token, { scope: [] }),
    ).rejects.toMatchObject({ status: 401 });
  });

  it('the request is the one of the guide', async () => {
    const request = blockRunBy(
      'docs/cross-app-access.md',
      'src/features/cross-app-access/test/extended/cross-app-access.spec.ts',
    );
    const outcome = await shell(request.replaceAll('http://localhost:3000', stack.url), tmpdir(), {
      PATH: process.env['PATH'] ?? '',
      CLIENT_ID: assistant.id,
      CLIENT_SECRET: assistant.secret,
      ASSERTION: await assertion(),
    });
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      token_type: 'Bearer',
      scope: 'notes:read notes:write',
    });
  });

  it('the provider’s own endpoint, and one word for the scope, do as well', async () => {
    const answer = await request(
      { ...formOf(await assertion()), scope: 'notes:read' },
      assistant,
      '/ory/hydra/oauth2/token',
    );
    expect([answer.status, answer.json()]).toMatchObject([200, { scope: 'notes:read' }]);
  });

  it.each([
    ['another type', {}, { typ: 'JWT' }],
    ['another audience', { aud: 'https://other.example' }, {}],
    ['another client', { client_id: 'other' }, {}],
    ['no client', { client_id: undefined }, {}],
    ['another resource', { resource: tasks }, {}],
    ['several resources', { resource: [notes, tasks] }, {}],
    ['no resource', { resource: undefined }, {}],
    ['no id', { jti: undefined }, {}],
    ['no time', { iat: undefined }, {}],
    ['no end', { exp: undefined }, {}],
    ['another user', { sub: 'nobody' }, {}],
    ['no user', { sub: undefined }, {}],
    ['another issuer', { iss: 'https://other.example' }, {}],
    ['no issuer', { iss: undefined }, {}],
    ['a NUL in its user', { sub: 'a\0b' }, {}],
  ])('an assertion with %s is refused', async (_, claims, signing) => {
    const answer = await request(formOf(await assertion(claims, signing)));
    expect([answer.status, errorOf(answer)]).toEqual([400, 'invalid_grant']);
  });

  it('an assertion is refused that is forged, unsigned, too old, too long, of tomorrow, or for others too', async () => {
    const now = Math.floor(Date.now() / 1000);
    const { privateKey } = await generateKeyPair('RS256');
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const unsigned = `${encode({ alg: 'none', typ: 'oauth-id-jag+jwt' })}.${(await assertion()).split('.')[1]}.`;
    const bad = [
      await assertion({}, { key: privateKey }),
      await assertion({}, { alg: 'HS256', key: new TextEncoder().encode(companySecret) }),
      unsigned,
      await assertion({ iat: now - 400, exp: now - 100 }),
      await assertion({ iat: now, exp: now + 301 }),
      await assertion({ iat: now + 120, exp: now + 300 }),
      await assertion({ aud: [stack.url, 'https://other.example'] }),
      await assertion({ aud: `${stack.url}/ory/hydra` }),
      'nonsense',
    ];
    for (const text of bad) {
      const answer = await request(formOf(text));
      expect([answer.status, errorOf(answer)]).toEqual([400, 'invalid_grant']);
    }
  });

  it('an assertion is good once, however many come at once', async () => {
    const text = await assertion();
    const answers = await Promise.all(Array.from({ length: 8 }, async () => request(formOf(text))));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array<number>(7).fill(400)]);
    // One that comes to nothing for another reason is still good.
    const fresh = await assertion();
    expect((await request({ ...formOf(fresh), scope: 'tasks:read' })).status).toBe(400);
    await tokenFor(fresh);
  });

  it('the client authenticates, and is an application for users that was registered here', async () => {
    const open = await register('Open', { kind: 'single_page', codeProtection: 'pkce' });
    const machine = await register('Machine', { kind: 'machine', redirectUris: [], scope: 'profile:read' });
    const cases = [
      [{ ...assistant, secret: 'wrong' }, 401, 'invalid_client'],
      [{ id: 'unknown', secret: 'x' }, 401, 'invalid_client'],
      [machine, 400, 'unauthorized_client'],
    ] as const;
    for (const [client, status, error] of cases) {
      const answer = await request(formOf(await assertion({ client_id: client.id })), client);
      expect([answer.status, errorOf(answer)]).toEqual([status, error]);
    }
    const answer = await new UserAgent(stack.url).request('/auth/token', {
      method: 'POST',
      body: new URLSearchParams({ ...formOf(await assertion({ client_id: open.id })), client_id: open.id }),
    });
    expect([answer.status, errorOf(answer)]).toEqual([400, 'unauthorized_client']);
  });

  it('asks for one assertion, one resource, and scopes that company, resource and application allow', async () => {
    const text = await assertion();
    const twice = (name: string, value: string): URLSearchParams => {
      const form = new URLSearchParams(formOf(text));
      form.append(name, value);
      return form;
    };
    expect((await request(twice('assertion', text))).json()).toMatchObject({
      status: 400,
      code: 'malformed_request',
    });
    const cases = [
      [{ grant_type: grantType, resource: notes }, 'invalid_request'],
      [{ grant_type: grantType, assertion: text }, 'invalid_target'],
      [{ ...formOf(text), resource: 'https://other.example' }, 'invalid_target'],
      [twice('resource', tasks), 'invalid_target'],
      [{ ...formOf(text), audience: notes }, 'invalid_target'],
      [{ ...formOf(text), scope: 'notes:read openid' }, 'invalid_scope'],
      [{ ...formOf(await assertion({ scope: 'notes:read' })), scope: 'notes:write' }, 'invalid_scope'],
      [formOf(await assertion({ scope: 'openid' })), 'invalid_scope'],
    ] as const;
    for (const [form, error] of cases) {
      const answer = await request(form);
      expect([answer.status, errorOf(answer)]).toEqual([400, error]);
    }
    const unnamed = await request(formOf(await assertion({ scope: undefined })));
    expect(unnamed.json()).toMatchObject({ scope: 'notes:read notes:write' });
  });

  it('the word counts for no former member, no administrator, nobody who is disabled or a member elsewhere', async () => {
    const [left, disabled, elsewhere, chief] = [
      await colleague(),
      await colleague(),
      await colleague(),
      await colleague(),
    ];
    const token = await tokenFor(await assertion({ sub: left.sub }));
    await verify(token);
    expect(
      (await org.owner.send('DELETE', `/api/v1/orgs/${org.id}/members/${left.id}`, undefined)).status,
    ).toBe(204);
    // What it had ends, too.
    await expectEnd(token, 'token_outdated');
    await query().updateTable('users').set({ disabled_at: 1 }).where('id', '=', disabled.id).execute();
    await org.verifyOwner();
    const other = idSchema.parse((await org.owner.send('POST', '/api/v1/orgs', { name: 'Other' })).json());
    await query()
      .insertInto('memberships')
      .columns(['org_id', 'user_id', 'role', 'state', 'created_at'])
      .expression((from) =>
        from
          .selectFrom('memberships')
          .select(({ val }) => [val(other.id).as('org_id'), 'user_id', 'role', 'state', 'created_at'])
          .where('user_id', '=', elsewhere.id),
      )
      .execute();
    await promote(stack.app(), chief.id);
    for (const { sub } of [left, disabled, elsewhere, chief]) {
      const answer = await request(formOf(await assertion({ sub })));
      expect([answer.status, errorOf(answer)]).toEqual([400, 'invalid_grant']);
    }
    await query().deleteFrom('orgs').where('id', '=', other.id).execute();
  });

  it('the application must be open to the user', async () => {
    const closed = await register('Closed', { access: 'roles', roles: ['admin'] });
    const answer = await request(formOf(await assertion({ client_id: closed.id })), closed);
    expect([answer.status, errorOf(answer)]).toEqual([400, 'invalid_grant']);
  });

  it('the user sees it among their connected apps, and ends it until they agree to it themselves', async () => {
    const user = await colleague();
    const stated = { sub: user.sub };
    const token = await tokenFor(await assertion(stated));
    await verify(token);
    const apps = async () =>
      appsSchema.parse((await user.agent.fetch('/api/v1/me/connected-apps')).json()).items;
    expect(await apps()).toMatchObject([
      { applicationId: assistant.id, name: 'Assistant', resources: [{ url: notes }] },
    ]);
    const page = await user.agent.navigate('/');
    expect(page.text).toContain('Assistant');
    const ended = await user.agent.send('DELETE', `/api/v1/me/connected-apps/${assistant.id}`, undefined);
    expect(ended.status).toBe(204);
    await expectEnd(token, 'session_ended');
    expect(await apps()).toEqual([]);
    const refused = await request(formOf(await assertion(stated)));
    expect([refused.status, errorOf(refused)]).toEqual([400, 'invalid_grant']);
    // Agrees on the consent page, as at any login of the application.
    const app = new OAuthApp(stack.url, assistant, callback);
    const consent = await user.agent.navigate(app.authorize({ audience: undefined, scope: 'openid' }).path);
    expect(codeOf(await user.agent.submit(consent, {}, { name: 'decision', value: 'allow' }))).not.toBe('');
    await verify(await tokenFor(await assertion(stated)));
  });

  it('ends with the connection', async () => {
    const token = await tokenFor(await assertion());
    await verify(token);
    await org.prove(false);
    const answer = await request(formOf(await assertion()));
    expect([answer.status, errorOf(answer)]).toEqual([400, 'invalid_grant']);
    await org.prove();
  });

  it('is in the audit trail: who, for which application and resource, and why not', async () => {
    await tokenFor(await assertion());
    await request(formOf(await assertion({ client_id: 'other' })));
    const events = async () =>
      query()
        .selectFrom('audit_events')
        .select(['outcome', 'reason', 'user_id', 'org_id', 'target_id'])
        .where('type', '=', 'cross-app-access:token_issued')
        .orderBy('id', 'desc')
        .limit(2)
        .execute();
    await expect
      .poll(async () => (await events()).toReversed())
      .toMatchObject([
        { outcome: 'success', reason: notes, user_id: ada.id, org_id: org.id, target_id: assistant.id },
        { outcome: 'failure', reason: 'assertion_of_other_client', target_id: assistant.id },
      ]);
  });

  it('an application proves itself by its key, and its token is bound to another', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', use: 'sig', kid: 'own' }] };
    const keyed = await register('Keyed', { jwks });
    const url = `${stack.url}/ory/hydra`;
    const key = await DpopKey.make();
    const form = {
      grant_type: grantType,
      resource: tasks,
      assertion: await assertion({ client_id: keyed.id, resource: tasks, scope: 'tasks:read' }),
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    };
    const send = async (nonce?: string): Promise<Page> => {
      const now = Math.floor(Date.now() / 1000);
      const own = await new SignJWT({ jti: randomUUID() })
        .setProtectedHeader({ alg: 'ES256', kid: 'own' })
        .setIssuer(keyed.id)
        .setSubject(keyed.id)
        .setAudience(url)
        .setIssuedAt(now)
        .setExpirationTime(now + 60)
        .sign(privateKey);
      const proven = { method: 'POST', url: `${url}/oauth2/token` };
      const dpop = await key.proof(nonce === undefined ? proven : { ...proven, nonce });
      return new UserAgent(stack.url).request('/ory/hydra/oauth2/token', {
        method: 'POST',
        headers: { dpop },
        body: new URLSearchParams({ ...form, client_assertion: own }),
      });
    };
    const first = await send();
    expect([first.status, errorOf(first)]).toEqual([400, 'use_dpop_nonce']);
    const answer = await send(first.headers.get('dpop-nonce') ?? '');
    expect([answer.status, answer.json()]).toMatchObject([200, { token_type: 'DPoP', scope: 'tasks:read' }]);
  });
});
