import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { Database, type UserRow } from '../../src/platform/database/database.schema.js';
import { IdentityLocks } from '../../src/providers/ory/kratos/identity-locks.js';
import { personalDataSchema } from '../../src/directory/users/personal-data.js';
import { AccountRows } from '../support/account.rows.js';
import { isBackground, recordStatements } from '../support/call.counter.js';
import {
  type Gateway,
  type GatewayAnswer,
  type HeldSession,
  newIdentity,
  startGateway,
} from '../support/gateway.js';
import { type KratosIdentities, startKratosIdentities } from '../support/kratos.identities.js';
import { type PreparedHydra, startPreparedHydra } from '../support/prepared.hydra.js';

let hydra: PreparedHydra;
let kratos: KratosIdentities;
let gateway: Gateway;
const rows = new AccountRows(() => gateway);

/** Somebody whom Kratos knows. */
const somebody = (profile: object = {}): Promise<HeldSession> =>
  gateway.session(newIdentity({ issuer: 'urn:ory:kratos', ...profile }));

async function send(
  method: 'GET' | 'PATCH' | 'DELETE',
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: unknown,
): Promise<GatewayAnswer> {
  return gateway.request(`/api/v1/me${path}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

const rowOf = async (id: string): Promise<UserRow | undefined> =>
  rows.query.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
/** The Cookie header that an answer sets. */
const cookieOf = ({ cookies: [cookie = ''] }: GatewayAnswer): string => cookie.split(';')[0] ?? '';

beforeAll(async () => {
  kratos = await startKratosIdentities();
  hydra = await startPreparedHydra();
  gateway = await startGateway({ KRATOS_ADMIN_URL: kratos.url, HYDRA_ADMIN_URL: hydra.url });
});

beforeEach(() => {
  gateway.shiftClock(0);
  kratos.answerWith(undefined);
  kratos.calls.length = 0;
});

afterAll(async () => {
  await gateway?.stop();
  await kratos?.stop();
  await hydra?.stop();
});

it('GET /api/v1/me/identities says who the caller is at providers, and nobody else', async () => {
  const { cookie, user } = await somebody({ subject: crypto.randomUUID() });
  const answer = await send('GET', '/identities', { cookie });
  expect(answer.status).toBe(200);
  const stored = await rows.query
    .selectFrom('identities')
    .selectAll()
    .where('user_id', '=', user.id)
    .execute();
  expect(stored).toHaveLength(1);
  expect(answer.json()).toMatchObject({
    items: [{ issuer: 'urn:ory:kratos', subject: stored[0]?.subject }],
    nextCursor: null,
  });
});

describe('GET /api/v1/me', () => {
  it('says role and active organisation, from the token alone', async () => {
    const other = await startGateway();
    try {
      const identity = newIdentity();
      const { user, cookie } = await other.session(identity);
      expect((await other.request('/api/v1/me', { headers: { cookie } })).json()).toEqual({
        ...user,
        role: 'user',
        org: null,
      });
      const orgId = await new AccountRows(() => other).addOrg(user.id, 'admin');
      const database = other.app.get(Database, { strict: false });
      await database.query.updateTable('users').set({ role: 'admin' }).where('id', '=', user.id).execute();
      const again = await other.session(identity);
      const statements = recordStatements(database);
      expect((await other.request('/api/v1/me', { headers: { cookie: again.cookie } })).json()).toEqual({
        ...user,
        role: 'admin',
        org: { id: orgId, slug: expect.any(String), role: 'admin' },
      });
      expect(statements.filter((statement) => !isBackground(statement))).toEqual([]);
    } finally {
      await other.stop();
    }
  });
});

describe('GET /api/v1/me/orgs', () => {
  it('lists own organisations page by page, and which one is active', async () => {
    const identity = newIdentity();
    const { user } = await gateway.session(identity);
    const ids = [
      await rows.addOrg(user.id, 'owner', 'A'),
      await rows.addOrg(user.id, 'admin', 'B'),
      await rows.addOrg(user.id, 'member', 'C'),
    ];
    await rows.addOrg((await gateway.session()).user.id, 'owner');
    const { cookie } = await gateway.session(identity);
    const first = (await send('GET', '/orgs?limit=2', { cookie })).json();
    expect(first).toMatchObject({
      items: [
        { id: ids[0], name: 'A', role: 'owner', active: true },
        { id: ids[1], name: 'B', role: 'admin', active: false },
      ],
    });
    const { nextCursor } = z.looseObject({ nextCursor: z.string() }).parse(first);
    expect((await send('GET', `/orgs?limit=2&cursor=${nextCursor}`, { cookie })).json()).toMatchObject({
      items: [{ id: ids[2], role: 'member', active: false }],
      nextCursor: null,
    });
    for (const parameters of ['limit=0', 'cursor=x', 'cursor=e30', `cursor=${'e'.repeat(3000)}`]) {
      expect((await send('GET', `/orgs?${parameters}`, { cookie })).status).toBe(400);
    }
  });
});

describe('PATCH /api/v1/me', () => {
  it('changes the traits at Kratos, then the user; the cookie says it at once, the bearer is refused', async () => {
    const { user, cookie, bearer } = await somebody();
    kratos.before(async () => {
      expect(await rowOf(user.id)).toMatchObject({ name: 'Ada Lovelace' });
    });
    const picture = 'https://pictures.example.test/ada.png';
    const answer = await send('PATCH', '', { cookie }, { name: 'Countess', picture });
    expect(answer.json()).toEqual({ ...user, name: 'Countess', picture, role: 'user', org: null });
    expect([answer.status, answer.headers['etag']]).toEqual([200, '"2"']);
    expect(kratos.calls).toEqual([expect.stringContaining('"value":"Countess"')]);
    expect((await send('GET', '', { cookie: cookieOf(answer) })).json()).toMatchObject({
      name: 'Countess',
      picture,
    });
    expect((await send('GET', '', { authorization: bearer })).status).toBe(401);
    expect(await rows.eventOf('user_updated', user.id)).toMatchObject({
      actor_id: user.id,
      actor_credential: 'cookie',
    });
    const removed = await send('PATCH', '', { cookie: cookieOf(answer) }, { picture: null });
    expect(removed.json()).toMatchObject({ name: 'Countess', picture: null });
    expect(kratos.calls.at(-1)).toMatch(/"op":"remove","path":"\/traits\/picture"/);
  });

  it('of one session keeps no other session of the user waiting, however many it sends', async () => {
    const identity = newIdentity({ issuer: 'urn:ory:kratos', subject: crypto.randomUUID() });
    const intruder = await gateway.session(identity);
    const owner = await gateway.session(identity);
    const turns = vi.spyOn(gateway.app.get(IdentityLocks, { strict: false }), 'run');
    const change = async ({ cookie }: HeldSession, name: string) => send('PATCH', '', { cookie }, { name });
    let release = (): void => undefined;
    kratos.before(
      async () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    );
    const flood = Array.from({ length: 5 }, async () => change(intruder, 'Intruder'));
    await expect.poll(() => turns.mock.calls.length, { timeout: 30_000 }).toBe(5);
    const own = change(owner, 'Countess');
    await expect.poll(() => turns.mock.calls.length, { timeout: 30_000 }).toBe(6);
    release();
    expect((await own).status).toBe(200);
    await Promise.all(flood);
    const names = kratos.calls.map((line) => /"value":"(\w+)"/.exec(line)?.[1]);
    expect(names.indexOf('Countess')).toBe(1);
    turns.mockRestore();
  });

  it('an API key needs the scope; a bearer changes it too, and gets no cookie', async () => {
    const { user, bearer } = await somebody();
    const reader = { 'x-api-key': await rows.addKey(user.id, 'profile:read') };
    expect((await send('PATCH', '', reader, { name: 'X' })).json()).toMatchObject({
      code: 'insufficient_scope',
    });
    const writer = { 'x-api-key': await rows.addKey(user.id, 'profile:read profile:write') };
    expect((await send('PATCH', '', writer, { name: 'By key' })).json()).toMatchObject({ name: 'By key' });
    expect((await send('GET', '', writer)).json()).toMatchObject({ name: 'By key' });
    expect((await send('GET', '', { authorization: bearer })).status).toBe(401);
    const { bearer: another } = await somebody();
    const answer = await send('PATCH', '', { authorization: another }, { name: 'By bearer' });
    expect([answer.status, answer.cookies]).toEqual([200, []]);
  });

  it.each([
    [500, 503],
    [400, 400],
    [404, 409],
  ])('Kratos answering %d is %d, and nothing is changed', async (status, expected) => {
    const { user, cookie } = await somebody();
    kratos.answerWith(status);
    expect((await send('PATCH', '', { cookie }, { name: 'X' })).status).toBe(expected);
    expect(await rowOf(user.id)).toMatchObject({ name: 'Ada Lovelace' });
    expect((await send('GET', '', { cookie })).json()).toMatchObject({ name: 'Ada Lovelace' });
  });

  it.each([
    [{}],
    [{ role: 'admin' }],
    [{ name: 'X', role: 'admin' }],
    [{ id: 'x', name: 'X' }],
    [{ name: '\u0000' }],
    [{ name: 'x'.repeat(201) }],
    [{ picture: 'ftp://a.test/x' }],
    [{ picture: `https://a.test/${'x'.repeat(512)}` }],
    [{ picture: 'https://a.test/\u0007' }],
  ])('%.40j is 400', async (body) => {
    const { user, cookie } = await somebody();
    expect((await send('PATCH', '', { cookie }, body)).json()).toMatchObject({ code: 'validation_failed' });
    expect(await rowOf(user.id)).toMatchObject({ version: 1, role: 'user', name: 'Ada Lovelace' });
    expect(kratos.calls).toEqual([]);
  });

  it('a profile with which the session fits into no cookie is refused before anything is written', async () => {
    const { user, cookie } = await somebody();
    const { query } = gateway.app.get(Database, { strict: false });
    await query
      .updateTable('sessions')
      .set({ claims: JSON.stringify({ badge: 'x'.repeat(1000), team: 'x'.repeat(600) }) })
      .where('user_id', '=', user.id)
      .execute();
    const change = { name: '🚀'.repeat(100), picture: `https://a.test/${'x'.repeat(490)}` };
    const answer = await send('PATCH', '', { cookie }, change);
    expect(answer.json()).toMatchObject({ code: 'session_too_large' });
    expect(await rowOf(user.id)).toMatchObject({ version: 1, picture: null });
    expect(kratos.calls).toEqual([]);
  });

  it('a longer picture of a provider locks nobody out: the token goes without it', async () => {
    const { cookie } = await somebody({ picture: `https://a.test/${'x'.repeat(3000)}` });
    const answer = await send('GET', '', { cookie });
    expect([answer.status, answer.json()]).toMatchObject([200, { picture: null }]);
    const picture = 'https://a.test/'.padEnd(512, 'x');
    expect((await somebody({ picture })).claims.picture).toBe(picture);
  });

  it('the longest name, of characters that take four bytes, fits', async () => {
    const { cookie } = await somebody();
    const name = '🚀'.repeat(100);
    const answer = await send('PATCH', '', { cookie }, { name });
    expect(answer.json()).toMatchObject({ name });
    expect((await send('GET', '', { cookie: cookieOf(answer) })).json()).toMatchObject({ name });
  });

  it('If-Match of an older version is 412', async () => {
    const { cookie } = await somebody();
    const answer = await send('PATCH', '', { cookie }, { name: 'A' });
    const headers = { cookie: cookieOf(answer), 'if-match': '"1"' };
    expect((await send('PATCH', '', headers, { name: 'B' })).json()).toMatchObject({
      code: 'precondition_failed',
    });
    const matching = { cookie: cookieOf(answer), 'if-match': answer.headers['etag'] ?? '' };
    expect((await send('PATCH', '', matching, { name: 'C' })).json()).toMatchObject({ name: 'C' });
  });
});

describe('GET /api/v1/me/export', () => {
  it('has everything that is kept, and nothing that lets anybody in', async () => {
    const identity = newIdentity();
    const { user } = await gateway.session(identity);
    const orgId = await rows.addOrg(user.id, 'owner');
    const key = await rows.addKey(user.id);
    const { claims, cookie, token } = await gateway.session(identity);
    await rows.addKey((await gateway.session()).user.id);
    const former = 'former@example.test';
    await rows.query
      .updateTable('users')
      .set({ former_emails: `1 ${former}`, former_emails_at: 1 })
      .where('id', '=', user.id)
      .execute();
    const answer = await send('GET', '/export', { cookie });
    expect(answer.headers).toMatchObject({
      'content-disposition': 'attachment; filename="vestibule-account.json"',
      'cache-control': 'no-store',
    });
    const document = personalDataSchema.parse(answer.json());
    expect(document.user).toMatchObject({ ...user, role: 'user', formerEmails: [former] });
    expect(document.identities).toMatchObject([{ issuer: identity.issuer, subject: identity.subject }]);
    expect(document.memberships).toMatchObject([{ orgId, name: 'Engines', role: 'owner' }]);
    expect(document.sessions).toHaveLength(2);
    expect(document.sessions.map(({ id }) => id)).toContain(claims.sid);
    expect(document.apiKeys).toMatchObject([{ name: 'key', scope: 'api' }]);
    expect(answer.text).not.toContain(key);
    expect(answer.text).not.toContain(token);
    const { secret_hash: secretHash } = await rows.query
      .selectFrom('api_keys')
      .select('secret_hash')
      .where('user_id', '=', user.id)
      .executeTakeFirstOrThrow();
    expect(answer.text).not.toContain(secretHash);
    expect(await rows.eventOf('user_exported', user.id)).toMatchObject({ actor_id: user.id });
    const again = personalDataSchema.parse((await send('GET', '/export', { cookie })).json());
    expect(again.auditEvents).toMatchObject([{ type: 'user_exported', targetId: user.id }]);
  });
});

describe('DELETE /api/v1/me', () => {
  it('deletes the account, at Kratos too; the cookie goes and nothing lets anybody in', async () => {
    const { user, cookie, bearer } = await somebody();
    const key = await rows.addKey(user.id);
    const answer = await send('DELETE', '', { cookie });
    expect(answer.status).toBe(204);
    expect(answer.cookies).toEqual([expect.stringMatching(/^__Host-vestibule=;.*Max-Age=0/)]);
    expect(kratos.calls).toEqual([expect.stringMatching(/^DELETE \/admin\/identities\//)]);
    expect(await rowOf(user.id)).toBeUndefined();
    for (const headers of [{ cookie }, { authorization: bearer }, { 'x-api-key': key }]) {
      expect((await send('GET', '', headers)).status).toBe(401);
    }
    expect(await rows.eventOf('user_deleted', user.id)).toMatchObject({ actor_id: user.id });
  });

  it('needs a login within 5 minutes: not an older one, not an API key', async () => {
    const { user } = await somebody();
    const old = await gateway.session(newIdentity(), {}, { authTime: Date.now() - 301_000 });
    const answer = await send('DELETE', '', { cookie: old.cookie });
    expect(answer.json()).toMatchObject({
      code: 'reauthentication_required',
      loginUrl: '/auth/login?max_age=300',
    });
    const key = await rows.addKey(user.id);
    expect((await send('DELETE', '', { 'x-api-key': key })).status).toBe(401);
    expect(await rowOf(user.id)).toBeDefined();
    expect(await rowOf(old.user.id)).toBeDefined();
  });

  it.each([
    ['last administrator', 'conflict'],
    ['only owner of Looms', 'owner_needed'],
  ])('the %s stays', async (who, code) => {
    const identity = newIdentity({ issuer: 'urn:ory:kratos' });
    const { user } = await gateway.session(identity);
    if (code === 'owner_needed') {
      await rows.addOrg(user.id, 'owner', 'Looms');
    } else {
      await rows.query.updateTable('users').set({ role: 'user' }).execute();
      await rows.query.updateTable('users').set({ role: 'admin' }).where('id', '=', user.id).execute();
    }
    const { cookie } = await gateway.session(identity);
    expect((await send('DELETE', '', { cookie })).json()).toMatchObject({
      code,
      detail: expect.stringContaining(who),
    });
    expect(await rowOf(user.id)).toMatchObject({ disabled_at: null });
    expect(kratos.calls).toEqual([]);
  });

  it('Kratos that cannot be reached is 503, and the account is as before', async () => {
    const { user, cookie } = await somebody();
    kratos.answerWith(502);
    expect((await send('DELETE', '', { cookie })).json()).toMatchObject({ code: 'provider_unavailable' });
    expect(await rowOf(user.id)).toMatchObject({ disabled_at: null, version: 1 });
    expect((await send('GET', '', { cookie })).status).toBe(200);
  });
});
