import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Verifier, createVerifier } from '@vestibule-auth/verify';
import { z } from 'zod';
import { Database } from '../../../../platform/database/database.schema.js';
import { RevocationService } from '../../../../session/revocation/revocation.service.js';
import { promote } from '../../../../../test/support/administrator.js';
import { codeOf, landingOf, OAuthApp, type Tokens, tokensOf } from '../../../../../test/support/oauth.app.js';
import { OryAdmin } from '../../../../../test/support/ory.admin.js';
import { logIn, newPerson, signUp } from '../../../../../test/support/person.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';

const notes = 'https://notes.example/mcp';
const tasks = 'https://tasks.example';
const redirectUri = 'http://127.0.0.1:4321/callback';
const allow = { name: 'decision', value: 'allow' };
type Changes = Readonly<Record<string, string | undefined>>;

const person = newPerson();
let stack: Stack;
let agent: UserAgent;
let app: OAuthApp;

beforeAll(async () => {
  const PROTECTED_RESOURCES = JSON.stringify([
    {
      resource: notes,
      resource_name: 'Notes',
      scopes: { 'notes:read': 'Read your notes', 'notes:write': 'Add notes' },
    },
    { resource: tasks, scopes: { 'tasks:read': 'Read your tasks' } },
  ]);
  stack = await startStack({ env: { PROTECTED_RESOURCES } });
  agent = new UserAgent(stack.url);
  await signUp(agent, person);
  app = new OAuthApp(stack.url, await register('dcr-agent'), redirectUri);
});

afterAll(async () => {
  await stack?.stop();
});

/** A client as one that registered itself. */
async function register(id: string, changes: Readonly<Record<string, unknown>> = {}) {
  const client = await new OryAdmin(stack.env).createClient({
    client_id: id,
    client_name: 'Helper',
    owner: 'agents',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: 'notes:read notes:write tasks:read offline_access',
    audience: [notes, tasks],
    token_endpoint_auth_method: 'none',
    metadata: { agent: { kind: 'registration', client_id: id } },
    ...changes,
  });
  return { ...client, secret: '' };
}

const forNotes: Changes = { audience: undefined, resource: notes, scope: 'notes:read notes:write' };

/** Sends the browser to authorize. @returns where it ends, and the verifier. */
async function authorize(changes: Changes = {}): Promise<{ page: Page; verifier: string; state: string }> {
  const { path, verifier, state } = app.authorize({ ...forNotes, ...changes });
  return { page: await agent.navigate(path), verifier, state };
}

/** Agrees on the consent page to all that it asks for. */
async function agree(page: Page): Promise<Page> {
  expect([page.status, new URL(page.url).pathname]).toEqual([200, '/ui/consent']);
  const scopes = page
    .html()
    .querySelectorAll('input[name=grant_scope]')
    .map((box) => box.getAttribute('value') ?? '');
  const challenge = page.html().querySelector('input[name=consent_challenge]')?.getAttribute('value') ?? '';
  const body = new URLSearchParams([
    ['consent_challenge', challenge],
    ['decision', allow.value],
    ...scopes.map((scope): [string, string] => ['grant_scope', scope]),
  ]);
  return agent.navigate('/auth/ory/consent', { method: 'POST', body });
}

/** A token request at the gateway's own endpoint, as the metadata names it. */
async function token(form: Readonly<Record<string, string>>): Promise<Page> {
  return new UserAgent(stack.url).request('/auth/token', {
    method: 'POST',
    body: new URLSearchParams({ client_id: app.client.id, ...form }),
  });
}

async function codeGrant(changes: Changes = {}): Promise<Readonly<Record<string, string>>> {
  const { page, verifier } = await authorize(changes);
  const code = codeOf(await agree(page));
  return { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri };
}

async function tokens(changes: Changes = {}): Promise<Tokens> {
  return tokensOf(await token(await codeGrant(changes)));
}

const verifierOf = (resource: string, more: object = {}): Verifier =>
  createVerifier({ issuer: stack.url, resource, ...more });

describe('an agent’s token', () => {
  it('is the gateway’s, for one resource, and names the user and who acts for them', async () => {
    const { access_token: text, ...rest } = await tokens();
    expect(rest).toMatchObject({ token_type: 'Bearer', expires_in: 600, scope: 'notes:read notes:write' });
    expect(decodeProtectedHeader(text).typ).toBe('at+jwt');
    const me = idIn(await agent.fetch('/api/v1/me'));
    const claims = decodeJwt(text);
    expect(claims).toMatchObject({
      iss: stack.url,
      aud: notes,
      client_id: 'dcr-agent',
      act: { sub: 'dcr-agent' },
      scope: 'notes:read notes:write',
      amr: ['pwd'],
      idp: 'ory',
      email_verified: expect.any(Boolean),
    });
    expect(claims.sub).toBe(me);
    // Nothing about the user that no scope stands for.
    for (const name of ['email', 'name', 'roles', 'org']) {
      expect(claims).not.toHaveProperty(name);
    }
    const verified = await verifierOf(notes).verify(text, { scope: 'notes:read' });
    expect(verified.sid).toBe(claims['sid']);
  });

  it('opens neither another resource nor the gateway itself', async () => {
    const { access_token: text } = await tokens();
    await expect(verifierOf(tasks).verify(text, { scope: [] })).rejects.toMatchObject({
      status: 401,
      reason: 'token_claim_aud',
    });
    for (const path of ['/api/v1/me', '/auth/session', '/auth/verify']) {
      const answer = await new UserAgent(stack.url).request(path, {
        headers: { authorization: `Bearer ${text}` },
      });
      expect([path, answer.status]).toEqual([path, 401]);
    }
    const exchanged = await token({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: text,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    });
    expect(exchanged.json()).toMatchObject({ error: 'invalid_request' });
  });

  it('is renewed by a refresh token, with the same grant, and for the same resource alone', async () => {
    const first = await tokens();
    const form = { grant_type: 'refresh_token', refresh_token: first.refresh_token ?? '', resource: notes };
    const second = tokensOf(await token(form));
    const [one, other] = [decodeJwt(first.access_token), decodeJwt(second.access_token)];
    expect([other['sid'], other.aud, other['act']]).toEqual([one['sid'], notes, { sub: 'dcr-agent' }]);
    expect(other.jti).not.toBe(one.jti);
    const refused = await token({ ...form, refresh_token: second.refresh_token ?? '', resource: tasks });
    expect([refused.status, refused.json()]).toEqual([
      400,
      expect.objectContaining({ error: 'invalid_target' }),
    ]);
    expect(refused.text).not.toContain('access_token');
    // The refusal has used nothing up.
    tokensOf(await token({ ...form, refresh_token: second.refresh_token ?? '' }));
  });

  it('ends at a resource within a second when the grant does, and isn’t renewed', async () => {
    const verifier = verifierOf(notes, { revocations: { key: await revocationsKey() } });
    try {
      const { access_token: text, refresh_token: refresh = '' } = await tokens();
      await verifier.verify(text, { scope: 'notes:read' });
      await stack
        .app()
        .get(RevocationService, { strict: false })
        .endGrant(String(decodeJwt(text)['sid']));
      const since = performance.now();
      await expect
        .poll(
          () =>
            verifier.verify(text, { scope: 'notes:read' }).then(
              () => 'good',
              (error) => error.reason,
            ),
          {
            interval: 5,
            timeout: 60_000,
          },
        )
        .toBe('session_ended');
      expect(performance.now() - since).toBeLessThan(1000);
      const refused = await token({ grant_type: 'refresh_token', refresh_token: refresh });
      expect(refused.json()).toMatchObject({ error: 'invalid_grant' });
    } finally {
      verifier.close();
    }
  });
});

/** A browser of a new administrator. */
async function administratorOf(): Promise<UserAgent> {
  const own = new UserAgent(stack.url);
  const administrator = newPerson();
  await new OryAdmin(stack.env).createPerson(administrator, { isVerified: true });
  await logIn(own, administrator);
  const id = idIn(await own.fetch('/api/v1/me'));
  await promote(stack.app(), id);
  await stack.app().get(RevocationService, { strict: false }).invalidate('user', id);
  return own;
}

/** An API key by which a service hears of revocations. */
async function revocationsKey(): Promise<string> {
  const own = await administratorOf();
  const made = await own.post('/api/v1/api-keys', { name: 'revocations', scope: 'revocations:read' });
  expect([made.status, made.text]).toEqual([201, expect.any(String)]);
  return z.looseObject({ key: z.string() }).parse(made.json()).key;
}

const idIn = (page: Page): string => z.looseObject({ id: z.string() }).parse(page.json()).id;

describe('an authorization request', () => {
  it.each([
    ['without a resource', { resource: undefined }, 'invalid_target'],
    ['for a resource that is none here', { resource: 'https://evil.example/mcp' }, 'invalid_target'],
    ['for a path below a resource', { resource: `${notes}/below` }, 'invalid_target'],
    ['for the gateway itself', { resource: undefined, audience: 'SELF' }, 'invalid_target'],
    ['for a resource, with another as its audience', { audience: tasks }, 'invalid_target'],
    [
      'for two resources by audience',
      { resource: undefined, audience: `${notes} ${tasks}` },
      'invalid_target',
    ],
    ['for a scope of another resource', { scope: 'notes:read tasks:read' }, 'invalid_scope'],
    ['for the whole of an account', { scope: 'api' }, 'invalid_scope'],
  ])('%s goes back to the client with an error', async (_, changes, error) => {
    const own = {
      ...changes,
      ...('audience' in changes && changes.audience === 'SELF' ? { audience: stack.url } : {}),
    };
    const { page, state } = await authorize(own);
    const landing = landingOf(page);
    expect(`${landing.origin}${landing.pathname}`).toBe(redirectUri);
    expect(Object.fromEntries(landing.searchParams)).toMatchObject({ error, state });
  });

  it('for two resources is refused', async () => {
    const { path } = app.authorize(forNotes);
    const page = await agent.navigate(`${path}&resource=${encodeURIComponent(tasks)}`);
    expect(landingOf(page).searchParams.get('error')).toBe('invalid_target');
  });

  it('with a refusal never leads to an address that isn’t the client’s', async () => {
    for (const redirect_uri of [
      'https://evil.example/',
      `${redirectUri}/more`,
      'http://localhost:4321/callback',
    ]) {
      const { page } = await authorize({ resource: 'https://evil.example', redirect_uri });
      expect([page.status, new URL(page.url).origin]).toEqual([400, stack.url]);
    }
  });

  it.each([
    ['without PKCE', { code_challenge: undefined, code_challenge_method: undefined }],
    ['with plain PKCE', { code_challenge_method: 'plain' }],
    ['without a method', { code_challenge_method: undefined }],
  ])('%s brings no code', async (_, changes) => {
    const { page } = await authorize(changes);
    expect(landingOf(page).searchParams.get('code')).toBeNull();
    expect(landingOf(page).searchParams.get('error')).toBe('invalid_request');
  });

  it('without state, and in another spelling of the resource, is fine', async () => {
    const { access_token: text } = await tokens({
      state: undefined,
      resource: 'HTTPS://notes.example:443/mcp',
    });
    expect(decodeJwt(text).aud).toBe(notes);
  });

  it('without a scope asks for all that the resource has', async () => {
    const { page } = await authorize({ scope: undefined });
    const boxes = page.html().querySelectorAll('input[name=grant_scope]');
    expect(boxes.map((box) => box.getAttribute('value'))).toEqual([
      'notes:read',
      'notes:write',
      'offline_access',
    ]);
  });

  it('of an agent is asked each time, and never answered silently', async () => {
    await tokens();
    const { page } = await authorize({ prompt: 'none' });
    expect(landingOf(page).searchParams.get('error')).toBe('consent_required');
    const { page: again } = await authorize();
    expect(again.html().querySelector('#remember')).toBeNull();
    expect(again.html().querySelector('main')?.text).toContain(
      'No administrator has checked this application.',
    );
  });
});

describe('a token request', () => {
  it.each([
    ['for another resource', { resource: tasks }],
    ['for an unknown resource', { resource: 'https://evil.example' }],
  ])('%s gets none', async (_, changes) => {
    const answer = await token({ ...(await codeGrant()), ...changes });
    expect([answer.status, answer.json()]).toEqual([
      400,
      expect.objectContaining({ error: 'invalid_target' }),
    ]);
  });

  it('at the provider’s own endpoint gets the same tokens', async () => {
    const { page, verifier } = await authorize();
    const answer = await app.exchange(new UserAgent(stack.url), codeOf(await agree(page)), verifier);
    expect(decodeJwt(tokensOf(answer).access_token).aud).toBe(notes);
  });

  it('of a machine gets no token of a resource', async () => {
    const answer = await token({ grant_type: 'client_credentials', client_id: 'x', resource: notes });
    expect([answer.status, answer.json()]).toEqual([
      400,
      expect.objectContaining({ error: expect.any(String) }),
    ]);
  });

  it('of a disabled user gets none', async () => {
    const { refresh_token: refresh = '' } = await tokens();
    const id = idIn(await agent.fetch('/api/v1/me'));
    const { query } = stack.app().get(Database, { strict: false });
    const set = (disabled_at: number | null) =>
      query.updateTable('users').set({ disabled_at }).where('id', '=', id).execute();
    await set(1);
    try {
      const answer = await token({ grant_type: 'refresh_token', refresh_token: refresh });
      expect(answer.json()).toMatchObject({ error: 'invalid_grant' });
    } finally {
      await set(null);
    }
  });
});

describe('a registered application', () => {
  let administrator: UserAgent;

  beforeAll(async () => {
    administrator = await administratorOf();
  });

  async function registered(
    name: string,
    definition: Readonly<Record<string, unknown>> & { readonly redirectUris?: string[] },
  ): Promise<OAuthApp> {
    const body = { name, kind: 'native', redirectUris: [redirectUri], ...definition };
    const made = await administrator.send('POST', '/api/v1/applications', body);
    expect([made.status, made.status === 201 ? '' : made.text]).toEqual([201, '']);
    const [uri = ''] = body.redirectUris;
    return new OAuthApp(stack.url, { id: idIn(made), secret: '' }, uri);
  }

  it('that has a scope of a resource gets its tokens, until the user takes the access back', async () => {
    const own = await registered('Desk', { scope: 'openid notes:read offline_access' });
    const { path, verifier } = own.authorize({ ...forNotes, scope: 'openid notes:read offline_access' });
    const page = await agent.navigate(path);
    expect(page.text).toContain('Read your notes');
    const given = tokensOf(await own.exchange(new UserAgent(stack.url), codeOf(await agree(page)), verifier));
    const { sub, ...claims } = decodeJwt(given.access_token);
    expect(claims).toMatchObject({ aud: notes, scope: 'notes:read', act: { sub: own.client.id } });
    expect(sub).toBe(idIn(await agent.fetch('/api/v1/me')));
    await verifierOf(notes).verify(given.access_token, { scope: 'notes:read' });

    const gone = await agent.send('DELETE', `/api/v1/me/connected-apps/${own.client.id}`);
    expect(gone.status).toBe(204);
    const refused = await own.token(new UserAgent(stack.url), {
      grant_type: 'refresh_token',
      refresh_token: given.refresh_token ?? '',
    });
    expect([refused.status, refused.json()]).toEqual([
      400,
      expect.objectContaining({ error: 'invalid_grant' }),
    ]);
  });

  it('that is first-party gets them without a question', async () => {
    const own = await registered('Own desk', {
      kind: 'single_page',
      redirectUris: ['https://desk.example/callback'],
      scope: 'openid notes:read',
      firstParty: true,
    });
    const { access_token: text } = await own.login(agent, {
      audience: undefined,
      resource: notes,
      scope: 'openid notes:read',
    });
    expect(decodeJwt(text)).toMatchObject({ aud: notes, scope: 'notes:read' });
  });

  it.each([
    ['another resource than those of its scopes', { resource: tasks, scope: 'openid' }, 'invalid_request'],
    [
      'a scope of the resource that it does not have',
      { resource: notes, scope: 'notes:write' },
      'invalid_scope',
    ],
  ])('gets none for %s', async (what, changes, error) => {
    const own = await registered(`Desk ${what}`, { scope: 'openid notes:read' });
    const page = await agent.navigate(own.authorize({ audience: undefined, ...changes }).path);
    expect(landingOf(page).searchParams.get('error')).toBe(error);
  });

  it('that calls for itself may not have such a scope', async () => {
    const body = { name: 'Robot', kind: 'machine', scope: 'notes:read' };
    const refused = await administrator.send('POST', '/api/v1/applications', body);
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('notes:read')]);
  });

  it('keeps what its page shows of such scopes, and loses what is removed there', async () => {
    const { client } = await registered('Page desk', { scope: 'openid profile notes:read notes:write' });
    const form = await administrator.navigate(`/admin/applications/${client.id}`);
    const unchanged = { redirectUris: redirectUri, access: 'everyone' };
    const field = () => form.html().querySelector('input[name=resourceScope]')?.getAttribute('value');
    expect(field()).toBe('notes:read notes:write');
    const scopeOf = async () =>
      z
        .looseObject({ scope: z.string() })
        .parse((await administrator.fetch(`/api/v1/applications/${client.id}`)).json()).scope;
    await administrator.submit(form, { ...unchanged, name: 'Page desk 2' });
    expect(await scopeOf()).toBe('openid profile notes:read notes:write');
    await administrator.submit(await administrator.navigate(`/admin/applications/${client.id}`), {
      ...unchanged,
      resourceScope: 'notes:read',
    });
    expect(await scopeOf()).toBe('openid profile notes:read');
  });
});

describe('the metadata', () => {
  it('of the gateway names where agents go', async () => {
    const { url } = stack;
    expect((await agent.fetch('/.well-known/oauth-authorization-server')).json()).toMatchObject({
      issuer: url,
      authorization_endpoint: `${url}/ory/hydra/oauth2/auth`,
      token_endpoint: `${url}/auth/token`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
      grant_types_supported: expect.arrayContaining(['authorization_code', 'refresh_token']),
      token_endpoint_auth_methods_supported: expect.arrayContaining(['none']),
      scopes_supported: ['notes:read', 'notes:write', 'tasks:read', 'offline_access'],
      client_id_metadata_document_supported: true,
      protected_resources: [notes, tasks],
    });
  });

  it('of its own API is where a refused request finds it', async () => {
    const refused = await new UserAgent(stack.url).request('/api/v1/me');
    const address = `${stack.url}/.well-known/oauth-protected-resource/api`;
    expect(refused.headers.get('www-authenticate')).toBe(`Bearer resource_metadata="${address}"`);
    expect((await agent.fetch(address)).json()).toMatchObject({
      resource: `${stack.url}/api`,
      authorization_servers: [stack.url],
      bearer_methods_supported: ['header'],
    });
    expect((await agent.fetch('/.well-known/oauth-protected-resource')).json()).toMatchObject({
      resource: stack.url,
    });
  });
});
