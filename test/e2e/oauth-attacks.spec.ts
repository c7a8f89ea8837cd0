import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { promote } from '../support/administrator.js';
import { OAuthApp, codeOf, landingOf, tokensOf } from '../support/oauth.app.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson, signUp } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';
import { travel } from '../support/travel.js';
import { type Page, UserAgent, formOf } from '../support/user-agent.js';
import { arriveVerified } from '../support/verified.person.js';

const notes = 'https://notes.example/mcp';
const tasks = 'https://tasks.example';
const redirectUri = 'http://127.0.0.1:4321/callback';
const back = 'https://wiki.example/callback';
const allow = { name: 'decision', value: 'allow' };
const tokenPath = '/ory/hydra/oauth2/token';
const applicationSchema = z.looseObject({ id: z.string(), clientSecret: z.string().nullish() });

let stack: Stack;
let user: UserAgent;
let administrator: UserAgent;
let agent: OAuthApp;

beforeAll(async () => {
  const PROTECTED_RESOURCES = JSON.stringify([
    { resource: notes, scopes: { read: 'Read your notes' } },
    { resource: tasks, scopes: { read: 'Read your tasks' } },
  ]);
  stack = await startStack({ env: { PROTECTED_RESOURCES } });
  user = new UserAgent(stack.url);
  await arriveVerified(user, stack);
  const admin = newPerson();
  const before = new UserAgent(stack.url);
  await signUp(before, admin);
  const session = z.looseObject({ user: z.looseObject({ id: z.string() }) });
  await promote(stack.app(), session.parse((await before.fetch('/auth/session')).json()).user.id);
  administrator = new UserAgent(stack.url);
  await logIn(administrator, admin);
  const { id } = await new OryAdmin(stack.env).createClient({
    client_id: 'dcr-agent',
    client_name: 'Helper',
    owner: 'agents',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: 'read openid offline_access',
    audience: [notes, tasks],
    token_endpoint_auth_method: 'none',
    metadata: { agent: { kind: 'registration', client_id: 'dcr-agent' } },
  });
  agent = new OAuthApp(stack.url, { id, secret: '' }, redirectUri);
});

afterAll(async () => {
  await stack?.stop();
});

async function codeForm(): Promise<Record<string, string>> {
  const { path, verifier } = agent.authorize({ audience: undefined, resource: notes, scope: 'read' });
  const page = await user.navigate(path);
  const code = codeOf(await user.submit(page, { grant_scope: 'read' }, allow));
  return {
    client_id: agent.client.id,
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: redirectUri,
  };
}

const parts = 'multipart/form-data; boundary=line';
const encoded = 'application/x-www-form-urlencoded';

function partsOf(form: Readonly<Record<string, string>>): string {
  const fields = Object.entries(form).map(
    ([name, value]) => `--line\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return `${fields.join('')}--line--\r\n`;
}

const post = async (path: string, body: string, type = encoded): Promise<Page> =>
  new UserAgent(stack.url).request(path, { method: 'POST', body, headers: { 'content-type': type } });

describe('Hydra’s own access token is never handed out for a resource', () => {
  it('to a form in parts', async () => {
    const answer = await post(tokenPath, partsOf(await codeForm()), parts);
    expect([answer.status, answer.text]).toEqual([415, expect.not.stringContaining('ory_at_')]);
  });

  it.each([['authorization_code '], [' authorization_code']])('for the grant type "%s"', async (type) => {
    const form = new URLSearchParams({ ...(await codeForm()), grant_type: type });
    const answer = await post(tokenPath, String(form));
    expect([answer.status, answer.text]).toEqual([400, expect.not.stringContaining('access_token')]);
  });

  it('to a form that begins with a question mark', async () => {
    const body = `?grant_type=client_credentials&${new URLSearchParams(await codeForm())}`;
    expect(decodeJwt(tokensOf(await post(tokenPath, body)).access_token).aud).toBe(notes);
  });
});

describe('an authorization request', () => {
  it('whose query begins with two question marks is read as Hydra reads it', async () => {
    const { path } = agent.authorize({ audience: undefined, scope: 'read' });
    const page = await new UserAgent(stack.url).request(path.replace('?', '??client_id=x&'));
    expect(landingOf(page).searchParams.get('error')).toBe('invalid_target');
  });

  it('with another spelling of a resource as its audience is for that resource', async () => {
    const { path } = agent.authorize({ audience: `${tasks}/`, scope: 'read' });
    expect((await user.navigate(path)).html().querySelector('main')?.text).toContain('Read your tasks');
  });

  it('that comes as a form in parts is refused', async () => {
    const { path } = agent.authorize({ audience: undefined, scope: 'read' });
    const form = Object.fromEntries(new URLSearchParams(path.split('?')[1]));
    const page = await post('/ory/hydra/oauth2/auth', partsOf(form), parts);
    expect([page.status, page.headers.get('location')]).toEqual([415, null]);
  });
});

async function register(
  definition: object,
  who = administrator,
  path = '/api/v1/applications',
): Promise<OAuthApp> {
  const answer = await who.send('POST', path, { kind: 'web', redirectUris: [back], ...definition });
  expect([answer.status, answer.status === 201 ? '' : answer.text]).toEqual([201, '']);
  const { id, clientSecret } = applicationSchema.parse(answer.json());
  return new OAuthApp(stack.url, { id, secret: clientSecret ?? '' }, back);
}

const change = async ({ client }: OAuthApp, changes: object): Promise<void> => {
  const answer = await administrator.send('PATCH', `/api/v1/applications/${client.id}`, changes);
  expect(answer.status).toBe(200);
};

const open = async (app: OAuthApp, changes = {}): Promise<Page> =>
  user.navigate(app.authorize({ audience: undefined, ...changes }).path);

const isAsked = (page: Page): boolean => new URL(page.url).pathname === '/ui/consent';

describe('a consent that Hydra remembers', () => {
  it('for no resource isn’t one for a resource', async () => {
    const own = await new OryAdmin(stack.env).createClient({
      client_name: 'Desk',
      redirect_uris: [back],
      scope: 'openid read',
      audience: [notes, tasks],
    });
    const app = new OAuthApp(stack.url, own, back);
    const scope = 'openid read';
    const first = await open(app, { scope });
    codeOf(await user.submit(first, { grant_scope: 'read', remember: 'true' }, allow));
    expect(isAsked(await open(app, { resource: tasks, scope }))).toBe(true);
    const silent = await open(app, { resource: tasks, scope, prompt: 'none' });
    expect(landingOf(silent).searchParams.get('error')).toBe('consent_required');
  });

  it('doesn’t hold at an application that may remember none any more', async () => {
    const app = await register({ name: 'Board' });
    const scope = 'openid profile';
    codeOf(
      await user.submit(await open(app, { scope }), { grant_scope: 'profile', remember: 'true' }, allow),
    );
    codeOf(await open(app, { scope }));
    await change(app, { rememberConsent: false });
    expect(isAsked(await open(app, { scope }))).toBe(true);
  });

  it('doesn’t hold for scopes that it wasn’t given for', async () => {
    const app = await register({ name: 'Shelf', scope: 'openid profile' });
    const first = await open(app, { scope: 'openid profile' });
    codeOf(await user.submit(first, { grant_scope: 'profile', remember: 'true' }, allow));
    await change(app, { scope: 'openid profile email roles' });
    expect(isAsked(await open(app, { scope: 'openid profile email roles' }))).toBe(true);
  });

  it('doesn’t hold at an application that was first-party, of which no user was asked', async () => {
    const app = await register({ name: 'Inside', firstParty: true });
    codeOf(await open(app));
    await change(app, { firstParty: false });
    expect(isAsked(await open(app))).toBe(true);
    await change(app, { rememberConsent: true, name: 'Outside' });
    expect(isAsked(await open(app))).toBe(true);
    await change(app, { firstParty: true });
    codeOf(await open(app));
  });
});

it('an application of a deleted organisation logs no user in', async () => {
  const made = await user.send('POST', '/api/v1/orgs', { name: 'Brief' });
  const { id } = z.looseObject({ id: z.string() }).parse(made.json());
  const app = await register({ name: 'Orphan', access: 'everyone' }, user, `/api/v1/orgs/${id}/applications`);
  expect(isAsked(await open(app))).toBe(true);
  expect((await user.send('DELETE', `/api/v1/orgs/${id}`)).status).toBe(204);
  // It is removed with its organisation.
  const page = await open(app);
  expect([page.status, landingOf(page).pathname]).toEqual([400, '/ui/error']);
});

it('an owner doesn’t widen what a machine of the organisation may do', async () => {
  const made = await user.send('POST', '/api/v1/orgs', { name: 'Works' });
  const { id } = z.looseObject({ id: z.string() }).parse(made.json());
  const machine = { name: 'Robot', kind: 'machine', redirectUris: [], scope: 'profile:read', orgId: id };
  const { client } = await register(machine);
  const path = `/api/v1/orgs/${id}/applications/${client.id}`;
  expect((await user.send('PATCH', path, { scope: 'api payments:write' })).status).toBe(403);
  expect((await user.send('PATCH', path, { name: 'Robot 2' })).status).toBe(200);
});

describe('a client that registered itself leads no stranger on to where its maker wants', () => {
  const phish = 'https://phish.example/login';
  let stranger: OAuthApp;

  beforeAll(async () => {
    const { id } = await new OryAdmin(stack.env).createClient({
      client_id: 'dcr-phish',
      client_name: 'Phish',
      owner: 'agents',
      redirect_uris: [phish],
      grant_types: ['authorization_code'],
      scope: 'read',
      audience: [notes],
      token_endpoint_auth_method: 'none',
      metadata: { agent: { kind: 'registration', client_id: 'dcr-phish' } },
    });
    stranger = new OAuthApp(stack.url, { id, secret: '' }, phish);
  });

  it.each<Readonly<Record<string, string | undefined>>>([
    { scope: 'write' },
    { resource: tasks, scope: 'read' },
    { code_challenge: undefined },
    { prompt: 'none' },
    { response_type: 'token' },
    { state: '1', prompt: 'none' },
    { consent_verifier: 'a'.repeat(30) },
    { response_mode: 'fragment', prompt: 'none' },
    { response_mode: 'fragment', response_type: 'token' },
    { response_mode: 'form_post', prompt: 'none' },
    { response_mode: 'form_post', prompt: 'none', redirect_uri: undefined },
    { prompt: 'none', redirect_uri: undefined },
  ])('%j', async (changes) => {
    const { path } = stranger.authorize({ audience: undefined, resource: notes, scope: 'read', ...changes });
    const page = await new UserAgent(stack.url).navigate(path);
    expect([page.status, landingOf(page).origin]).toEqual([400, stack.url]);
  });

  it('but a user who doesn’t agree is sent back to it', async () => {
    const deny = async (): Promise<string> => {
      const { path } = stranger.authorize({ audience: undefined, resource: notes, scope: 'read' });
      const { action, body } = formOf(await user.navigate(path), {}, { name: 'decision', value: 'deny' });
      const { next } = await travel(user, action, () => true, body);
      expect(next?.searchParams.has('consent_verifier')).toBe(true);
      return next?.href ?? '';
    };
    const denied = await user.navigate(await deny());
    expect(landingOf(denied).searchParams.get('error')).toBe('access_denied');
    // What came of that answer leads no other browser on.
    const other = await new UserAgent(stack.url).navigate(await deny());
    expect([other.status, landingOf(other).origin]).toEqual([400, stack.url]);
  });
});

describe('what Hydra would read otherwise than the gateway', () => {
  it.each([
    'redirect_uri=https://bank.example/;',
    'redirect_uri=https://bank.example/%zz',
    'redirect_uri=https://bank.example/',
  ])('reaches no consent page: ?%s&…', async (lie) => {
    const app = await register({ name: `Payroll ${lie.length}` });
    const page = await user.navigate(app.authorize({ audience: undefined }).path.replace('?', `?${lie}&`));
    expect([page.status, isAsked(page)]).toEqual([400, false]);
  });

  it.each([
    '%00',
    'dcr-%00',
    'cimd-%00',
    '.&resource=https://notes.example/mcp',
    '..%2Fx&resource=https://notes.example/mcp',
  ])('is no client: %s', async (id) => {
    const page = await new UserAgent(stack.url).request(
      `/ory/hydra/oauth2/auth?response_type=code&client_id=${id}`,
    );
    expect(page.status).toBe(400);
  });

  it.each(['\n', '\r\n', '\n'.repeat(2100)])(
    'is no refresh token, with which a member who was removed would go on',
    async (blank) => {
      const scope = 'openid offline_access';
      const app = await register({ name: `Diary ${blank.length}`, scope });
      const { path, verifier } = app.authorize({ audience: undefined, scope });
      const page = await user.submit(await user.navigate(path), { grant_scope: 'offline_access' }, allow);
      const { refresh_token: token = '' } = tokensOf(await app.exchange(user, codeOf(page), verifier));
      await change(app, { access: 'roles', roles: ['admin'] });
      const written = `${token.slice(0, 12)}${blank}${token.slice(12)}`;
      const answer = await app.token(user, { grant_type: 'refresh_token', refresh_token: written });
      expect([answer.status, answer.text.includes('access_token')]).toEqual([400, false]);
    },
  );
});

it.each([
  ['another client id', { client_id: 'a6b2a0e0-0000-4000-8000-000000000000' }],
  ['another redirect URI', { redirect_uri: 'https://wiki.example/other' }],
])('a login with %s ends on a page that says what is wrong', async (_what, changes) => {
  const app = await register({ name: `Board ${Object.keys(changes)}` });
  const page = await open(app, changes);
  expect([page.status, landingOf(page).origin]).toEqual([400, stack.url]);
  expect(page.html().querySelector('main')?.text).toContain("its redirect URI isn't registered here");
});

it('a user who may no longer use an application gets no code from a consent page that was open', async () => {
  const app = await register({ name: 'Inner' });
  const page = await open(app);
  await change(app, { access: 'roles', roles: ['admin'] });
  const landed = landingOf(await user.submit(page, {}, allow)).searchParams;
  expect([landed.get('code'), landed.get('error'), landed.get('error_description')]).toEqual([
    null,
    'access_denied',
    'This account may not use the application.',
  ]);
});

it('the exchange gives a machine’s token no more scope than the token has', async () => {
  const robot = await register({
    name: 'Narrow robot',
    kind: 'machine',
    redirectUris: [],
    scope: 'profile:read profile:write',
  });
  const given = await robot.token(new UserAgent(stack.url), {
    grant_type: 'client_credentials',
    audience: stack.url,
    scope: 'profile:read',
  });
  const exchanged = await post(
    '/auth/token',
    String(
      new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: tokensOf(given).access_token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      }),
    ),
  );
  expect(decodeJwt(tokensOf(exchanged).access_token)['scope']).toBe('profile:read');
});

it.each(['\u200B', '\u3164\u2800', '\u2060 \uFE0F'])(
  'an application has no name that can’t be seen: %j',
  async (name) => {
    const body = { kind: 'web', redirectUris: [back], name };
    expect((await administrator.send('POST', '/api/v1/applications', body)).status).toBe(400);
  },
);
