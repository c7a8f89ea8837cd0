import { tmpdir } from 'node:os';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createVerifier } from '@vestibule-auth/verify';
import { z } from 'zod';
import { findFreePorts } from '../../../../launcher/port-finder.js';
import { Database } from '../../../../platform/database/database.schema.js';
import { ConnectedOrg } from '../../../../../test/support/connected.org.js';
import { blockRunBy } from '../../../../../test/support/document.blocks.js';
import { OAuthApp, codeOf } from '../../../../../test/support/oauth.app.js';
import type { RegisteredClient } from '../../../../../test/support/ory.admin.js';
import { newPerson, signUp } from '../../../../../test/support/person.js';
import { administratorOf, registerApplication } from '../../../../../test/support/registered.application.js';
import { shell } from '../../../../../test/support/shell.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { sendForm, travel } from '../../../../../test/support/travel.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';

const notes = 'https://notes.example.org/mcp';
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
const idTokenType = 'urn:ietf:params:oauth:token-type:id_token';
const assertionTokenType = 'urn:ietf:params:oauth:token-type:id-jag';
const callback = 'https://assistant.example/back';
const idSchema = z.looseObject({ id: z.string() });
const tokenSchema = z.looseObject({ access_token: z.string() });

/** The company's gateway, where people have accounts, and the site of a product, in which the company is an organisation. */
let company: Stack;
let site: Stack;
/** Where browsers see the site: under another name, as cookies don't know ports. */
let siteUrl: string;
let org: ConnectedOrg;
/** The assistant at the company, and at the site. */
let assistant: RegisteredClient;
let assistantThere: RegisteredClient;
let ada: ReturnType<typeof newPerson>;
/** Where administrators of the company say where the assistant may act. */
let targets: string;

beforeAll(async () => {
  const [port = 0] = await findFreePorts(1);
  siteUrl = `http://127.0.0.1:${port}`;
  company = await startStack();
  site = await startStack({
    publicUrl: siteUrl,
    env: {
      ORG_CONNECTION_HOSTS: new URL(company.url).host,
      ORG_CONNECTION_KINDS: 'oidc',
      PROTECTED_RESOURCES: JSON.stringify([
        { resource: notes, resource_name: 'Notes', scopes: { 'notes:read': 'Read your notes' } },
      ]),
    },
  });
  const login = await registerApplication(company, {
    name: 'Site',
    redirectUris: [`${siteUrl}/later`],
    scope: 'openid profile email offline_access',
    firstParty: true,
  });
  org = await ConnectedOrg.make(
    site,
    { issuer: `${company.url}/ory/hydra`, client_id: login.id, client_secret: login.secret },
    siteUrl,
  );
  const changed = await (
    await administratorOf(company)
  ).send('PATCH', `/api/v1/applications/${login.id}`, {
    redirectUris: [`${siteUrl}/auth/connections/${org.connection}/callback`],
  });
  expect([changed.status, changed.status === 200 ? '' : changed.text]).toEqual([200, '']);
  const definition = { name: 'Assistant', redirectUris: [callback] };
  assistant = await registerApplication(company, { ...definition, scope: 'openid profile email' });
  assistantThere = await registerApplication(site, { ...definition, scope: 'openid notes:read' });
  targets = `/api/v1/applications/${assistant.id}/cross-app-targets`;
  ada = { ...newPerson(), email: `ada@${org.domain}` };
  await signUp(new UserAgent(company.url), ada);
  // By which the site comes to know her.
  const browser = new UserAgent(siteUrl, site.url);
  const { page } = await travel(browser, await org.login(browser, ada.email));
  const arrival = await sendForm(browser, page, { identifier: ada.email, password: ada.password });
  expect(arrival.page.status).toBe(200);
});

afterEach(async () => {
  company.shiftClock(0);
  const { items } = z
    .looseObject({ items: z.array(idSchema) })
    .parse((await (await administratorOf(company)).fetch(targets)).json());
  for (const { id } of items) {
    await removeTarget(id);
  }
});

afterAll(async () => {
  await site?.stop();
  await company?.stop();
});

/** Names the site as a target. @returns its id. */
async function nameTarget(changes: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const answer = await (
    await administratorOf(company)
  ).send('POST', targets, {
    audience: siteUrl,
    resource: notes,
    clientId: assistantThere.id,
    scope: 'notes:read',
    ...changes,
  });
  expect([answer.status, answer.status === 201 ? '' : answer.text]).toEqual([201, '']);
  return idSchema.parse(answer.json()).id;
}

async function removeTarget(id: string): Promise<number> {
  return (await (await administratorOf(company)).send('DELETE', `${targets}/${id}`, undefined)).status;
}

/** Logs in to the assistant. @returns its ID token. */
async function idToken(browser = new UserAgent(company.url), app = assistant): Promise<string> {
  const oauth = new OAuthApp(company.url, app, callback);
  const { path, verifier } = oauth.authorize({ audience: undefined, scope: 'openid' });
  let page = await browser.navigate(path);
  if (new URL(page.url).pathname === '/ui/login') {
    page = await browser.submit(page, { identifier: ada.email, password: ada.password });
  }
  if (new URL(page.url).pathname === '/ui/consent') {
    page = await browser.submit(page, {}, { name: 'decision', value: 'allow' });
  }
  const answer = await oauth.exchange(browser, codeOf(page), verifier);
  return z.looseObject({ id_token: z.string() }).parse(answer.json()).id_token;
}

async function post(
  agent: UserAgent,
  path: string,
  { id, secret }: Pick<RegisteredClient, 'id' | 'secret'>,
  form: Readonly<Record<string, string>> | URLSearchParams,
): Promise<Page> {
  return agent.request(path, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
    body: new URLSearchParams(form),
  });
}

const exchangeOf = (token: string): Readonly<Record<string, string>> => ({
  grant_type: exchange,
  requested_token_type: assertionTokenType,
  audience: siteUrl,
  resource: notes,
  subject_token: token,
  subject_token_type: idTokenType,
});

const exchanged = async (
  form: Readonly<Record<string, string>> | URLSearchParams,
  client: Pick<RegisteredClient, 'id' | 'secret'> = assistant,
): Promise<Page> => post(new UserAgent(company.url), '/ory/hydra/oauth2/token', client, form);

const errorOf = ({ text }: Page): string => /"error":"(\w+)"/.exec(text)?.[1] ?? text;

it('a user of the company lets the assistant read their notes at the site by the login at the company alone', async () => {
  await nameTarget();
  const answer = await exchanged(exchangeOf(await idToken()));
  expect([answer.status, answer.json()]).toMatchObject([
    200,
    { issued_token_type: assertionTokenType, token_type: 'N_A', expires_in: 300, scope: 'notes:read' },
  ]);
  const { access_token: assertion } = tokenSchema.parse(answer.json());
  expect(decodeProtectedHeader(assertion)).toMatchObject({ alg: 'RS256', typ: 'oauth-id-jag+jwt' });
  expect(decodeJwt(assertion)).toMatchObject({
    iss: `${company.url}/ory/hydra`,
    aud: siteUrl,
    client_id: assistantThere.id,
    resource: notes,
    acr: 'aal1',
  });
  const there = await post(new UserAgent(siteUrl, site.url), '/auth/token', assistantThere, {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion,
    resource: notes,
  });
  expect([there.status, there.status === 200 ? '' : there.text]).toEqual([200, '']);
  const service = createVerifier({
    issuer: siteUrl,
    resource: notes,
    jwksUri: `${site.url}/.well-known/jwks.json`,
  });
  const claims = await service.verify(tokenSchema.parse(there.json()).access_token, { scope: 'notes:read' });
  expect(claims).toMatchObject({ client_id: assistantThere.id, org: { id: org.id, role: 'member' } });
  const metadata = (
    await new UserAgent(company.url).fetch('/ory/hydra/.well-known/openid-configuration')
  ).json();
  expect(metadata).toMatchObject({
    identity_chaining_requested_token_types_supported: [assertionTokenType],
    grant_types_supported: expect.arrayContaining([exchange]),
  });
});

it('the request is the one of the guide', async () => {
  await nameTarget({ audience: 'https://auth.notes.example', resource: 'https://notes.example/mcp' });
  const request = blockRunBy(
    'docs/cross-app-access.md',
    'src/features/cross-app-access/test/extended/two-sites.spec.ts',
  );
  const outcome = await shell(request.replaceAll('http://localhost:3000', company.url), tmpdir(), {
    PATH: process.env['PATH'] ?? '',
    CLIENT_ID: assistant.id,
    CLIENT_SECRET: assistant.secret,
    ID_TOKEN: await idToken(),
  });
  expect(JSON.parse(outcome.stdout)).toMatchObject({ issued_token_type: assertionTokenType });
});

it('only for targets that an administrator has named, until they are removed', async () => {
  const token = await idToken();
  const unnamed = await exchanged(exchangeOf(token));
  expect([unnamed.status, errorOf(unnamed)]).toEqual([400, 'invalid_target']);
  const target = await nameTarget();
  const other = await nameTarget({ resource: 'https://other.example' });
  const admin = await administratorOf(company);
  const again = await admin.send('POST', targets, { audience: siteUrl, resource: notes, clientId: 'x' });
  expect(again.status).toBe(409);
  expect((await admin.fetch(targets)).json()).toMatchObject({
    items: [{ id: target, audience: siteUrl, resource: notes }, { id: other }],
  });
  const { resource: _resource, ...without } = exchangeOf(token);
  const cases = [
    [{ ...exchangeOf(token), audience: 'https://elsewhere.example' }, 'invalid_target'],
    [{ ...exchangeOf(token), resource: 'https://elsewhere.example' }, 'invalid_target'],
    // Which of the two?
    [without, 'invalid_target'],
    [{ ...exchangeOf(token), scope: 'notes:read notes:write' }, 'invalid_scope'],
    [{ ...exchangeOf(token), subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' }, 'invalid_request'],
    [
      { ...exchangeOf(token), requested_token_type: 'urn:ietf:params:oauth:token-type:jwt' },
      'invalid_request',
    ],
    [{ ...exchangeOf(token), actor_token: token }, 'invalid_request'],
    [exchangeOf('nonsense'), 'invalid_request'],
  ] as const;
  for (const [form, error] of cases) {
    const answer = await exchanged(form);
    expect([answer.status, errorOf(answer)]).toEqual([400, error]);
  }
  const twice = new URLSearchParams(exchangeOf(token));
  twice.append('resource', 'https://other.example');
  expect(errorOf(await exchanged(twice))).toBe('invalid_target');
  expect(await removeTarget(other)).toBe(204);
  expect((await exchanged(without)).status).toBe(200);
  expect(await removeTarget(target)).toBe(204);
  expect(await removeTarget(target)).toBe(404);
  expect((await exchanged(exchangeOf(token))).status).toBe(400);
});

it('only for the application that the user is logged in to, by its own credential', async () => {
  await nameTarget();
  const other = await registerApplication(company, {
    name: 'Other',
    redirectUris: [callback],
    scope: 'openid',
  });
  const [own, foreign] = [await idToken(), await idToken(new UserAgent(company.url), other)];
  const refusals = [
    [await exchanged(exchangeOf(foreign)), 400, 'invalid_request'],
    [await exchanged(exchangeOf(own), other), 400, 'invalid_target'],
    [await exchanged(exchangeOf(own), { ...assistant, secret: 'wrong' }), 401, 'invalid_client'],
  ] as const;
  for (const [answer, status, error] of refusals) {
    expect([answer.status, errorOf(answer)]).toEqual([status, error]);
  }
  // An assertion is signed by the same key, and is no ID token.
  const { access_token: assertion } = tokenSchema.parse((await exchanged(exchangeOf(own))).json());
  const again = await exchanged(exchangeOf(assertion));
  expect([again.status, errorOf(again)]).toEqual([400, 'invalid_request']);
});

it('ends with the login, with the access, and with the account', async () => {
  await nameTarget();
  const refused = async (token: string): Promise<void> => {
    const answer = await exchanged(exchangeOf(token));
    expect([answer.status, errorOf(answer)]).toEqual([400, 'invalid_request']);
  };
  const browser = new UserAgent(company.url);
  await browser.navigate('/auth/login');
  const token = await idToken(browser);
  expect((await exchanged(exchangeOf(token))).status).toBe(200);
  const user = new UserAgent(company.url);
  const page = await user.navigate('/auth/login');
  await user.submit(page, { identifier: ada.email, password: ada.password });
  const revoked = await user.send('DELETE', `/api/v1/me/connected-apps/${assistant.id}`, undefined);
  expect(revoked.status).toBe(204);
  await refused(token);
  const next = await idToken();
  expect((await exchanged(exchangeOf(next))).status).toBe(200);
  company.shiftClock(7200);
  await refused(next);
  company.shiftClock(0);
  const admin = await administratorOf(company);
  const { id } = z.looseObject({ user: idSchema }).parse((await user.fetch('/auth/session')).json()).user;
  expect((await admin.send('POST', `/api/v1/users/${id}/disable`, {})).status).toBe(200);
  await refused(next);
  expect((await admin.send('POST', `/api/v1/users/${id}/enable`, {})).status).toBe(200);
  await refused(next);
});

it('administrators alone name targets, of applications that can use them, at other sites', async () => {
  const admin = await administratorOf(company);
  const user = new UserAgent(company.url);
  await signUp(user, newPerson());
  const body = { audience: siteUrl, resource: notes, clientId: 'x' };
  expect((await user.send('POST', targets, body)).status).toBe(403);
  const open = await registerApplication(company, {
    name: 'Page',
    kind: 'single_page',
    redirectUris: [callback],
  });
  const machine = await registerApplication(company, {
    name: 'Robot',
    kind: 'machine',
    redirectUris: [],
    scope: 'shop:read',
  });
  for (const id of [open.id, machine.id, 'unknown']) {
    const answer = await admin.send('POST', `/api/v1/applications/${id}/cross-app-targets`, body);
    expect(answer.status).toBe(404);
  }
  const bad = [
    { audience: company.url },
    { audience: `${company.url}/ory/hydra` },
    { audience: 'http://elsewhere.example' },
    { audience: 'nonsense' },
    { resource: 'http://elsewhere.example' },
    { clientId: '' },
    { clientId: 'a\u0000' },
    { scope: 'a"b' },
    { more: 1 },
  ];
  for (const changes of bad) {
    expect((await admin.send('POST', targets, { ...body, ...changes })).status).toBe(400);
  }
  expect((await admin.fetch(targets)).json()).toEqual({ items: [] });
});

it('is in the audit trail', async () => {
  const target = await nameTarget();
  const token = await idToken();
  await exchanged(exchangeOf(token));
  await exchanged({ ...exchangeOf(token), audience: 'https://elsewhere.example' });
  await removeTarget(target);
  const events = async () =>
    company
      .app()
      .get(Database, { strict: false })
      .query.selectFrom('audit_events')
      .select(['type', 'outcome', 'reason', 'target_id'])
      .where('type', 'like', 'cross-app-access:%')
      .execute();
  await expect.poll(events).toEqual(
    expect.arrayContaining(
      [
        { type: 'target_deleted', outcome: 'success', reason: null },
        { type: 'assertion_issued', outcome: 'failure', reason: 'cross_app_target_unknown' },
        { type: 'assertion_issued', outcome: 'success', reason: siteUrl },
        { type: 'target_created', outcome: 'success', reason: siteUrl },
      ].map((event) => ({ ...event, type: `cross-app-access:${event.type}`, target_id: assistant.id })),
    ),
  );
});
