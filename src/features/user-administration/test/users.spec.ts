import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { AccountLifecycle } from '../../../accounts/account-lifecycle.service.js';
import type { ActorContext } from '../../../accounts/actor-context.js';
import { AuthStrategy } from '../../../auth-strategy/auth.strategy.js';
import { AuditService } from '../../../directory/audit/audit.service.js';
import { newId } from '../../../platform/core/identifier.js';
import { Database, type UserRow } from '../../../platform/database/database.schema.js';
import { administratorAt } from '../../../../test/support/administrator.js';
import { AccountRows } from '../../../../test/support/account.rows.js';
import {
  type Gateway,
  type GatewayAnswer,
  type HeldSession,
  newIdentity,
  providerEnv,
  startGateway,
} from '../../../../test/support/gateway.js';
import { type KratosIdentities, startKratosIdentities } from '../../../../test/support/kratos.identities.js';
import { type PreparedHydra, startPreparedHydra } from '../../../../test/support/prepared.hydra.js';

const kratosIssuer = 'urn:ory:kratos';
const utc = z.iso.datetime({ precision: 3 });
const personShape = {
  id: z.uuid(),
  email: z.string().nullable(),
  emailVerified: z.boolean(),
  name: z.string().nullable(),
  picture: z.string().nullable(),
  role: z.enum(['user', 'admin']),
  kind: z.enum(['person', 'service']),
  state: z.enum(['active', 'disabled']),
  sharesEmail: z.boolean(),
  createdAt: utc,
  lastLoginAt: utc.nullable(),
};
const listSchema = z.strictObject({
  items: z.array(z.strictObject(personShape)),
  nextCursor: z.string().nullable(),
});
const detailSchema = z.strictObject({
  ...personShape,
  identities: z.array(
    z.strictObject({ issuer: z.string(), subject: z.string(), createdAt: utc, lastLoginAt: utc }),
  ),
  orgs: z.array(z.strictObject({ id: z.uuid(), slug: z.string(), name: z.string(), role: z.string() })),
});

let hydra: PreparedHydra;
let kratos: KratosIdentities;
let gateway: Gateway;
let admin: HeldSession;
const rows = new AccountRows(() => gateway);

const query = (where: Gateway = gateway) => where.app.get(Database, { strict: false }).query;

/** Somebody whom Kratos knows. */
const somebody = (profile: object = {}): Promise<HeldSession> =>
  gateway.session(newIdentity({ issuer: kratosIssuer, ...profile }));

async function call(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
  by: HeldSession = admin,
): Promise<GatewayAnswer> {
  return gateway.request(`/api/v1/users${path}`, {
    method,
    headers: {
      cookie: by.cookie,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

const rowOf = async (id: string): Promise<UserRow | undefined> =>
  query().selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();

async function listed(
  parameters: Readonly<Record<string, string>> = {},
): Promise<z.output<typeof listSchema>> {
  const answer = await call('GET', `?${new URLSearchParams(parameters)}`);
  expect([answer.status, answer.text.slice(0, 200)]).toEqual([200, expect.any(String)]);
  return listSchema.parse(answer.json());
}

async function statusesOf({ cookie, bearer }: HeldSession): Promise<readonly number[]> {
  const statuses = [];
  for (const headers of [{ cookie }, { authorization: bearer }]) {
    statuses.push((await gateway.request('/api/v1/me', { headers })).status);
  }
  return statuses;
}

async function keyStatus(key: string): Promise<number> {
  return (await gateway.request('/api/v1/me', { headers: { 'x-api-key': key } })).status;
}

beforeAll(async () => {
  kratos = await startKratosIdentities();
  hydra = await startPreparedHydra();
  gateway = await startGateway({ KRATOS_ADMIN_URL: kratos.url, HYDRA_ADMIN_URL: hydra.url });
  admin = await administratorAt(gateway);
});

beforeEach(() => {
  kratos.answerWith(undefined);
  kratos.calls.length = 0;
});

afterEach(() => {
  vi.restoreAllMocks();
});

afterAll(async () => {
  await gateway?.stop();
  await kratos?.stop();
  await hydra?.stop();
});

describe('every route of /api/v1/users', () => {
  const routes = [
    ['GET', ''],
    ['GET', '/ID'],
    ['PATCH', '/ID'],
    ['POST', '/ID/disable'],
    ['POST', '/ID/enable'],
    ['DELETE', '/ID'],
  ] as const;

  it.each(routes)(
    '%s %s is for administrators alone, and changes nothing for others',
    async (method, path) => {
      const [target, other] = [await somebody(), await somebody()];
      const body = method === 'PATCH' ? { role: 'admin' } : undefined;
      const at = path.replace('ID', target.user.id);
      expect((await call(method, at, body, {}, other)).json()).toMatchObject({ code: 'forbidden' });
      expect((await call(method, at, body, {}, target)).status).toBe(403);
      expect((await gateway.request(`/api/v1/users${at}`, { method })).status).toBe(401);
      expect(await rowOf(target.user.id)).toMatchObject({ role: 'user', disabled_at: null, version: 1 });
      expect(kratos.calls).toEqual([]);
    },
  );

  it.each(routes.filter(([, path]) => path !== ''))(
    '%s %s answers 404 for ids of nobody, however they look',
    async (method, path) => {
      const ids = [newId(), 'x', '%00', '%F0%9F%9A%80', "'--", '0', 'null', '..%2Fme', `${newId()}%20`];
      for (const id of ids) {
        const answer = await call(
          method,
          path.replace('ID', id),
          method === 'PATCH' ? { name: 'X' } : undefined,
        );
        expect([id, answer.status]).toEqual([id, 404]);
      }
    },
  );

  it('a demoted administrator is one no more at once, by cookie and by bearer', async () => {
    const other = await administratorAt(gateway);
    expect((await call('GET', '', undefined, {}, other)).status).toBe(200);
    expect((await call('PATCH', `/${other.user.id}`, { role: 'user' })).status).toBe(200);
    expect(kratos.calls).toEqual([]);
    // This stand-in for Kratos knows no session: whose cookie must be renewed is logged out.
    expect((await call('GET', '', undefined, {}, other)).status).not.toBe(200);
    const bearer = await gateway.request('/api/v1/users', { headers: { authorization: other.bearer } });
    expect(bearer.status).toBe(401);
    expect(await rows.eventOf('role_changed', other.user.id)).toMatchObject({
      actor_id: admin.user.id,
      actor_credential: 'cookie',
      target_id: other.user.id,
      reason: 'to_user',
    });
  });
});

it('the trail says of a change what was changed, and nothing of what stays', async () => {
  const [target, other] = [await somebody(), await somebody()];
  const told = async (id: string): Promise<string[]> => {
    await gateway.app.get(AuditService, { strict: false }).flush();
    const events = await query()
      .selectFrom('audit_events')
      .select('type')
      .where('target_id', '=', id)
      .execute();
    return events.map(({ type }) => type);
  };
  expect((await call('PATCH', `/${target.user.id}`, { name: 'Countess' })).status).toBe(200);
  expect(await told(target.user.id)).toEqual(['user_updated']);
  expect((await call('PATCH', `/${other.user.id}`, { role: 'user' })).status).toBe(200);
  expect(await told(other.user.id)).toEqual([]);
  expect((await call('PATCH', `/${other.user.id}`, { role: 'admin' })).status).toBe(200);
  expect(await told(other.user.id)).toEqual(['role_changed']);
});

describe('GET /api/v1/users', () => {
  it('goes through everybody page by page, each once, no matter who comes in between', async () => {
    const early = (await Promise.all(Array.from({ length: 5 }, () => somebody()))).map(({ user }) => user.id);
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: z.output<typeof listSchema> = await listed({
        limit: '3',
        ...(cursor === '' ? {} : { cursor }),
      });
      expect(page.items.length).toBeLessThanOrEqual(3);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
      if (seen.length < 10) {
        await somebody();
      }
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(early));
    expect(seen).toEqual(seen.toSorted());
  });

  it('shows no service account unless asked', async () => {
    const { user } = await somebody({ name: 'Robot Seven' });
    await query().updateTable('users').set({ kind: 'service' }).where('id', '=', user.id).execute();
    expect((await listed({ search: 'robot s' })).items).toEqual([]);
    const { items } = await listed({ search: 'robot s', kind: 'service' });
    expect(items).toMatchObject([{ id: user.id, kind: 'service', state: 'active' }]);
  });

  it.each([
    '%',
    '_',
    "'",
    '"',
    '\\',
    '🚀',
    '👩‍🚀',
    'a@b@c.example',
    'аdmin@example.test',
    '١',
    '\u200fא',
    '*',
    'x'.repeat(320),
  ])('finds who begins with %s, literally', async (text) => {
    const { user } = await somebody({ name: `${text}${text}`.slice(0, 640) });
    const { items } = await listed({ search: text });
    expect(items.map(({ id }) => id)).toContain(user.id);
    expect(
      items.every(({ name, email }) => [name, email].some((found) => found?.toLowerCase().startsWith(text))),
    ).toBe(true);
  });

  it.each([
    ['search=', 'search'],
    ['search=%20%20', 'search'],
    [`search=${'x'.repeat(10_000)}`, 'search'],
    ['search=a%00b', 'search'],
    ['search=a%0Ab', 'search'],
    ['search=a&search=b', 'search'],
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=x', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['state=gone', 'state'],
    ['role=root', 'role'],
    ['kind=all', 'kind'],
    ['cursor=x', 'cursor'],
    [`cursor=${'e'.repeat(2000)}`, 'cursor'],
    [`cursor=${encode({ by: 'id', id: 'x' })}`, 'cursor'],
    [`cursor=${encode({ by: 'email', key: 'a', id: newId() })}`, 'cursor'],
    [`search=a&cursor=${encode({ by: 'id', id: newId() })}`, 'cursor'],
    [`search=a&cursor=${encode({ by: 'email', key: 'a\u0000', id: newId() })}`, 'cursor'],
    [`search=a&cursor=${encode({ by: 'email', key: { a: 1 }, id: newId() })}`, 'cursor'],
    [`search=a&cursor=${encode(['email', 'a', newId()])}`, 'cursor'],
  ])('%.60s is 400 and names the field', async (text, field) => {
    const answer = await call('GET', `?${text}`);
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'validation_failed', errors: [{ field }] });
  });

  it('a search goes on where the page before ended, also with a lone surrogate or broken UTF-8 in it', async () => {
    const name = `Quincunx ${newId()}`;
    const ids = [await somebody({ name }), await somebody({ name }), await somebody({ name })].map(
      ({ user }) => user.id,
    );
    const first = await listed({ search: 'QUINCUNX', limit: '2' });
    const second = await listed({ search: 'QUINCUNX', limit: '2', cursor: first.nextCursor ?? '' });
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids);
    expect(second.nextCursor).toBeNull();
    for (const text of ['search=%ED%A0%80', 'search=%FF', 'search=%']) {
      expect((await call('GET', `?${text}`)).status).toBeLessThan(500);
    }
  });
});

function encode(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

describe('two users with one verified address', () => {
  it('are marked in the list and on their own, as long as both are active and have verified it', async () => {
    const email = `${newId()}@example.test`;
    const [one, two, claimant] = [
      await somebody({ email }),
      await somebody({ email: email.toUpperCase() }),
      await somebody({ email, emailVerified: false }),
    ];
    const marked = async (): Promise<readonly string[]> =>
      (await listed({ search: email })).items
        .flatMap(({ id, sharesEmail }) => (sharesEmail ? [id] : []))
        .toSorted();
    expect((await listed({ search: email })).items.map(({ id }) => id).toSorted()).toEqual(
      [one, two, claimant].map(({ user }) => user.id).toSorted(),
    );
    expect(await marked()).toEqual([one.user.id, two.user.id].toSorted());
    expect(detailSchema.parse((await call('GET', `/${one.user.id}`)).json()).sharesEmail).toBe(true);
    expect((await call('POST', `/${two.user.id}/disable`)).status).toBe(200);
    expect(await marked()).toEqual([]);
    expect(detailSchema.parse((await call('GET', `/${one.user.id}`)).json()).sharesEmail).toBe(false);
  });
});

describe('GET /api/v1/users/:id', () => {
  it('shows identities and organisations, and an ETag', async () => {
    const { user } = await somebody();
    const orgId = await rows.addOrg(user.id, 'owner');
    const answer = await call('GET', `/${user.id.toUpperCase()}`);
    expect(answer.headers['etag']).toBe('"1"');
    expect(detailSchema.parse(answer.json())).toMatchObject({
      ...user,
      role: 'user',
      kind: 'person',
      state: 'active',
      identities: [{ issuer: kratosIssuer }],
      orgs: [{ id: orgId, name: 'Engines', role: 'owner' }],
    });
  });
});

it('the picture of a user is on their own account page, and not on the administrators’ page of them', async () => {
  const picture = 'https://pictures.example.test/ada.png';
  const user = await somebody({ picture });
  const show = async (path: string, { cookie }: HeldSession) => {
    const { status, headers, text } = await gateway.request(path, {
      headers: { cookie, accept: 'text/html' },
    });
    const policy = /img-src ([^;]*)/.exec(headers['content-security-policy'] ?? '')?.[1];
    return { status, policy, isShown: text.includes(picture) };
  };
  expect(await show('/', user)).toEqual({ status: 200, policy: "'self' data: https:", isShown: true });
  const elsewhere = { status: 200, policy: "'self' data:", isShown: false };
  expect(await show('/', admin)).toEqual(elsewhere);
  expect(await show(`/admin/users/${user.user.id}`, admin)).toEqual(elsewhere);
});

describe('PATCH /api/v1/users/:id', () => {
  it('changes the traits at Kratos first, then the user, and makes their tokens stale', async () => {
    const target = await somebody();
    kratos.before(async () => {
      expect(await rowOf(target.user.id)).toMatchObject({ name: 'Ada Lovelace' });
    });
    const change = { name: '  Countess  ', picture: 'https://pictures.example.test/a.png' };
    const answer = await call('PATCH', `/${target.user.id}`, change);
    expect([answer.status, answer.headers['etag']]).toEqual([200, '"2"']);
    expect(detailSchema.parse(answer.json())).toMatchObject({ ...change, name: 'Countess' });
    expect(kratos.calls).toHaveLength(1);
    expect(kratos.calls[0]).toMatch(
      /^PATCH \/admin\/identities\/[0-9a-f]+ \[.*"\/traits\/name","value":"Countess"/,
    );
    expect((await gateway.request('/api/v1/me', { headers: { authorization: target.bearer } })).status).toBe(
      401,
    );
    expect(await rows.eventOf('user_updated', target.user.id)).toMatchObject({ actor_id: admin.user.id });
    expect((await listed({ search: 'countess' })).items.map(({ id }) => id)).toContain(target.user.id);
  });

  it('a service account is changed here alone', async () => {
    const { user } = await somebody({ issuer: 'urn:ory:hydra' });
    await query().updateTable('users').set({ kind: 'service' }).where('id', '=', user.id).execute();
    expect((await call('PATCH', `/${user.id}`, { name: 'Robot' })).json()).toMatchObject({ name: 'Robot' });
    expect((await call('PATCH', `/${user.id}`, { role: 'admin' })).json()).toMatchObject({
      code: 'conflict',
    });
    expect(kratos.calls).toEqual([]);
  });

  it.each([
    [500, 503, 'provider_unavailable'],
    [400, 400, 'validation_failed'],
    [404, 409, 'conflict'],
    [301, 503, 'provider_unavailable'],
  ])('Kratos answering %d is %d %s, and nothing is changed', async (status, expected, code) => {
    const target = await somebody();
    kratos.answerWith(status);
    const answer = await call('PATCH', `/${target.user.id}`, { name: 'X', role: 'admin' });
    expect([answer.status, answer.json()]).toMatchObject([expected, { code }]);
    expect(await rowOf(target.user.id)).toMatchObject({ name: 'Ada Lovelace', role: 'user' });
    expect(await statusesOf(target)).toEqual([200, 200]);
  });

  it.each([
    [{}],
    [{ name: '' }],
    [{ name: '   ' }],
    [{ name: 'x'.repeat(201) }],
    [{ name: 'a\u0000b' }],
    [{ name: 'a\u001b[31m' }],
    [{ name: 'a\nb' }],
    [{ name: 'a\ud800' }],
    [{ name: null }],
    [{ name: 1 }],
    [{ name: ['x'] }],
    [{ picture: '' }],
    [{ picture: 'javascript:alert(1)' }],
    [{ picture: 'data:image/png;base64,AA==' }],
    [{ picture: '//pictures.example.test/a' }],
    [{ picture: 'https://' }],
    [{ picture: 'https://a b' }],
    [{ picture: `https://a.test/${'x'.repeat(2048)}` }],
    [{ role: 'root' }],
    [{ role: null }],
    [{ email: 'eve@example.test' }],
    [{ name: 'X', disabled: true }],
    [{ name: 'X', __proto__x: 1 }],
    [[]],
    [null],
    ['name'],
  ])('%.40j is 400 and changes nothing', async (body) => {
    const target = await somebody();
    const answer = await call('PATCH', `/${target.user.id}`, body);
    expect(answer.json()).toMatchObject({
      status: 400,
      code: expect.stringMatching(/^(validation_failed|malformed_request)$/),
    });
    expect(await rowOf(target.user.id)).toMatchObject({ name: 'Ada Lovelace', version: 1 });
    expect(kratos.calls).toEqual([]);
  });

  it('of changes from the same version one goes through; the others are 412 and reach Kratos not at all', async () => {
    const { user } = await somebody();
    const answers = await Promise.all(
      ['A', 'B', 'C', 'D'].map((name) => call('PATCH', `/${user.id}`, { name }, { 'if-match': '"1"' })),
    );
    const statuses = answers.map(({ status }) => status).toSorted();
    expect(statuses).toEqual([200, 412, 412, 412]);
    expect(answers.find(({ status }) => status === 412)?.json()).toMatchObject({
      code: 'precondition_failed',
    });
    expect(kratos.calls).toHaveLength(1);
    const winner = answers.find(({ status }) => status === 200);
    expect(winner?.headers['etag']).toBe('"2"');
    expect((await call('PATCH', `/${user.id}`, { name: 'E' }, { 'if-match': '"2"' })).status).toBe(200);
    expect((await call('PATCH', `/${user.id}`, { name: 'F' })).headers['etag']).toBe('"4"');
  });

  it('administrators cannot demote themselves', async () => {
    await administratorAt(gateway);
    const answer = await call('PATCH', `/${admin.user.id}`, { role: 'user' });
    expect(answer.json()).toMatchObject({ code: 'conflict', detail: expect.stringContaining('themselves') });
    expect((await call('PATCH', `/${admin.user.id}`, { role: 'admin' })).status).toBe(200);
    admin = await sessionAgain(admin);
  });
});

/** A new session of the same user. */
async function sessionAgain({ user }: HeldSession): Promise<HeldSession> {
  const [identity] = await query()
    .selectFrom('identities')
    .select(['issuer', 'subject'])
    .where('user_id', '=', user.id)
    .execute();
  return gateway.session({ ...identity, email: user.email, name: user.name });
}

describe('POST /api/v1/users/:id/disable and /enable', () => {
  it('cookie, bearer and API key are refused at once, and so is a login, until enabled [L19]', async () => {
    const target = await somebody();
    const second = await sessionAgain(target);
    const key = await rows.addKey(target.user.id);
    expect([...(await statusesOf(target)), await keyStatus(key)]).toEqual([200, 200, 200]);
    const answer = await call('POST', `/${target.user.id}/disable`);
    expect([answer.status, answer.headers['etag']]).toEqual([200, '"2"']);
    expect(detailSchema.parse(answer.json())).toMatchObject({ state: 'disabled' });
    expect([...(await statusesOf(target)), ...(await statusesOf(second))]).toEqual([401, 401, 401, 401]);
    expect(await keyStatus(key)).toBe(401);
    await expect(sessionAgain(target)).rejects.toMatchObject({ reason: 'user_disabled' });
    expect(await rows.eventOf('user_disabled', target.user.id)).toMatchObject({ actor_id: admin.user.id });
    expect((await call('POST', `/${target.user.id}/disable`)).headers['etag']).toBe('"2"');

    const enabled = await call('POST', `/${target.user.id}/enable`);
    expect([enabled.status, enabled.headers['etag']]).toEqual([200, '"3"']);
    expect(enabled.json()).toMatchObject({ state: 'active' });
    expect(await statusesOf(target)).toEqual([401, 401]);
    expect(await keyStatus(key)).toBe(200);
    expect(await statusesOf(await sessionAgain(target))).toEqual([200, 200]);
    expect(await rows.eventOf('user_enabled', target.user.id)).toMatchObject({ actor_id: admin.user.id });
  });

  it('switch the identity at Kratos off and on, and none elsewhere', async () => {
    const { user } = await somebody({ subject: 'switched' });
    const identity = { user_id: user.id, subject: newId(), created_at: 1, last_login_at: 1 };
    await query()
      .insertInto('identities')
      .values({ ...identity, issuer: 'https://elsewhere.example.test' })
      .execute();
    for (const act of ['disable', 'enable']) {
      expect((await call('POST', `/${user.id}/${act}`)).status).toBe(200);
    }
    const switched = (value: string): string =>
      `PATCH /admin/identities/switched ${JSON.stringify([{ op: 'replace', path: '/state', value }])}`;
    expect(kratos.calls).toEqual([
      switched('inactive'),
      'DELETE /admin/identities/switched/sessions',
      switched('active'),
    ]);
    kratos.calls.length = 0;
    expect((await call('PATCH', `/${user.id}`, { name: 'X' })).status).toBe(200);
    expect((await call('DELETE', `/${user.id}`)).status).toBe(204);
    expect(kratos.calls.map((line) => line.split(' ', 2).join(' '))).toEqual([
      'PATCH /admin/identities/switched',
      'DELETE /admin/identities/switched',
    ]);
  });

  it('while Kratos refuses: disabled all the same, with a line in the log; not enabled', async () => {
    const target = await somebody();
    kratos.answerWith(403);
    const lines = gateway.log.length;
    expect((await call('POST', `/${target.user.id}/disable`)).status).toBe(200);
    expect(gateway.log.slice(lines).join('\n')).toContain('"reason":"identity_not_disabled"');
    expect(await statusesOf(target)).toEqual([401, 401]);
    expect((await call('POST', `/${target.user.id}/enable`)).json()).toMatchObject({
      code: 'provider_unavailable',
    });
    expect((await rowOf(target.user.id))?.disabled_at).not.toBeNull();
  });

  it('an API key is refused before the provider is asked to end the sessions', async () => {
    const target = await gateway.session(
      newIdentity({ issuer: kratosIssuer }),
      {},
      { providerSessionId: 'there' },
    );
    const key = await rows.addKey(target.user.id);
    expect(await keyStatus(key)).toBe(200);
    const seen: number[] = [];
    vi.spyOn(gateway.app.get(AuthStrategy, { strict: false }), 'endSession').mockImplementation(async () => {
      seen.push(await keyStatus(key));
      return undefined;
    });
    expect((await call('POST', `/${target.user.id}/disable`)).status).toBe(200);
    expect(seen).toEqual([401]);
  });

  it('every identity is disabled at Kratos that can be, also after one that can’t', async () => {
    const { user } = await somebody({ subject: 'first' });
    const identity = { user_id: user.id, issuer: kratosIssuer, created_at: 1, last_login_at: 1 };
    await query()
      .insertInto('identities')
      .values({ ...identity, subject: 'second' })
      .execute();
    kratos.answerWith(403);
    expect((await call('POST', `/${user.id}/disable`)).status).toBe(200);
    const asked = kratos.calls.map((line) => line.split(' ', 2).join(' '));
    for (const subject of ['first', 'second']) {
      const path = `/admin/identities/${subject}`;
      expect(asked).toEqual(expect.arrayContaining([`PATCH ${path}`, `DELETE ${path}/sessions`]));
    }
  });

  it('no identity is enabled at Kratos for an author who is no administrator', async () => {
    const [{ user }, former] = [await somebody(), await somebody()];
    expect((await call('POST', `/${user.id}/disable`)).status).toBe(200);
    kratos.calls.length = 0;
    const act: ActorContext = {
      source: 'session',
      author: { id: former.user.id, isAdministrator: true },
      credential: 'cookie',
      client: { requestId: 'late', remoteAddress: '192.0.2.1', userAgent: null },
    };
    const enabled = gateway.app.get(AccountLifecycle, { strict: false }).enable(user.id, act);
    await expect(enabled).rejects.toMatchObject({ code: 'forbidden' });
    expect(kratos.calls).toEqual([]);
  });

  it('administrators cannot disable themselves', async () => {
    await administratorAt(gateway);
    const answer = await call('POST', `/${admin.user.id}/disable`);
    expect(answer.json()).toMatchObject({ code: 'conflict', detail: expect.stringContaining('themselves') });
    expect(await statusesOf(admin)).toEqual([200, 200]);
  });

  it('a request from another site is refused', async () => {
    const { user } = await somebody();
    const answer = await call('POST', `/${user.id}/disable`, undefined, { origin: 'https://evil.test' });
    expect(answer.json()).toMatchObject({ code: 'cross_site_request' });
    expect((await rowOf(user.id))?.disabled_at).toBeNull();
  });
});

describe('DELETE /api/v1/users/:id', () => {
  it('deletes the identity at Kratos and everything here; cookie, bearer and key are refused at once', async () => {
    const target = await somebody();
    const key = await rows.addKey(target.user.id);
    expect(await keyStatus(key)).toBe(200);
    expect((await call('DELETE', `/${target.user.id}`)).status).toBe(204);
    expect(kratos.calls).toEqual([expect.stringMatching(/^DELETE \/admin\/identities\/[0-9a-f]+$/)]);
    expect([...(await statusesOf(target)), await keyStatus(key)]).toEqual([401, 401, 401]);
    expect(await rowOf(target.user.id)).toBeUndefined();
    expect((await call('GET', `/${target.user.id}`)).status).toBe(404);
    expect((await call('DELETE', `/${target.user.id}`)).status).toBe(404);
    expect(await rows.eventOf('user_deleted', target.user.id)).toMatchObject({ actor_id: admin.user.id });
  });

  it('an identity that is gone at Kratos already is no obstacle', async () => {
    const { user } = await somebody();
    kratos.answerWith(404);
    expect((await call('DELETE', `/${user.id}`)).status).toBe(204);
  });

  it.each([500, 301, 403])('Kratos answering %d is 503, and the user is as before', async (status) => {
    const target = await somebody();
    const before = await rowOf(target.user.id);
    kratos.answerWith(status);
    expect((await call('DELETE', `/${target.user.id}`)).json()).toMatchObject({
      code: 'provider_unavailable',
    });
    expect(await rowOf(target.user.id)).toMatchObject({ ...before, updated_at: expect.any(Number) });
    // The bearer is from before the attempt, during which the user was disabled.
    expect(await statusesOf(target)).toEqual([200, 401]);
    expect(await statusesOf(await sessionAgain(target))).toEqual([200, 200]);
    kratos.answerWith(undefined);
    expect((await call('DELETE', `/${target.user.id}`)).status).toBe(204);
  });

  it('nobody logs in while it is under way', async () => {
    const target = await somebody();
    kratos.before(async () => {
      await expect(sessionAgain(target)).rejects.toMatchObject({ reason: 'user_disabled' });
    });
    expect((await call('DELETE', `/${target.user.id}`)).status).toBe(204);
    expect(kratos.calls).toHaveLength(1);
  });

  it('the only owner of an organisation cannot go, nor administrators by themselves', async () => {
    const { user } = await somebody();
    const orgId = await rows.addOrg(user.id, 'owner');
    const refused = await call('DELETE', `/${user.id}`);
    expect(refused.json()).toMatchObject({
      code: 'owner_needed',
      detail: expect.stringContaining('only owner of Engines'),
    });
    expect((await call('DELETE', `/${admin.user.id}`)).json()).toMatchObject({ code: 'conflict' });
    expect(kratos.calls).toEqual([]);
    await query().deleteFrom('orgs').where('id', '=', orgId).execute();
    expect((await call('DELETE', `/${user.id}`)).status).toBe(204);
  });
});

describe.each(['auth0', 'oidc'] as const)('under %s', (provider) => {
  let other: Gateway;
  let chief: HeldSession;

  beforeAll(async () => {
    other = await startGateway(providerEnv[provider]);
    chief = await administratorAt(other);
  });

  afterAll(async () => {
    await other?.stop();
  });

  const send = (method: 'PATCH' | 'DELETE' | 'POST', path: string, body?: unknown) =>
    other.request(path, {
      method,
      headers: {
        cookie: chief.cookie,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  it('name and picture are the provider’s, the role is ours', async () => {
    const { user } = await other.session();
    const refused = await send('PATCH', `/api/v1/users/${user.id}`, { name: 'X', role: 'admin' });
    expect(refused.json()).toMatchObject({ code: 'forbidden', detail: expect.stringContaining('provider') });
    const mine = await send('PATCH', '/api/v1/me', { picture: null });
    expect(mine.json()).toMatchObject({ code: 'forbidden', detail: expect.stringContaining('provider') });
    const promoted = await send('PATCH', `/api/v1/users/${user.id}`, { role: 'admin' });
    expect(promoted.json()).toMatchObject({ role: 'admin', name: 'Ada Lovelace' });
  });

  it('an account is disabled and enabled here alone', async () => {
    const { user, cookie } = await other.session();
    expect((await send('POST', `/api/v1/users/${user.id}/disable`)).json()).toMatchObject({
      state: 'disabled',
    });
    expect((await other.request('/api/v1/me', { headers: { cookie } })).status).toBe(401);
    expect((await send('POST', `/api/v1/users/${user.id}/enable`)).json()).toMatchObject({ state: 'active' });
  });

  it('an account is deleted here alone: the next login makes a new one', async () => {
    const identity = newIdentity();
    const { user, cookie } = await other.session(identity);
    expect((await send('DELETE', `/api/v1/users/${user.id}`)).status).toBe(204);
    expect((await other.request('/api/v1/me', { headers: { cookie } })).status).toBe(401);
    expect((await other.session(identity)).user.id).not.toBe(user.id);
  });
});
