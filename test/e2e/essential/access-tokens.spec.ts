import { afterAll, beforeAll, expect, it } from 'vitest';
import { codeOf, OAuthApp } from '../../support/oauth.app.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { newPerson, signUp } from '../../support/person.js';
import { type Stack, startStack, waitUntil } from '../../support/stack.js';
import { UserAgent } from '../../support/user-agent.js';

const allowed = ['vestibule', 'vestibule-spa', 'app', 'robot', 'brief'];
let stack: Stack;
let ory: OryAdmin;
/** Somebody logged in at Kratos. */
let person: UserAgent;

beforeAll(async () => {
  stack = await startStack({ env: { ALLOWED_CLIENT_IDS: allowed.join(',') } });
  ory = new OryAdmin(stack.env);
  person = new UserAgent(stack.url);
  await signUp(person, newPerson());
});

afterAll(async () => {
  await stack?.stop();
});

/** A client that may have everything that ours may have. */
async function app(definition: Readonly<Record<string, unknown>>): Promise<OAuthApp> {
  const redirectUri = `${stack.url}/demo`;
  const client = await ory.createClient({
    redirect_uris: [redirectUri],
    audience: [stack.url, 'https://elsewhere.example'],
    skip_consent: true,
    ...definition,
  });
  return new OAuthApp(stack.url, client, redirectUri);
}

async function robotToken(definition: Readonly<Record<string, unknown>>): Promise<string> {
  const robot = await app({ grant_types: ['client_credentials'], ...definition });
  const answer = await robot.token(person, { grant_type: 'client_credentials', audience: stack.url });
  return String(Reflect.get(Object(answer.json()), 'access_token'));
}

async function expectRefused(accessToken: string, reason: string): Promise<void> {
  const agent = new UserAgent(stack.url);
  const seen = stack.log.length;
  const answer = await agent.post('/auth/login', { accessToken });
  expect(answer.status).toBe(401);
  expect(answer.json()).toMatchObject({ code: 'access_token_rejected' });
  // Why is told to the log and not to anyone who tries.
  expect(answer.text).not.toContain(reason);
  expect(stack.log.slice(seen).some((line) => line.includes(`"${reason}"`))).toBe(true);
  expect(answer.headers.getSetCookie()).toEqual([]);
  expect((await agent.fetch('/auth/session')).status).toBe(401);
}

it('an access token of a foreign client, with our audience and our person, is refused [L11]', async () => {
  const foreign = await app({ client_name: 'Foreign' });
  const { access_token } = await foreign.login(person);
  expect(await ory.isActive(access_token)).toBe(true);
  await expectRefused(access_token, 'access_token_foreign_client');
});

it('a client-credentials token is refused, no matter which client it is', async () => {
  for (const definition of [{}, { client_id: 'robot' }]) {
    const token = await robotToken(definition);
    expect(await ory.isActive(token)).toBe(true);
    await expectRefused(token, 'access_token_inactive');
  }
});

it('a client-credentials token whose subject is the id of a person is refused [L12]', async () => {
  const { identityId } = await ory.sessionOf(person);
  await stack.restartGateway({ ALLOWED_CLIENT_IDS: [...allowed, identityId].join(',') });
  const token = await robotToken({ client_id: identityId });
  expect(await ory.isActive(token)).toBe(true);
  await expectRefused(token, 'access_token_inactive');
});

it('an access token with another audience, or with none, is refused', async () => {
  const spa = OAuthApp.spa(stack.url);
  await expectRefused(
    (await spa.login(person, { audience: undefined })).access_token,
    'access_token_wrong_audience',
  );
  const elsewhere = await app({
    client_id: 'app',
    scope: 'openid offline_access',
    grant_types: ['authorization_code', 'refresh_token'],
  });
  const changes = { audience: 'https://elsewhere.example', scope: 'openid' };
  await expectRefused((await elsewhere.login(person, changes)).access_token, 'access_token_wrong_audience');
});

it('a refresh token and an ID token are no access token; the access token beside them is', async () => {
  const client = { id: 'app', secret: await secretOf('app') };
  const offline = new OAuthApp(stack.url, client, `${stack.url}/demo`);
  const tokens = await offline.login(person, { scope: 'openid offline_access' });
  await expectRefused(tokens.refresh_token ?? '', 'access_token_wrong_use');
  await expectRefused(tokens.id_token ?? '', 'access_token_inactive');
  const agent = new UserAgent(stack.url);
  expect((await agent.post('/auth/login', { accessToken: tokens.access_token })).status).toBe(200);
});

it('an expired access token is refused', async () => {
  const brief = await app({ client_id: 'brief', authorization_code_grant_access_token_lifespan: '1s' });
  const { access_token } = await brief.login(person);
  const agent = new UserAgent(stack.url);
  expect((await agent.post('/auth/login', { accessToken: access_token })).status).toBe(200);
  await waitUntil(async () => !(await ory.isActive(access_token)), 'the token to expire');
  await expectRefused(access_token, 'access_token_inactive');
});

it('a revoked access token is refused', async () => {
  const spa = OAuthApp.spa(stack.url);
  const { access_token } = await spa.login(person);
  const revoked = await person.request('/ory/hydra/oauth2/revoke', {
    method: 'POST',
    body: new URLSearchParams({ client_id: spa.client.id, token: access_token }),
  });
  expect(revoked.status).toBe(200);
  await expectRefused(access_token, 'access_token_inactive');
});

it('an authorization code and a path are no access tokens', async () => {
  const code = codeOf(await person.navigate(OAuthApp.spa(stack.url).authorize().path));
  await expectRefused(code, 'access_token_inactive');
  await expectRefused('../../admin/clients', 'access_token_inactive');
});

it.each([
  ['blanks', 'ory_at_ with blanks'],
  ['line breaks', 'ory_at_1234567890\r\nx: y'],
  ['a parameter', 'ory_at_1234567890&token=x'],
  ['something short', 'x'],
  ['4 kB', 'a'.repeat(4096)],
])('%s for an access token is refused without asking Hydra', async (_case, token) => {
  await expectRefused(token, 'access_token_malformed');
});

async function secretOf(id: string): Promise<string> {
  const url = `${stack.env['HYDRA_ADMIN_URL']}/admin/clients/${id}`;
  const body = JSON.stringify([{ op: 'replace', path: '/client_secret', value: 'a-secret-of-this-test' }]);
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'PATCH', body, headers });
  expect(answer.status).toBe(200);
  return 'a-secret-of-this-test';
}
