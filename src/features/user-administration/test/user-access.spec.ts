import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { newId } from '../../../platform/core/identifier.js';
import { administratorAt } from '../../../../test/support/administrator.js';
import { AccountRows } from '../../../../test/support/account.rows.js';
import { type AnsweringOry, oryIds, startAnsweringOry } from '../../../../test/support/answering.ory.js';
import { databaseKinds } from '../../../../test/support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../../../../test/support/fresh.database.js';
import {
  type Gateway,
  type GatewayAnswer,
  type HeldSession,
  newIdentity,
  providerEnv,
  startGateway,
} from '../../../../test/support/gateway.js';

const listSchema = z.strictObject({
  items: z.array(z.looseObject({ id: z.uuid() })),
  nextCursor: z.string().nullable(),
});

/** Ids that are nobody's and nothing's, however they look. */
const badIds = ['x', '%00', "'--", '%F0%9F%9A%80', '..%2Fme', 'null'];

describe.each(databaseKinds)('what lets a user in, for administrators, on %s', (kind) => {
  let database: FreshDatabase;
  let gateway: Gateway;
  let admin: HeldSession;
  const rows = new AccountRows(() => gateway);

  beforeAll(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    gateway = await startGateway({ DATABASE_URL: database.url });
    admin = await administratorAt(gateway);
  });

  afterAll(async () => {
    await gateway?.stop();
    await database?.drop();
  });

  const call = (
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    headers: Readonly<Record<string, string>> = {},
    by: HeldSession = admin,
  ): Promise<GatewayAnswer> =>
    gateway.request(`/api/v1/users/${path}`, { method, headers: { cookie: by.cookie, ...headers } });

  const statusOf = async ({ cookie }: Pick<HeldSession, 'cookie'>): Promise<number> =>
    (await gateway.request('/api/v1/me', { headers: { cookie } })).status;

  const idsOf = (answer: GatewayAnswer): string[] => {
    expect(answer.status).toBe(200);
    return listSchema.parse(answer.json()).items.map(({ id }) => id);
  };

  describe('sessions', () => {
    it('are listed as their owner sees them, newest first; none is the administrator’s own', async () => {
      const identity = newIdentity();
      const [first, second] = [await gateway.session(identity), await gateway.session(identity)];
      const answer = await call('GET', `${first.user.id.toUpperCase()}/sessions`);
      expect(idsOf(answer)).toEqual([second.claims.sid, first.claims.sid]);
      const own = await gateway.request('/auth/sessions', { headers: { cookie: first.cookie } });
      const { items } = listSchema.parse(own.json());
      expect(listSchema.parse(answer.json()).items).toEqual(
        items.map((item) => ({ ...item, current: false, lastSeenAt: expect.stringMatching(/Z$/) })),
      );
      const mine = z
        .looseObject({ items: z.array(z.looseObject({ id: z.string(), current: z.boolean() })) })
        .parse((await call('GET', `${admin.user.id}/sessions`)).json());
      expect(mine.items.filter(({ current }) => current)).toMatchObject([{ id: admin.claims.sid }]);
    });

    it('one is ended, and the others go on; a session of somebody else is not found', async () => {
      const identity = newIdentity();
      const [first, second] = [await gateway.session(identity), await gateway.session(identity)];
      const other = await gateway.session();
      for (const id of [other.claims.sid, newId(), ...badIds]) {
        const answer = await call('DELETE', `${first.user.id}/sessions/${id}`);
        expect([id, answer.status]).toEqual([id, 404]);
      }
      const ended = await call('DELETE', `${first.user.id}/sessions/${first.claims.sid}`);
      expect([ended.status, ended.cookies]).toEqual([204, []]);
      expect([await statusOf(first), await statusOf(second), await statusOf(other)]).toEqual([401, 200, 200]);
      expect((await call('DELETE', `${first.user.id}/sessions/${first.claims.sid}`)).status).toBe(404);
      expect(idsOf(await call('GET', `${first.user.id}/sessions`))).toEqual([second.claims.sid]);
      expect(await rows.eventOf('session_ended', first.user.id)).toMatchObject({
        actor_id: admin.user.id,
        actor_credential: 'cookie',
        reason: 'ended_by_administrator',
      });
    });

    it('of two ends of one session at once one is done, the other is not found', async () => {
      const { user, claims } = await gateway.session();
      const end = (): Promise<GatewayAnswer> => call('DELETE', `${user.id}/sessions/${claims.sid}`);
      const answers = await Promise.all([end(), end()]);
      expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 404]);
    });

    it('all are ended, by cookie and bearer; keys go on, and so does a new login', async () => {
      const identity = newIdentity();
      const [first, second] = [await gateway.session(identity), await gateway.session(identity)];
      const key = await rows.addKey(first.user.id);
      const answer = await call('DELETE', `${first.user.id}/sessions`);
      expect([answer.status, answer.json()]).toEqual([200, { ended: 2 }]);
      expect([await statusOf(first), await statusOf(second)]).toEqual([401, 401]);
      const bearer = await gateway.request('/api/v1/me', { headers: { authorization: second.bearer } });
      expect(bearer.status).toBe(401);
      expect((await gateway.request('/api/v1/me', { headers: { 'x-api-key': key } })).status).toBe(200);
      expect(await statusOf(await gateway.session(identity))).toBe(200);
      const again = await call('DELETE', `${(await gateway.session()).user.id}/sessions`);
      expect(again.json()).toEqual({ ended: 1 });
    });

    it('of an administrator themselves go with the one of the request, and its cookie', async () => {
      const self = await administratorAt(gateway);
      const answer = await call('DELETE', `${self.user.id}/sessions`, {}, self);
      expect(answer.json()).toEqual({ ended: 2 });
      expect(answer.cookies).toEqual([expect.stringMatching(/^__Host-vestibule=;/)]);
      expect(await statusOf(self)).toBe(401);
    });

    it('of nobody are not found; a request from another site ends none', async () => {
      for (const id of [newId(), ...badIds]) {
        for (const method of ['GET', 'DELETE'] as const) {
          expect([id, (await call(method, `${id}/sessions`)).status]).toEqual([id, 404]);
        }
      }
      const target = await gateway.session();
      const refused = await call('DELETE', `${target.user.id}/sessions`, { origin: 'https://evil.test' });
      expect(refused.json()).toMatchObject({ code: 'cross_site_request' });
      expect(await statusOf(target)).toBe(200);
    });
  });

  describe('API keys', () => {
    it('are listed page by page without their secrets, and revoked at once', async () => {
      const target = await gateway.session();
      const keys = [await rows.addKey(target.user.id), await rows.addKey(target.user.id)];
      const first = await call('GET', `${target.user.id}/api-keys?limit=1`);
      const { nextCursor } = listSchema.parse(first.json());
      const second = await call('GET', `${target.user.id}/api-keys?limit=1&cursor=${nextCursor}`);
      const [one = '', two = ''] = [...idsOf(first), ...idsOf(second)];
      expect(listSchema.parse(second.json()).nextCursor).toBeNull();
      expect(keys.some((key) => first.text.includes(key) || second.text.includes(key))).toBe(false);
      expect((await call('DELETE', `${target.user.id}/api-keys/${one}`)).status).toBe(204);
      const statuses = [];
      for (const key of keys) {
        statuses.push((await gateway.request('/api/v1/me', { headers: { 'x-api-key': key } })).status);
      }
      expect(statuses).toEqual([401, 200]);
      expect(idsOf(await call('GET', `${target.user.id}/api-keys`))).toEqual([two]);
      expect((await call('DELETE', `${target.user.id}/api-keys/${one}`)).status).toBe(404);
      expect(await rows.eventOf('api_key_revoked', target.user.id)).toMatchObject({
        actor_id: admin.user.id,
        target_kind: 'api_key',
        target_id: one,
      });
    });

    it('of somebody else, or of nobody, are not found', async () => {
      const [target, other] = [await gateway.session(), await gateway.session()];
      await rows.addKey(other.user.id);
      const [id = ''] = idsOf(await call('GET', `${other.user.id}/api-keys`));
      for (const keyId of [id, newId(), ...badIds]) {
        const answer = await call('DELETE', `${target.user.id}/api-keys/${keyId}`);
        expect([keyId, answer.status]).toEqual([keyId, 404]);
      }
      for (const userId of [newId(), ...badIds]) {
        expect([userId, (await call('GET', `${userId}/api-keys`)).status]).toEqual([userId, 404]);
      }
      expect(idsOf(await call('GET', `${other.user.id}/api-keys`))).toEqual([id]);
      const bad = await call('GET', `${target.user.id}/api-keys?cursor=x`);
      expect(bad.json()).toMatchObject({ code: 'validation_failed', errors: [{ field: 'cursor' }] });
    });
  });

  describe('a recovery code', () => {
    const kratosPerson = (): Promise<HeldSession> => gateway.session({ issuer: 'urn:ory:kratos' });

    it.each([
      ['oneself', async () => admin.user.id, 'themselves|their own'],
      ['whom Kratos does not know', async () => (await gateway.session()).user.id, 'no account'],
      [
        'who is disabled',
        async () => {
          const { user } = await kratosPerson();
          await rows.query.updateTable('users').set({ disabled_at: 1 }).where('id', '=', user.id).execute();
          return user.id;
        },
        'disabled',
      ],
      [
        'a service account',
        async () => {
          const { user } = await kratosPerson();
          await rows.query.updateTable('users').set({ kind: 'service' }).where('id', '=', user.id).execute();
          return user.id;
        },
        'service account',
      ],
    ])('is not made for %s: 409', async (_who, make, words) => {
      const answer = await call('POST', `${await make()}/recovery`);
      expect(answer.json()).toMatchObject({ code: 'conflict', detail: expect.stringMatching(words) });
    });

    it('is not made for nobody, nor while Kratos is away', async () => {
      for (const id of [newId(), ...badIds]) {
        expect([id, (await call('POST', `${id}/recovery`)).status]).toEqual([id, 404]);
      }
      const { user } = await kratosPerson();
      expect((await call('POST', `${user.id}/recovery`)).json()).toMatchObject({
        code: 'provider_unavailable',
      });
    });

    it.each([
      ['POST', 'recovery'],
      ['DELETE', 'second-factors'],
    ] as const)('%s …/%s is refused to who logged in long ago, and to an API key', async (method, part) => {
      const { user } = await kratosPerson();
      const answer = await gateway.request(`/api/v1/users/${user.id}/${part}`, {
        method,
        headers: { 'x-api-key': await rows.addKey(admin.user.id) },
      });
      expect(answer.json()).toMatchObject({ code: 'reauthentication_required' });
      gateway.shiftClock(301);
      expect((await call(method, `${user.id}/${part}`)).json()).toMatchObject({
        code: 'reauthentication_required',
      });
      gateway.shiftClock(0);
    });
  });
});

describe.each(['auth0', 'oidc'] as const)('under %s', (provider) => {
  it('a recovery code is the provider’s affair: 403', async () => {
    const gateway = await startGateway(providerEnv[provider]);
    try {
      const admin = await administratorAt(gateway);
      const { user } = await gateway.session();
      const answer = await gateway.request(`/api/v1/users/${user.id}/recovery`, {
        method: 'POST',
        headers: { cookie: admin.cookie },
      });
      expect(answer.json()).toMatchObject({ code: 'forbidden', detail: expect.stringContaining('provider') });
    } finally {
      await gateway.stop();
    }
  });
});

describe('where Kratos and Hydra answer', () => {
  const kratosIssuer = 'urn:ory:kratos';
  let ory: AnsweringOry;
  let admin: HeldSession;
  const rows = new AccountRows(() => ory.gateway);

  beforeAll(async () => {
    ory = await startAnsweringOry();
    admin = await administratorAt(ory.gateway);
  });

  beforeEach(() => {
    ory.reset();
  });

  afterAll(async () => {
    await ory?.stop();
  });

  const call = (method: 'POST' | 'DELETE', path: string): Promise<GatewayAnswer> =>
    ory.gateway.request(`/api/v1/users/${path}`, { method, headers: { cookie: admin.cookie } });
  const somebody = (providerSessionId: string): Promise<HeldSession> =>
    ory.gateway.session({ issuer: kratosIssuer }, {}, { providerSessionId });
  const sessionsEnded = (): string[] =>
    ory.asked.filter((line) => line.startsWith('DELETE /admin/sessions/')).toSorted();

  it('a recovery code is for the identity there that was used last, and is in the trail', async () => {
    const { user } = await ory.gateway.session({ issuer: kratosIssuer, subject: oryIds.stranger });
    const later = { user_id: user.id, created_at: Date.now(), last_login_at: Date.now() + 1000 };
    await rows.query
      .insertInto('identities')
      .values([
        { ...later, issuer: kratosIssuer, subject: oryIds.subject },
        {
          ...later,
          issuer: 'https://elsewhere.example.test',
          subject: 'x',
          last_login_at: later.last_login_at + 1,
        },
      ])
      .execute();
    const answer = await call('POST', `${user.id}/recovery`);
    expect([answer.status, answer.json()]).toMatchObject([201, { code: '123456' }]);
    expect(ory.asked.filter((line) => line.startsWith('POST /admin/recovery/'))).toEqual([
      `POST /admin/recovery/code {"identity_id":"${oryIds.subject}"}`,
    ]);
    expect(await rows.eventOf('recovery_code_created', user.id)).toMatchObject({
      actor_id: admin.user.id,
      actor_credential: 'cookie',
    });
  });

  it.each([
    ['a session that is ended', 'DELETE', '/sessions/SID'],
    ['all sessions that are ended', 'DELETE', '/sessions'],
    ['the session of who is disabled', 'POST', '/disable'],
    ['the session of who is deleted', 'DELETE', ''],
  ] as const)('%s: its login at Kratos is ended too', async (_what, method, path) => {
    const session = await somebody('session-there');
    const answer = await call(method, session.user.id + path.replace('SID', session.claims.sid));
    expect(answer.status).toBeLessThan(300);
    expect(sessionsEnded()).toEqual(['DELETE /admin/sessions/session-there']);
  });

  it('a Kratos that ends no login keeps nobody in', async () => {
    const session = await somebody('session-there');
    ory.say('DELETE /admin/sessions/session-there', 403);
    const lines = ory.gateway.log.length;
    expect((await call('DELETE', `${session.user.id}/sessions`)).json()).toEqual({ ended: 1 });
    const told = ory.gateway.log.slice(lines).filter((line) => line.includes('provider_logout_failed'));
    expect(told).toHaveLength(1);
  });
});
