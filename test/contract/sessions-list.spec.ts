import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { AuditService } from '../../src/directory/audit/audit.service.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { RevocationService } from '../../src/session/revocation/revocation.service.js';
import type { AuthenticationContext } from '../../src/session/session.service.js';
import { type CountingServer, startCountingServer } from '../support/call.counter.js';
import {
  type Gateway,
  type HeldSession,
  newIdentity,
  providerEnv,
  startGateway,
} from '../support/gateway.js';
import { waitUntil } from '../support/stack.js';
import { TcpRelay } from '../support/tcp.relay.js';
import { TestDatabases } from '../support/test.database.js';

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0';
const html = { accept: 'text/html' };
const utc = z.iso.datetime({ precision: 3 });
const listSchema = z.strictObject({
  items: z.array(
    z.strictObject({
      id: z.uuid(),
      current: z.boolean(),
      device: z.string(),
      browser: z.string().nullable(),
      os: z.string().nullable(),
      address: z.string().nullable(),
      hosts: z.array(z.string()),
      createdAt: utc,
      lastSeenAt: utc,
      expiresAt: utc,
      authTime: utc.nullable(),
      methods: z.array(z.string()),
    }),
  ),
  nextCursor: z.null(),
});
type Listed = z.output<typeof listSchema>['items'];
/** Logs the same new person in, as often as it's called. */
type LogIn = (evidence?: Partial<AuthenticationContext>) => Promise<HeldSession>;

let kratos: CountingServer;
let gateway: Gateway;
let logIn: LogIn;

const personOf = (where: Gateway): LogIn => {
  const identity = newIdentity();
  return (evidence) => where.session(identity, {}, evidence);
};
const statusOf = async (headers: Readonly<Record<string, string>>): Promise<number> =>
  (await gateway.request('/api/v1/me', { headers })).status;
/** By cookie and by bearer. */
const statusesOf = async ({ cookie, bearer }: HeldSession): Promise<readonly number[]> => [
  await statusOf({ cookie }),
  await statusOf({ authorization: bearer }),
];
const live = [200, 200];
const ended = [401, 401];

async function listOf({ cookie }: HeldSession): Promise<Listed> {
  const answer = await gateway.request('/auth/sessions', { headers: { cookie } });
  expect(answer.status).toBe(200);
  return listSchema.parse(answer.json()).items;
}

const idsOf = (items: Listed): string[] => items.map(({ id }) => id).toSorted();
const sids = (...sessions: readonly HeldSession[]): string[] =>
  sessions.map(({ claims }) => claims.sid).toSorted();

async function eventsOf({ claims }: HeldSession): Promise<unknown[]> {
  await gateway.app.get(AuditService, { strict: false }).flush();
  return gateway.app
    .get(Database, { strict: false })
    .query.selectFrom('audit_events')
    .select(['type', 'reason', 'user_id', 'remote_address'])
    .where('session_id', '=', claims.sid)
    .execute();
}

/** The ends of sessions of a user. */
async function eventsAbout({ claims }: HeldSession): Promise<unknown[]> {
  await gateway.app.get(AuditService, { strict: false }).flush();
  return gateway.app
    .get(Database, { strict: false })
    .query.selectFrom('audit_events')
    .select(['type', 'reason', 'session_id', 'count'])
    .where('user_id', '=', claims.sub)
    .where('type', '=', 'session_ended')
    .execute();
}

beforeAll(async () => {
  kratos = await startCountingServer();
  gateway = await startGateway({ KRATOS_ADMIN_URL: kratos.url, SESSION_IDLE_TTL: '30m' });
});

beforeEach(() => {
  gateway.shiftClock(0);
  kratos.requests.length = 0;
  logIn = personOf(gateway);
});

afterAll(async () => {
  await gateway?.stop();
  await kratos?.stop();
});

const revocationsAsked = (): string[] => kratos.requests.filter((request) => request.startsWith('DELETE '));

describe('GET /auth/sessions', () => {
  it('lists the own sessions and nobody else’s, newest first, and says which one this is', async () => {
    const [first, second] = [await logIn(), await logIn()];
    await gateway.session();
    const items = await listOf(first);
    expect(idsOf(items)).toEqual(sids(first, second));
    expect(items.filter(({ current }) => current).map(({ id }) => id)).toEqual([first.claims.sid]);
    const moments = items.map(({ createdAt }) => createdAt);
    expect(moments).toEqual(moments.toSorted().toReversed());
    expect((await listOf(second)).find(({ current }) => current)?.id).toBe(second.claims.sid);
  });

  it('says from what the session was used, and nothing of the provider’s own', async () => {
    const session = await logIn({
      providerSessionId: 'provider-session',
      oidcSid: 'oidc-sid',
      amr: ['pwd', 'otp'],
    });
    await gateway.app
      .get(Database, { strict: false })
      .query.updateTable('sessions')
      .set({ user_agent: firefox, remote_address: '192.0.2.7' })
      .where('id', '=', session.claims.sid)
      .execute();
    const answer = await gateway.request('/auth/sessions', { headers: { cookie: session.cookie } });
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.json()).toMatchObject({
      items: [
        {
          device: 'Firefox on Linux',
          browser: 'Firefox',
          os: 'Linux',
          address: '192.0.2.7',
          methods: ['pwd', 'otp'],
        },
      ],
      nextCursor: null,
    });
    expect(answer.text).not.toMatch(/provider-session|oidc-sid|example\.test/);
  });

  it('the current session is in use now, another one was at its last renewal', async () => {
    const [here, there] = [await logIn(), await logIn()];
    gateway.shiftClock(300);
    const items = await listOf(here);
    const seen = (session: HeldSession): number => {
      const found = items.find(({ id }) => id === session.claims.sid);
      return Date.parse(found?.lastSeenAt ?? '') - Date.parse(found?.createdAt ?? '');
    };
    expect(seen(there)).toBe(0);
    expect(seen(here)).toBeGreaterThanOrEqual(299_000);
  });

  it('another session was seen when it was last used, or renewed where that is all that is known', async () => {
    const [here, there] = [await logIn(), await logIn()];
    const renewed = Date.now() - 60_000;
    const seenAs = async (last: number | null): Promise<string | undefined> => {
      await gateway.app
        .get(Database, { strict: false })
        .query.updateTable('sessions')
        .set({ renewed_at: renewed, last_seen_at: last })
        .where('id', '=', there.claims.sid)
        .execute();
      return (await listOf(here)).find(({ id }) => id === there.claims.sid)?.lastSeenAt;
    };
    expect(await seenAs(renewed + 30_000)).toBe(new Date(renewed + 30_000).toISOString());
    expect(await seenAs(null)).toBe(new Date(renewed).toISOString());
  });

  it('says nothing of when and how somebody logged in where the provider said nothing', async () => {
    expect(await listOf(await logIn({ authTime: null, amr: [] }))).toMatchObject([
      { authTime: null, methods: [] },
    ]);
  });

  it('takes a bearer', async () => {
    const session = await logIn();
    const answer = await gateway.request('/auth/sessions', { headers: { authorization: session.bearer } });
    expect(listSchema.parse(answer.json()).items).toMatchObject([{ id: session.claims.sid, current: true }]);
  });

  it('shows neither sessions that have been ended nor those that are over', async () => {
    const over = await logIn();
    gateway.shiftClock(31 * 60);
    const [here, loggedOut] = [await logIn(), await logIn()];
    await gateway.request('/auth/logout', { method: 'POST', headers: { cookie: loggedOut.cookie } });
    expect(idsOf(await listOf(here))).toEqual(sids(here));
    expect(over.claims.sub).toBe(here.claims.sub);
  });
});

describe('GET /auth/sessions after everything was ended', () => {
  it('shows only what began afterwards', async () => {
    gateway.shiftClock(-120);
    await logIn();
    gateway.shiftClock(0);
    const here = await logIn();
    await gateway.app.get(RevocationService, { strict: false }).endEverythingBefore(Date.now() - 60_000);
    expect(idsOf(await listOf(here))).toEqual(sids(here));
  });
});

describe('DELETE /auth/sessions/:id', () => {
  const end = async (by: HeldSession, id: string) =>
    gateway.request(`/auth/sessions/${id}`, { method: 'DELETE', headers: { cookie: by.cookie } });

  it('ends another own session at once, here and at the provider, and is in the audit trail', async () => {
    const here = await logIn();
    const there = await logIn({ providerSessionId: 'session-there' });
    const answer = await end(here, there.claims.sid);
    expect([answer.status, answer.text, answer.cookies]).toEqual([204, '', []]);
    expect([await statusesOf(there), await statusesOf(here)]).toEqual([ended, live]);
    expect(idsOf(await listOf(here))).toEqual(sids(here));
    expect(revocationsAsked()).toEqual(['DELETE /admin/sessions/session-there']);
    expect(await eventsOf(there)).toEqual([
      {
        type: 'session_ended',
        reason: 'ended_by_user',
        user_id: here.claims.sub,
        remote_address: '127.0.0.1',
      },
    ]);
    expect((await end(here, there.claims.sid)).status).toBe(404);
  });

  it('takes an id in capitals and a bearer', async () => {
    const [here, there] = [await logIn(), await logIn()];
    const answer = await gateway.request(`/auth/sessions/${there.claims.sid.toUpperCase()}`, {
      method: 'DELETE',
      headers: { authorization: here.bearer },
    });
    expect([answer.status, await statusesOf(there)]).toEqual([204, ended]);
  });

  it('ends the current one and clears its cookie', async () => {
    const here = await logIn({ providerSessionId: 'session-here' });
    const answer = await end(here, here.claims.sid);
    expect(answer.status).toBe(204);
    expect(answer.cookies.join()).toMatch(new RegExp(`^${gateway.cookieName}=; Max-Age=0;`));
    expect(await statusesOf(here)).toEqual(ended);
    expect(revocationsAsked()).toEqual(['DELETE /admin/sessions/session-here']);
  });

  it('keeps the login at the provider when the current session rests on it too', async () => {
    const here = await logIn({ providerSessionId: 'one-browser' });
    const app = await logIn({ providerSessionId: 'one-browser' });
    expect((await end(here, app.claims.sid)).status).toBe(204);
    expect([await statusesOf(app), revocationsAsked()]).toEqual([ended, []]);
  });

  it('ends the login at the provider that another session does not rest on, however alike they are', async () => {
    const here = await logIn({ providerSessionId: 'one-name' });
    const elsewhere = await logIn({
      providerSessionId: 'one-name',
      issuer: 'https://elsewhere.example.test',
    });
    expect((await end(here, elsewhere.claims.sid)).status).toBe(204);
    expect(revocationsAsked()).toEqual(['DELETE /admin/sessions/one-name']);
    const unnamed = await logIn({ providerSessionId: null });
    const other = await logIn({ providerSessionId: null, oidcSid: 'at-hydra' });
    const lines = gateway.log.length;
    expect((await end(unnamed, other.claims.sid)).status).toBe(204);
    // Nobody is at Hydra: that it was asked is told by its failure.
    expect(gateway.log.slice(lines).join('\n')).toContain('provider_logout_failed');
  });

  it('of two ends of one session at once one is done, the other is 404', async () => {
    const [here, there] = [await logIn(), await logIn()];
    const answers = await Promise.all([end(here, there.claims.sid), end(here, there.claims.sid)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 404]);
    expect(await eventsOf(there)).toHaveLength(1);
    expect(gateway.log.join('\n')).toContain('"reason":"session_ended_meanwhile"');
  });

  it('of somebody else is 404 and ends nothing', async () => {
    const [here, other] = [await logIn(), await gateway.session()];
    const answer = await end(here, other.claims.sid);
    expect([answer.status, answer.json()]).toMatchObject([404, { code: 'not_found' }]);
    expect([await statusesOf(other), await eventsOf(other), revocationsAsked()]).toEqual([live, [], []]);
    expect(gateway.log.join('\n')).toContain('"reason":"no_such_session"');
  });

  it('of a session that is over is 404', async () => {
    const over = await logIn();
    gateway.shiftClock(31 * 60);
    expect((await end(await logIn(), over.claims.sid)).status).toBe(404);
  });

  it.each([
    '01980000-0000-7000-8000-000000000000',
    '00000000-0000-0000-0000-000000000000',
    'login',
    'current',
    '*',
    '%00',
    '%2e%2e',
    "'%20or%201=1--",
    '__proto__',
    '01980000-0000-7000-8000-00000000000g',
    'x'.repeat(90),
    '%F0%9F%94%91',
  ])('%s is 404', async (id) => {
    const here = await logIn();
    expect([(await end(here, id)).status, await statusesOf(here)]).toEqual([404, live]);
  });

  it('without a session is 401, from another site 403', async () => {
    const there = await logIn();
    const path = `/auth/sessions/${there.claims.sid}`;
    expect((await gateway.request(path, { method: 'DELETE' })).status).toBe(401);
    const headers = { cookie: there.cookie, origin: 'https://evil.example' };
    expect((await gateway.request(path, { method: 'DELETE', headers })).status).toBe(403);
    expect(await statusesOf(there)).toEqual(live);
  });
});

describe('DELETE /auth/sessions', () => {
  const endOthers = async (by: HeldSession) =>
    gateway.request('/auth/sessions', { method: 'DELETE', headers: { cookie: by.cookie } });

  it('ends all others here and at the provider, and not the current one, nor anybody else’s', async () => {
    const here = await logIn({ providerSessionId: 'here' });
    const others = [
      await logIn({ providerSessionId: 'there' }),
      await logIn({ providerSessionId: 'elsewhere' }),
      await logIn({ providerSessionId: 'here' }),
    ];
    const stranger = await gateway.session();
    const answer = await endOthers(here);
    expect([answer.status, answer.json(), answer.cookies]).toEqual([200, { ended: 3 }, []]);
    expect([await statusesOf(here), await statusesOf(stranger)]).toEqual([live, live]);
    for (const other of others) {
      expect(await statusesOf(other)).toEqual(ended);
      expect(await eventsOf(other)).toEqual([]);
    }
    expect(await eventsOf(here)).toEqual([]);
    expect(await eventsAbout(here)).toEqual([
      { type: 'session_ended', reason: 'ended_by_user', session_id: null, count: 3 },
    ]);
    expect(idsOf(await listOf(here))).toEqual(sids(here));
    expect(revocationsAsked().toSorted()).toEqual([
      'DELETE /admin/sessions/elsewhere',
      'DELETE /admin/sessions/there',
    ]);
    expect((await endOthers(here)).json()).toEqual({ ended: 0 });
  });

  it('the end of one other session is told of that session', async () => {
    const [here, there] = [await logIn(), await logIn()];
    expect((await endOthers(here)).json()).toEqual({ ended: 1 });
    const event = { type: 'session_ended', reason: 'ended_by_user' };
    expect(await eventsAbout(here)).toEqual([{ ...event, session_id: there.claims.sid, count: null }]);
  });

  it('ends a hundred', async () => {
    const here = await logIn();
    for (let count = 0; count < 100; count += 1) {
      await logIn();
    }
    expect((await endOthers(here)).json()).toEqual({ ended: 100 });
    await waitUntil(() => revocationsAsked().length === 100, 'the sessions to be ended at Kratos');
    expect(await listOf(here)).toHaveLength(1);
  });
});

describe('the forms of the account page', () => {
  const post = async (path: string, headers: Readonly<Record<string, string>>) =>
    gateway.request(path, {
      method: 'POST',
      headers: { ...html, 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: '',
    });

  it('end one session and come back with a word about it', async () => {
    const [here, there] = [await logIn(), await logIn()];
    const path = `/account/sessions/${there.claims.sid}/end`;
    const answer = await post(path, { cookie: here.cookie });
    expect([answer.status, answer.headers['location']]).toEqual([303, '/?notice=session_ended']);
    expect([await statusesOf(there), await statusesOf(here)]).toEqual([ended, live]);
    const page = await gateway.request('/?notice=session_ended', {
      headers: { ...html, cookie: here.cookie },
    });
    expect(page.text).toContain('The session has been ended.');
    const again = await post(path, { cookie: here.cookie });
    expect([again.status, again.headers['location']]).toEqual([303, '/?notice=session_gone']);
  });

  it('end all others', async () => {
    const [here, there] = [await logIn(), await logIn()];
    const answer = await post('/account/sessions/end-others', { cookie: here.cookie });
    expect([answer.status, answer.headers['location']]).toEqual([303, '/?notice=others_ended']);
    expect([await statusesOf(there), await statusesOf(here)]).toEqual([ended, live]);
  });

  it('of somebody else’s session end nothing', async () => {
    const [here, other] = [await logIn(), await gateway.session()];
    const answer = await post(`/account/sessions/${other.claims.sid}/end`, { cookie: here.cookie });
    expect([answer.headers['location'], await statusesOf(other)]).toEqual(['/?notice=session_gone', live]);
  });

  it('end the current one too, when they are made to', async () => {
    const here = await logIn();
    const answer = await post(`/account/sessions/${here.claims.sid}/end`, { cookie: here.cookie });
    expect([answer.status, answer.cookies.length, await statusesOf(here)]).toEqual([303, 1, ended]);
  });

  it('are refused from another site and without a session', async () => {
    const [here, there] = [await logIn(), await logIn()];
    const path = `/account/sessions/${there.claims.sid}/end`;
    const { cookie } = here;
    expect((await post(path, { cookie, origin: 'https://evil.example' })).status).toBe(403);
    expect((await post(path, { cookie, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await post(path, {})).status).toBe(401);
    expect((await gateway.request(path, { headers: { cookie } })).status).toBe(404);
    expect(await statusesOf(there)).toEqual(live);
  });

  it.each(['?notice=<script>alert(1)</script>', '?notice=x&notice=y', '?notice[]=session_ended', '?notice='])(
    'the page shows no other text than its own: %s',
    async (query) => {
      const { cookie } = await logIn();
      const page = await gateway.request(`/${encodeURI(query)}`, { headers: { ...html, cookie } });
      expect(page.status).toBe(200);
      expect(page.text).not.toMatch(/role="status"|alert\(1\)/);
    },
  );
});

describe.each(['ory', 'auth0', 'oidc'] as const)('under %s with the provider away', (provider) => {
  it('sessions are ended all the same, by API and by page', async () => {
    const away = await startGateway(providerEnv[provider]);
    try {
      const login = personOf(away);
      const [here, one, two, three] = [await login(), await login(), await login(), await login()];
      const headers = { cookie: here.cookie };
      const statuses = [
        (await away.request(`/auth/sessions/${one.claims.sid}`, { method: 'DELETE', headers })).status,
        (await away.request(`/account/sessions/${two.claims.sid}/end`, { method: 'POST', headers })).status,
      ];
      expect(statuses).toEqual([204, 303]);
      const others = await away.request('/auth/sessions', { method: 'DELETE', headers });
      expect(others.json()).toEqual({ ended: 1 });
      for (const { bearer: authorization } of [one, two, three]) {
        expect((await away.request('/api/v1/me', { headers: { authorization } })).status).toBe(401);
      }
      const page = await away.request('/', { headers: { ...html, ...headers } });
      expect([page.status, page.text.includes('This device')]).toEqual([200, true]);
    } finally {
      await away.stop();
    }
  });
});

describe('with the database away', () => {
  it('the account page has a sentence in place of the list; the API says database_unavailable', async () => {
    const databases = new TestDatabases(inject('postgresUrl'));
    const { relay, url } = await TcpRelay.start(await databases.create());
    const away = await startGateway({ DATABASE_URL: url });
    try {
      const { cookie, claims } = await away.session();
      await relay.cut();
      const page = await away.request('/', { headers: { ...html, cookie } });
      expect(page.status).toBe(200);
      expect(page.text).toContain("The list of your sessions can't be shown right now.");
      expect(page.text).toContain('Ada Lovelace');
      for (const request of [
        await away.request('/auth/sessions', { headers: { cookie } }),
        await away.request('/auth/sessions', { method: 'DELETE', headers: { cookie } }),
        await away.request(`/auth/sessions/${claims.sid}`, { method: 'DELETE', headers: { cookie } }),
      ]) {
        expect([request.status, request.json()]).toMatchObject([503, { code: 'database_unavailable' }]);
      }
    } finally {
      await away.stop();
      await databases.drop();
    }
  });
});
