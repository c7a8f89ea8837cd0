import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { AgentClients } from '../../agent-clients.js';
import { ClientDocuments } from '../../client-documents.js';
import { ClientRepository } from '../../../../providers/ory/hydra/client.repository.js';
import { promote } from '../../../../../test/support/administrator.js';
import { codeOf, landingOf, OAuthApp, tokensOf } from '../../../../../test/support/oauth.app.js';
import { logIn, newPerson, signUp } from '../../../../../test/support/person.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { UserAgent } from '../../../../../test/support/user-agent.js';
import { arriveVerified } from '../../../../../test/support/verified.person.js';

const notes = 'https://notes.example/mcp';
const redirectUri = 'http://127.0.0.1:4321/callback';
const manyBytes = Array.from({ length: 5 }, (_, index) => `${redirectUri}/${'x'.repeat(1900)}${index}`);
const resources = JSON.stringify([{ resource: notes, scopes: { 'notes:read': 'Read your notes' } }]);
const registeredSchema = z.looseObject({ client_id: z.string() });
const requests = 50;

let stack: Stack;
let user: UserAgent;

beforeAll(async () => {
  stack = await startStack({
    env: {
      PROTECTED_RESOURCES: resources,
      DYNAMIC_REGISTRATION: 'true',
      AGENT_REDIRECT_URIS: 'myeditor://agents/callback',
      RATE_LIMIT: 'true',
      RATE_LIMIT_POLICIES: `client-address=${requests}/1h`,
    },
  });
  user = new UserAgent(stack.url);
  await arriveVerified(user, stack);
});

afterAll(async () => {
  await stack?.stop();
});

const send = async (body: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  fetch(`${stack.url}/oauth2/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });

const register = async (changes: Readonly<Record<string, unknown>> = {}): Promise<Response> =>
  send(JSON.stringify({ client_name: 'Helper', redirect_uris: [redirectUri], ...changes }));

/** A client that registered itself. */
async function registered(): Promise<OAuthApp> {
  const answer = await register({ grant_types: ['authorization_code', 'refresh_token'] });
  expect(answer.status).toBe(201);
  const { client_id: id } = registeredSchema.parse(await answer.json());
  return new OAuthApp(stack.url, { id, secret: '' }, redirectUri);
}

const forNotes = { audience: undefined, resource: notes, scope: 'notes:read' };
const clientAtHydra = async (id: string): Promise<number> =>
  (await fetch(`${stack.env['HYDRA_ADMIN_URL']}/admin/clients/${id}`)).status;

describe('a client that registers itself', () => {
  it('finds the address in the metadata, and gets a token for one resource once the user allows it', async () => {
    const metadata = await fetch(`${stack.url}/.well-known/oauth-authorization-server`);
    expect(await metadata.json()).toMatchObject({ registration_endpoint: `${stack.url}/oauth2/register` });
    const app = await registered();
    const { path, verifier } = app.authorize(forNotes);
    const page = await user.navigate(path);
    expect(new URL(page.url).pathname).toBe('/ui/consent');
    expect(page.text).toContain('Read your notes');
    expect(page.text).toMatch(/no administrator|not verified|isn.t verified/i);
    expect(page.html().querySelector('[name=remember]')).toBeNull();
    const landed = await user.submit(page, {}, { name: 'decision', value: 'allow' });
    const tokens = tokensOf(await app.exchange(user, codeOf(landed), verifier));
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      aud: notes,
      client_id: app.client.id,
      act: { sub: app.client.id },
    });
  });

  it('gets nothing without a resource, without PKCE, or at another address', async () => {
    const app = await registered();
    const errorOf = async (changes: Readonly<Record<string, string | undefined>>): Promise<unknown> =>
      landingOf(await user.navigate(app.authorize({ ...forNotes, ...changes }).path)).searchParams.get(
        'error',
      );
    expect(await errorOf({ resource: undefined })).toBe('invalid_target');
    expect(await errorOf({ code_challenge: undefined, code_challenge_method: undefined })).toBe(
      'invalid_request',
    );
    expect(await errorOf({ scope: 'api' })).toBe('invalid_scope');
    const elsewhere = await user.navigate(
      app.authorize({ ...forNotes, redirect_uri: 'http://127.0.0.1:4321/other' }).path,
    );
    expect(new URL(elsewhere.url).origin).toBe(stack.url);
  });

  it.each([
    ['a wildcard', { redirect_uris: ['https://*.example/'] }, 'invalid_redirect_uri'],
    ['http elsewhere', { redirect_uris: ['http://helper.example/'] }, 'invalid_redirect_uri'],
    ['no redirect URI', { redirect_uris: [] }, 'invalid_redirect_uri'],
    ['a script', { redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
    ['this gateway', { redirect_uris: ['https://x.example/', 'OWN/auth/callback'] }, 'invalid_redirect_uri'],
    ['a bad escape', { redirect_uris: ['https://a.example/%zz'] }, 'invalid_redirect_uri'],
    ['a bad escape in a scheme', { redirect_uris: ['com.a.b:/%zz'] }, 'invalid_redirect_uri'],
    ['a control character', { redirect_uris: ['com.a.b:\u007F'] }, 'invalid_redirect_uri'],
    ['more than 8 kB', { redirect_uris: manyBytes }, 'invalid_redirect_uri'],
    ['a key', { token_endpoint_auth_method: 'private_key_jwt' }, 'invalid_client_metadata'],
    ['a scheme of its own', { redirect_uris: ['cursor://anysphere.other/callback'] }, 'invalid_redirect_uri'],
    ['client credentials', { grant_types: ['client_credentials'] }, 'invalid_client_metadata'],
    ['the product’s name', { client_name: 'Vestibule' }, 'invalid_client_metadata'],
    ['a reserved name [B01]', { client_name: 'Аdmin' }, 'invalid_client_metadata'],
    ['a look-alike of it', { client_name: 'Vеstibule Support' }, 'invalid_client_metadata'],
    ['a name that turns the text around', { client_name: 'Hel\u202Eper' }, 'invalid_client_metadata'],
  ])('is refused with %s', async (_what, changes, code) => {
    const body = JSON.stringify({ client_name: 'Helper', redirect_uris: [redirectUri], ...changes });
    const answer = await send(body.replace('OWN', stack.url));
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: code }]);
  });

  it.each([
    ['client_secret_basic', 'cursor://anysphere.cursor-mcp/oauth/callback'],
    ['client_secret_post', 'myeditor://agents/callback'],
  ])('that asks for %s and %s is told that it gets no secret, and needs none', async (method, back) => {
    const answer = await register({ token_endpoint_auth_method: method, redirect_uris: [back] });
    const stated: unknown = await answer.json();
    expect([answer.status, stated]).toMatchObject([
      201,
      { token_endpoint_auth_method: 'none', redirect_uris: [back] },
    ]);
    expect(stated).not.toHaveProperty('client_secret');
    const app = new OAuthApp(stack.url, { id: registeredSchema.parse(stated).client_id, secret: '' }, back);
    const { path, verifier } = app.authorize(forNotes);
    const landed = await user.submit(await user.navigate(path), {}, { name: 'decision', value: 'allow' });
    expect(landingOf(landed).href.split('?')[0]).toBe(back);
    expect((await app.exchange(user, codeOf(landed), verifier)).status).toBe(200);
  });

  it('can be no part of the product, whatever it states', async () => {
    const answer = await register({ skip_consent: true, client_id: 'vestibule', scope: 'api', owner: 'x' });
    const { client_id: id } = registeredSchema.parse(await answer.json());
    expect(id).toMatch(/^dcr-/);
    const kept = await fetch(`${stack.env['HYDRA_ADMIN_URL']}/admin/clients/${id}`);
    expect(await kept.json()).toMatchObject({ skip_consent: false, owner: 'agents', audience: [notes] });
  });

  it('is refused what is not JSON', async () => {
    for (const [body, type, status] of [
      ['{', 'application/json', 400],
      ['', 'application/json', 400],
      ['[]', 'application/json', 400],
      ['null', 'application/json', 400],
      ['{"__proto__":{}}', 'application/json', 400],
    ] as const) {
      const answer = await send(body, { 'content-type': type });
      expect([body, answer.status, await answer.json()]).toMatchObject([
        body,
        status,
        { error: 'invalid_client_metadata', error_description: expect.stringMatching(/./) },
      ]);
    }
    expect((await send('a=b', { 'content-type': 'text/plain' })).status).toBe(415);
  });

  it('is removed a day later if no user has allowed it, and is kept if one has', async () => {
    const [unused, used] = [await registered(), await registered()];
    const page = await user.navigate(used.authorize(forNotes).path);
    expect(codeOf(await user.submit(page, {}, { name: 'decision', value: 'allow' }))).not.toBe('');
    await expect.poll(async () => clientAtHydra(used.client.id)).toBe(200);
    stack.shiftClock(90_000);
    await stack.app().get(AgentClients, { strict: false }).removeUnused();
    expect([await clientAtHydra(unused.client.id), await clientAtHydra(used.client.id)]).toEqual([404, 200]);
    stack.shiftClock(91 * 86_400);
    await stack.app().get(AgentClients, { strict: false }).removeUnused();
    expect(await clientAtHydra(used.client.id)).toBe(404);
    stack.shiftClock(0);
  });

  it('is kept as long as it refreshes its tokens', async () => {
    const app = await registered();
    const { path, verifier } = app.authorize(forNotes);
    const page = await user.navigate(path);
    const challenge = page.html().querySelector('input[name=consent_challenge]')?.getAttribute('value') ?? '';
    const body = new URLSearchParams({ consent_challenge: challenge, decision: 'allow' });
    body.append('grant_scope', 'notes:read');
    body.append('grant_scope', 'offline_access');
    const landed = await user.navigate('/auth/ory/consent', { method: 'POST', body });
    let tokens = tokensOf(await app.exchange(user, codeOf(landed), verifier));
    const clients = stack.app().get(AgentClients, { strict: false });
    try {
      for (const days of [29, 58, 87]) {
        stack.shiftClock(days * 86_400);
        const refreshToken = tokens.refresh_token ?? '';
        tokens = tokensOf(
          await app.token(user, { grant_type: 'refresh_token', refresh_token: refreshToken }),
        );
      }
      stack.shiftClock(91 * 86_400);
      await clients.removeUnused();
      expect(await clientAtHydra(app.client.id)).toBe(200);
    } finally {
      stack.shiftClock(0);
    }
  });

  it('is seen by administrators, with its users, and by its name in the audit trail', async () => {
    const person = newPerson();
    const before = new UserAgent(stack.url);
    await signUp(before, person);
    const me = z.looseObject({ id: z.string() });
    await promote(stack.app(), me.parse((await before.fetch('/api/v1/me')).json()).id);
    const administrator = new UserAgent(stack.url);
    await logIn(administrator, person);
    const app = await registered();
    const page = await user.navigate(app.authorize(forNotes).path);
    expect(codeOf(await user.submit(page, {}, { name: 'decision', value: 'allow' }))).not.toBe('');
    const listed = await administrator.fetch(`/api/v1/agents?id=${app.client.id}`);
    expect(listed.json()).toMatchObject({
      items: [{ id: app.client.id, name: 'Helper', kind: 'registration', documentUrl: null }],
      nextCursor: null,
    });
    expect((await user.fetch('/api/v1/agents')).status).toBe(403);
    const list = await administrator.navigate('/admin/applications/agents');
    const own = `/admin/applications/agents/${app.client.id}`;
    expect(list.html().querySelector(`a[href="${own}"]`)?.text).toBe('Helper');
    const { id } = me.parse((await user.fetch('/api/v1/me')).json());
    await vi.waitFor(
      async () => {
        const shown = await administrator.navigate(own);
        expect(shown.html().querySelector(`a[href="/admin/users/${id}"]`)).not.toBeNull();
      },
      { timeout: 60_000 },
    );
    const trail = await administrator.navigate('/admin/audit-events?type=application_access_granted');
    expect(trail.html().querySelector(`a[href="${own}"]`)?.text).toContain('Helper');
    expect((await administrator.navigate('/admin/applications/agents/dcr-none')).status).toBe(404);
  });

  it('is bounded in number, apart from those with a document, of which the oldest unused one goes', async () => {
    const own = stack.app();
    const [index, clients] = [
      own.get(ClientRepository, { strict: false }),
      own.get(AgentClients, { strict: false }),
    ];
    const read = vi.spyOn(own.get(ClientDocuments, { strict: false }), 'read');
    read.mockResolvedValue({ name: 'Aide', redirectUris: [redirectUri], refreshes: false });
    const find = async (name: string) =>
      clients.find(`https://${name}.example/client`, async () => undefined);
    const [first, createdAt] = [await find('first'), Date.now()];
    const common = { kind: 'metadata_document', orgId: null, name: '', isFirstParty: false } as const;
    for (let count = 0; count < 999; count += 1) {
      await index.put({ ...common, id: `cimd-${count}`, createdAt });
    }
    try {
      await expect(find('second')).rejects.toMatchObject({ code: 'overloaded' });
      const metadata = { name: 'Helper', redirectUris: [redirectUri], refreshes: false };
      expect((await clients.register(metadata)).clientId).toMatch(/^dcr-/);
      stack.shiftClock(7200);
      expect(await find('third')).toMatchObject({ redirectUris: [redirectUri] });
      expect(await clientAtHydra(first?.id ?? '')).toBe(404);
    } finally {
      read.mockRestore();
      stack.shiftClock(0);
    }
  });

  it('is told to come again when there were too many from its address', async () => {
    const statuses: number[] = [];
    while (!statuses.includes(429) && statuses.length <= requests) {
      statuses.push((await register()).status);
    }
    expect(statuses.at(-1)).toBe(429);
    const refused = await register();
    expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([429, true]);
    expect(await refused.json()).toMatchObject({
      error: 'temporarily_unavailable',
      error_description: expect.any(String),
    });
  });
});

it('is an unknown address where registration is off', async () => {
  const off = await startStack({ env: { PROTECTED_RESOURCES: resources } });
  try {
    const answer = await fetch(`${off.url}/oauth2/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: [redirectUri] }),
    });
    expect(answer.status).toBe(404);
    const metadata = await fetch(`${off.url}/.well-known/oauth-authorization-server`);
    expect(Object.keys(Object(await metadata.json()))).not.toContain('registration_endpoint');
  } finally {
    await off.stop();
  }
});
