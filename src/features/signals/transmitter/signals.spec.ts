import { once } from 'node:events';
import { createServer } from 'node:http';
import { createVerifier } from '@vestibule-auth/verify';
import { SignJWT, createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { administratorAt } from '../../../../test/support/administrator.js';
import { exchange, makeKey, send, textOf } from '../../../../test/support/api.caller.js';
import { databaseKinds } from '../../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../../test/support/fresh.database.js';
import {
  type Gateway,
  type GatewayAnswer,
  type HeldSession,
  expectProblem,
  newSecret,
  startGateway,
} from '../../../../test/support/gateway.js';
import { type SignalReceiver, startSignalReceiver } from '../../../../test/support/signal.receiver.js';
import { waitUntil } from '../../../../test/support/stack.js';
import { newId } from '../../../platform/core/identifier.js';
import { SignalDatabase } from '../signal.schema.js';
import { RevocationFeed } from '../../../session/revocation/revocation-feed.js';
import { RevocationService } from '../../../session/revocation/revocation.service.js';
import { exchangeGrantType, tokenTypes } from '../../../session/tokens/token-types.js';
import { SignalKeys } from './signal-keys.js';
import { deliveryMethods, eventTypes, verificationType } from './signal.schemas.js';

/** Claims of an event, without what is different each time. */
function contentOf(token: string): { type: string; subject: unknown; claims: Record<string, unknown> } {
  const { sub_id: subject, events } = decodeJwt<{
    sub_id: unknown;
    events: Record<string, Record<string, unknown>>;
  }>(token);
  const [[type = '', claims = {}] = []] = Object.entries(events);
  return { type, subject, claims };
}

/** A public RSA key of the set. */
const rsaJwk = { kty: 'RSA', alg: 'RS256', use: 'sig', e: 'AQAB', n: expect.any(String) };

describe.each(databaseKinds)('streams of security events on %s', (kind) => {
  let database: FreshDatabase;
  let receiver: SignalReceiver;
  let gateway: Gateway;
  /** Another replica, where the database can serve two. */
  let replica: Gateway;
  let administrator: HeldSession;
  let key: { id: string; key: string };
  let as: Record<string, string>;
  let env: Record<string, string>;

  beforeAll(async () => {
    database = await migratedDatabase(kind, inject('postgresUrl'));
    receiver = await startSignalReceiver();
    env = {
      DATABASE_URL: database.url,
      SECRETS: newSecret(),
      SIGNAL_PUSH_HOSTS: receiver.host,
    };
    gateway = await startGateway(env);
    replica = kind === 'postgres' ? await startGateway(env) : gateway;
    administrator = await administratorAt(gateway);
  });

  afterAll(async () => {
    await replica?.stop();
    if (replica !== gateway) {
      await gateway?.stop();
    }
    await receiver?.close();
    await database?.drop();
  });

  beforeEach(async () => {
    key = await makeKey(gateway, { authorization: administrator.bearer }, { scope: 'revocations:read' });
    as = { 'x-api-key': key.key };
  });

  afterEach(async () => {
    // A stream that is left over would be pushed to.
    await gateway.app.get(SignalDatabase, { strict: false }).query.deleteFrom('signal_streams').execute();
    receiver.received.length = 0;
    receiver.answers.length = 0;
    receiver.refusal = undefined;
  });

  const json = (answer: GatewayAnswer): Record<string, unknown> => JSON.parse(answer.text);

  async function create(body: object = {}): Promise<string> {
    const answer = await send(gateway, 'POST', '/ssf/streams', as, body);
    expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
    return String(json(answer)['stream_id']);
  }

  /** A stream that has received everything of before. */
  async function push(body: object = {}): Promise<string> {
    const delivery = { method: deliveryMethods.push, endpoint_url: receiver.url, ...body };
    const id = await create({ delivery, events_requested: [] });
    const { query } = gateway.app.get(SignalDatabase, { strict: false });
    await query.updateTable('signal_streams').set({ settled_at: Date.now() }).where('id', '=', id).execute();
    const answer = await send(gateway, 'PATCH', '/ssf/streams', as, {
      stream_id: id,
      events_requested: Object.values(eventTypes),
    });
    expect(answer.status).toBe(200);
    return id;
  }

  async function poll(
    id: string,
    body: object = {},
    at: Gateway = gateway,
  ): Promise<{ sets: Record<string, string>; moreAvailable: boolean }> {
    const answer = await send(at, 'POST', `/ssf/poll/${id}`, as, { returnImmediately: true, ...body });
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
    return JSON.parse(answer.text);
  }

  /** The event about a session that a poll has. */
  const about = (sets: Record<string, string>, sid: string): [string, string] | undefined =>
    Object.entries(sets).find(([, token]) => JSON.stringify(contentOf(token).subject).includes(sid));

  const logOut = async ({ cookie }: HeldSession, at: Gateway = gateway): Promise<void> => {
    const { status } = await at.request('/auth/logout', {
      method: 'POST',
      headers: { cookie, origin: at.configuration.PUBLIC_URL },
    });
    expect(status).toBe(200);
  };

  /** Makes an end ten minutes old, so that no token of its session could be live. */
  async function age({ claims }: HeldSession): Promise<void> {
    await gateway.app
      .get(SignalDatabase, { strict: false })
      .query.updateTable('revocations')
      .set({ recorded_at: Date.now() - 600_000, expires_at: Date.now() - 1 })
      .where('id', '=', claims.sid)
      .execute();
  }

  /** Acknowledges everything there is. */
  async function drain(id: string): Promise<void> {
    const { sets } = await poll(id, { maxEvents: 1000 });
    await poll(id, { maxEvents: 0, ack: Object.keys(sets) });
  }

  describe('management', () => {
    it('the metadata names all endpoints', async () => {
      const { PUBLIC_URL } = gateway.configuration;
      const answer = await gateway.request('/.well-known/ssf-configuration');
      expect(json(answer)).toMatchObject({
        spec_version: '1_0',
        issuer: PUBLIC_URL,
        jwks_uri: `${PUBLIC_URL}/.well-known/jwks.json`,
        delivery_methods_supported: ['urn:ietf:rfc:8935', 'urn:ietf:rfc:8936'],
        configuration_endpoint: `${PUBLIC_URL}/ssf/streams`,
        status_endpoint: `${PUBLIC_URL}/ssf/status`,
        verification_endpoint: `${PUBLIC_URL}/ssf/verify`,
      });
    });

    it('a stream is created, read, changed, replaced and deleted', async () => {
      const { PUBLIC_URL } = gateway.configuration;
      const id = await create({
        events_requested: [eventTypes.sessionRevoked, 'https://x.test/unknown'],
        description: 'One',
      });
      const expected = {
        stream_id: id,
        iss: PUBLIC_URL,
        aud: `${PUBLIC_URL}/ssf/streams/${id}`,
        delivery: { method: deliveryMethods.poll, endpoint_url: `${PUBLIC_URL}/ssf/poll/${id}` },
        events_supported: Object.values(eventTypes),
        events_requested: [eventTypes.sessionRevoked, 'https://x.test/unknown'],
        events_delivered: [eventTypes.sessionRevoked],
        description: 'One',
      };
      const read = await gateway.request(`/ssf/streams?stream_id=${id}`, { headers: as });
      expect(json(read)).toMatchObject(expected);
      expect(json(await gateway.request('/ssf/streams', { headers: as }))).toMatchObject([expected]);
      const changed = await send(gateway, 'PATCH', '/ssf/streams', as, { stream_id: id, description: 'Two' });
      expect(json(changed)).toMatchObject({ ...expected, description: 'Two' });
      const replaced = await gateway.request('/ssf/streams', {
        method: 'PUT',
        headers: { ...as, 'content-type': 'application/json' },
        body: JSON.stringify({ stream_id: id }),
      });
      expect(json(replaced)).toMatchObject({ events_requested: Object.values(eventTypes) });
      expect(json(replaced)).not.toHaveProperty('description');
      const deleted = await gateway.request(`/ssf/streams?stream_id=${id}`, {
        method: 'DELETE',
        headers: as,
      });
      expect(deleted.status).toBe(204);
      expectProblem(await gateway.request(`/ssf/streams?stream_id=${id}`, { headers: as }), 404, 'not_found');
    });

    it('is for services: no session, no other role, no other scope, no other owner', async () => {
      const id = await create();
      const someone = await gateway.session();
      const other = await administratorAt(gateway);
      const keyOf = async ({ bearer }: HeldSession, scope: string): Promise<Record<string, string>> => ({
        'x-api-key': (await makeKey(gateway, { authorization: bearer }, { scope })).key,
      });
      const callers = [
        [{}, 401],
        [{ authorization: administrator.bearer }, 403],
        [{ authorization: someone.bearer }, 403],
        [await keyOf(someone, 'revocations:read'), 403],
        [await keyOf(administrator, 'profile:read'), 403],
        [await keyOf(other, 'revocations:read'), 404],
      ] as const;
      for (const [headers, status] of callers) {
        const statuses = [
          await gateway.request(`/ssf/streams?stream_id=${id}`, { headers }),
          await gateway.request(`/ssf/status?stream_id=${id}`, { headers }),
          await send(gateway, 'PATCH', '/ssf/streams', headers, { stream_id: id, description: 'Mine' }),
          await send(gateway, 'POST', '/ssf/status', headers, { stream_id: id, status: 'disabled' }),
          await send(gateway, 'POST', '/ssf/verify', headers, { stream_id: id }),
          await send(gateway, 'POST', `/ssf/poll/${id}`, headers, { returnImmediately: true }),
          await gateway.request(`/ssf/streams?stream_id=${id}`, { method: 'DELETE', headers }),
        ].map((answer) => answer.status);
        expect(new Set(statuses)).toEqual(new Set([status]));
      }
      expect(json(await gateway.request(`/ssf/status?stream_id=${id}`, { headers: as }))).toEqual({
        stream_id: id,
        status: 'enabled',
      });
    });

    it('an administrator who is demoted has no streams any more, although their key says otherwise', async () => {
      const id = await push();
      const { query } = gateway.app.get(SignalDatabase, { strict: false });
      const demote = async (role: 'admin' | 'user'): Promise<void> => {
        await query.updateTable('users').set({ role }).where('id', '=', administrator.user.id).execute();
      };
      await demote('user');
      await logOut(await gateway.session());
      await waitUntil(async () => {
        const row = await query
          .selectFrom('signal_streams')
          .selectAll()
          .where('id', '=', id)
          .executeTakeFirst();
        return row?.status === 'disabled';
      }, 'the stream to be disabled');
      expect(receiver.received).toEqual([]);
      expect((await gateway.request('/ssf/streams', { headers: as })).status).toBe(403);
      await demote('admin');
    });

    it('takes no text that the database can not hold', async () => {
      const id = await create();
      const endpoint_url = 'https://siem.example.org/\0';
      const answers = [
        await gateway.request('/ssf/streams?stream_id=%00', { headers: as }),
        await gateway.request('/ssf/status?stream_id=%00', { headers: as }),
        await gateway.request('/ssf/streams?stream_id=%00', { method: 'DELETE', headers: as }),
        await send(gateway, 'PATCH', '/ssf/streams', as, { stream_id: '\0' }),
        await send(gateway, 'POST', '/ssf/streams', as, { description: '\0' }),
        await send(gateway, 'POST', '/ssf/streams', as, { events_requested: ['\0'] }),
        await send(gateway, 'POST', '/ssf/streams', as, {
          delivery: { method: deliveryMethods.push, endpoint_url },
        }),
        await send(gateway, 'POST', '/ssf/status', as, { stream_id: id, status: 'paused', reason: '\0' }),
        await send(gateway, 'POST', '/ssf/verify', as, { stream_id: id, state: '\0' }),
      ];
      expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 400, 400, 400, 400, 400]);
    });

    it('takes no token that was made from an API key: a stream would outlive it', async () => {
      const exchanged = await exchange(gateway, {
        grant_type: exchangeGrantType,
        subject_token_type: tokenTypes.apiKey,
        subject_token: key.key,
      });
      const bearer = { authorization: `Bearer ${textOf(exchanged, 'access_token')}` };
      expectProblem(await send(gateway, 'POST', '/ssf/streams', bearer, {}), 403, 'forbidden');
      const direct = { authorization: `Bearer ${key.key}` };
      expect((await send(gateway, 'POST', '/ssf/streams', direct, {})).status).toBe(201);
    });

    it('an owner has at most twenty', async () => {
      for (let count = 0; count < 20; count += 1) {
        await create();
      }
      expectProblem(await send(gateway, 'POST', '/ssf/streams', as, {}), 409, 'conflict');
    });

    it('nothing is pushed to a private address, without TLS, or to what is no address', async () => {
      const id = await create();
      for (const url of [
        'http://siem.example.org/events',
        'https://localhost/events',
        'https://127.0.0.1/events',
        'https://127.1/events',
        'https://2130706433/events',
        'https://0x7f.1/events',
        'https://10.0.0.1/events',
        'https://100.64.0.1/events',
        'https://169.254.169.254/latest/meta-data',
        'https://192.168.1.1/events',
        'https://0.0.0.0/events',
        'https://[::1]/events',
        'https://[::]/events',
        'https://[::ffff:127.0.0.1]/events',
        'https://[64:ff9b::7f00:1]/events',
        'https://[fd00:ec2::254]/events',
        'https://[fe80::1]/events',
        'https://224.0.0.1/events',
        'https://[::127.0.0.1]/events',
        'https://[4000::1]/events',
        'https://168.63.129.16/events',
        'https://user:secret@siem.example.org/events',
        'ftp://siem.example.org/events',
        'file:///etc/passwd',
        'javascript:alert(1)',
      ]) {
        const delivery = { method: deliveryMethods.push, endpoint_url: url };
        const answers = [
          await send(gateway, 'POST', '/ssf/streams', as, { delivery }),
          await send(gateway, 'PATCH', '/ssf/streams', as, { stream_id: id, delivery }),
        ];
        const refusals = answers.map(({ status, text }) => [
          url,
          status,
          text.includes('"code":"validation_failed"'),
        ]);
        expect(refusals).toEqual([
          [url, 400, true],
          [url, 400, true],
        ]);
      }
    });

    it('does not show the secret of a receiver, nor keep it for another address', async () => {
      const id = await push({ authorization_header: 'Bearer the-secret' });
      const read = await gateway.request(`/ssf/streams?stream_id=${id}`, { headers: as });
      expect(read.text).not.toContain('the-secret');
      const { query } = gateway.app.get(SignalDatabase, { strict: false });
      const rows = async (): Promise<string> =>
        JSON.stringify(await query.selectFrom('signal_streams').selectAll().execute());
      expect(await rows()).not.toContain('the-secret');
      const elsewhere = { method: deliveryMethods.push, endpoint_url: `${receiver.url}/elsewhere` };
      await send(gateway, 'PATCH', '/ssf/streams', as, { stream_id: id, delivery: elsewhere });
      await logOut(await gateway.session());
      await waitUntil(async () => receiver.received.length > 0, 'the event');
      expect(receiver.received[0]?.headers.authorization).toBeUndefined();
    });
  });

  it('the key that signs events signs no token: neither the gateway nor a service takes one', async () => {
    await create();
    const { kid, alg, key: rsa } = gateway.app.get(SignalKeys, { strict: false }).signing();
    const jwks = (await gateway.request('/.well-known/jwks.json')).text;
    expect(JSON.parse(jwks)).toMatchObject({ keys: expect.arrayContaining([{ ...rsaJwk, kid }]) });
    const held = await gateway.session();
    const { PUBLIC_URL } = gateway.configuration;
    const service = createVerifier({
      issuer: PUBLIC_URL,
      audience: PUBLIC_URL,
      fetch: async () => new Response(jwks),
    });
    expect((await service.verify(held.token)).sub).toBe(held.user.id);
    const forged = await new SignJWT({ ...held.claims })
      .setProtectedHeader({ alg, kid, typ: 'at+jwt' })
      .sign(rsa);
    const statuses = await Promise.all(
      [
        { authorization: `Bearer ${forged}` },
        { cookie: `${gateway.cookieName}=${gateway.seal(forged)}` },
        { authorization: held.bearer },
      ].map(async (headers) => (await gateway.request('/api/v1/me', { headers })).status),
    );
    expect(statuses).toEqual([401, 401, 200]);
    await expect(service.verify(forged)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  describe('by poll', () => {
    it('a logout is an event, signed with RS256, that comes until it is acknowledged', async () => {
      const id = await create();
      await drain(id);
      const session = await gateway.session();
      await logOut(session);
      const { sets } = await poll(id);
      const [jti = '', token = ''] = about(sets, session.claims.sid) ?? [];
      const keys = createLocalJWKSet(JSON.parse((await gateway.request('/.well-known/jwks.json')).text));
      const { PUBLIC_URL } = gateway.configuration;
      const { payload } = await jwtVerify(token, keys, {
        issuer: PUBLIC_URL,
        audience: `${PUBLIC_URL}/ssf/streams/${id}`,
        typ: 'secevent+jwt',
        algorithms: ['RS256'],
      });
      expect(payload.jti).toBe(jti);
      expect(Object.keys(payload).toSorted()).toEqual([
        'aud',
        'events',
        'iat',
        'iss',
        'jti',
        'sub_id',
        'txn',
      ]);
      expect(contentOf(token)).toEqual({
        type: eventTypes.sessionRevoked,
        subject: {
          format: 'complex',
          user: { format: 'iss_sub', iss: PUBLIC_URL, sub: session.user.id },
          session: { format: 'opaque', id: session.claims.sid },
        },
        claims: {
          event_timestamp: expect.any(Number),
          initiating_entity: 'user',
          reason_admin: { en: 'The session has ended.' },
        },
      });
      expect(Object.keys((await poll(id)).sets)).toEqual([jti]);
      expect((await poll(id, { ack: [jti, 'made-up', `${newId()}.x`, ''] })).sets).toEqual({});
      expect((await poll(id)).sets).toEqual({});
    });

    it('a changed user, an ended key and the end of everything are events', async () => {
      const id = await create();
      await drain(id);
      const { PUBLIC_URL } = gateway.configuration;
      const held = await gateway.session();
      const made = await makeKey(gateway, { authorization: held.bearer });
      await send(gateway, 'DELETE', `/api/v1/api-keys/${made.id}`, { authorization: held.bearer });
      const service = gateway.app.get(RevocationService, { strict: false });
      const orgId = newId();
      await service.invalidate('user', held.user.id);
      await service.invalidate('org', orgId);
      // Long ago: nothing that the other tests hold ends.
      await service.endEverythingBefore(1_000_000_000_000);
      const { sets } = await poll(id);
      const time = expect.any(Number);
      const user = { format: 'iss_sub', iss: PUBLIC_URL, sub: held.user.id };
      const reasoned = (en: string): object => ({ event_timestamp: time, reason_admin: { en } });
      const changed = { claims: { updated_at: time } };
      const contents = Object.values(sets).map(contentOf);
      expect(contents).toHaveLength(4);
      expect(contents).toEqual(
        expect.arrayContaining([
          {
            type: eventTypes.credentialChange,
            subject: { format: 'complex', user, session: { format: 'opaque', id: made.id } },
            claims: {
              ...reasoned('The API key was revoked.'),
              credential_type: 'api-key',
              change_type: 'revoke',
            },
          },
          {
            type: eventTypes.tokenClaimsChange,
            subject: user,
            claims: { ...reasoned('The user was changed, disabled or deleted.'), ...changed },
          },
          {
            type: eventTypes.tokenClaimsChange,
            subject: { format: 'complex', tenant: { format: 'opaque', id: orgId } },
            claims: { ...reasoned('The organisation or its members were changed.'), ...changed },
          },
          {
            type: eventTypes.sessionRevoked,
            subject: { format: 'complex', tenant: { format: 'uri', uri: PUBLIC_URL } },
            claims: {
              ...reasoned('All sessions that had begun before were ended.'),
              event_timestamp: 1_000_000_000,
              initiating_entity: 'admin',
            },
          },
        ]),
      );
    });

    it('has only what was asked for, and no more at once than was asked for', async () => {
      const id = await create({ events_requested: [eventTypes.sessionRevoked] });
      await drain(id);
      const service = gateway.app.get(RevocationService, { strict: false });
      await service.invalidate('user', newId());
      for (let count = 0; count < 3; count += 1) {
        await logOut(await gateway.session());
      }
      const first = await poll(id, { maxEvents: 2 });
      expect([Object.keys(first.sets).length, first.moreAvailable]).toEqual([2, true]);
      const second = await poll(id, { maxEvents: 2, ack: Object.keys(first.sets) });
      expect([Object.keys(second.sets).length, second.moreAvailable]).toEqual([1, false]);
    });

    it('waits for an event, also for one that another replica makes', async () => {
      const id = await create();
      await drain(id);
      const session = await gateway.session();
      const waiting = poll(id, { returnImmediately: false });
      await logOut(session, replica);
      expect(about((await waiting).sets, session.claims.sid)).toBeDefined();
    });

    it('waits no longer than its API key is live', async () => {
      const id = await create();
      await drain(id);
      const waiting = send(gateway, 'POST', `/ssf/poll/${id}`, as, {});
      await send(gateway, 'DELETE', `/api/v1/api-keys/${key.id}`, { authorization: administrator.bearer });
      expectProblem(await waiting, 401, 'unauthenticated');
    });

    it('tells an API key that another replica has just ended of nothing', async () => {
      const id = await create();
      await drain(id);
      await send(replica, 'DELETE', `/api/v1/api-keys/${key.id}`, { authorization: administrator.bearer });
      expectProblem(await send(gateway, 'POST', `/ssf/poll/${id}`, as, {}), 401, 'unauthenticated');
    });

    it('a stream has one poll that waits: an earlier one is answered', async () => {
      const id = await create();
      await drain(id);
      const [first, second] = [
        poll(id, { returnImmediately: false }),
        poll(id, { returnImmediately: false }),
      ];
      const early = await Promise.race([first, second]);
      expect(early.sets).toEqual({});
      const session = await gateway.session();
      await logOut(session);
      const answers = await Promise.all([first, second]);
      expect(answers.filter(({ sets }) => about(sets, session.claims.sid) !== undefined)).toHaveLength(1);
    });

    it('acknowledgements of what never was are not kept', async () => {
      const id = await create();
      await drain(id);
      const { query } = gateway.app.get(SignalDatabase, { strict: false });
      const receipts = async (): Promise<number> =>
        (await query.selectFrom('signal_receipts').selectAll().execute()).length;
      const before = await receipts();
      await poll(id, { ack: Array.from({ length: 500 }, () => `${id}.${newId()}.9999999999999`) });
      expect(await receipts()).toBe(before);
    });

    it('what one replica was told, another knows', async () => {
      const id = await create();
      await drain(id);
      await logOut(await gateway.session());
      const { sets } = await poll(id);
      await poll(id, { ack: Object.keys(sets) }, replica);
      expect((await poll(id)).sets).toEqual({});
    });

    it('a paused stream keeps its events, a disabled one does not', async () => {
      const id = await create();
      await drain(id);
      const set = async (status: string): Promise<void> => {
        const answer = await send(gateway, 'POST', '/ssf/status', as, {
          stream_id: id,
          status,
          reason: 'a test',
        });
        expect(json(answer)).toEqual({ stream_id: id, status, reason: 'a test' });
      };
      await set('paused');
      const kept = await gateway.session();
      await logOut(kept);
      expect((await poll(id)).sets).toEqual({});
      await set('enabled');
      expect(about((await poll(id)).sets, kept.claims.sid)).toBeDefined();
      await set('disabled');
      await age(kept);
      await set('enabled');
      expect(about((await poll(id)).sets, kept.claims.sid)).toBeUndefined();
    });

    it('events stay after their tokens have expired, until they are received', async () => {
      const id = await create();
      const session = await gateway.session();
      await logOut(session);
      const purge = async (): Promise<void> => gateway.app.get(RevocationFeed, { strict: false }).purge();
      await age(session);
      const { query } = gateway.app.get(SignalDatabase, { strict: false });
      await query.updateTable('signal_streams').set({ settled_at: 1 }).where('id', '=', id).execute();
      await purge();
      const { sets } = await poll(id, { maxEvents: 1000 });
      expect(about(sets, session.claims.sid)).toBeDefined();
      await poll(id, { ack: Object.keys(sets) });
      await purge();
      expect(
        await query.selectFrom('revocations').selectAll().where('id', '=', session.claims.sid).execute(),
      ).toEqual([]);
    });

    it('a verification event comes with its state, once, and not too often', async () => {
      const id = await create();
      await drain(id);
      const verify = async (): Promise<GatewayAnswer> =>
        send(gateway, 'POST', '/ssf/verify', as, { stream_id: id, state: 'the state' });
      expect((await verify()).status).toBe(204);
      expectProblem(await verify(), 429, 'rate_limited');
      const { sets } = await poll(id);
      expect(Object.values(sets).map(contentOf)).toEqual([
        { type: verificationType, subject: { format: 'opaque', id }, claims: { state: 'the state' } },
      ]);
      expect((await poll(id, { ack: Object.keys(sets) })).sets).toEqual({});
    });

    it('what a receiver reports as unreadable is not sent again', async () => {
      const id = await create();
      await drain(id);
      await logOut(await gateway.session());
      const [jti = ''] = Object.keys((await poll(id)).sets);
      const setErrs = { [jti]: { err: 'invalid_request', description: 'no' } };
      expect((await poll(id, { setErrs })).sets).toEqual({});
    });
  });

  describe('by push', () => {
    it('a logout is sent within a second, with the receiver’s secret, and again with the same id until it is received', async () => {
      await push({ authorization_header: 'Bearer the-secret' });
      receiver.answers.push(503, 302);
      const session = await gateway.session();
      await logOut(session);
      await waitUntil(async () => receiver.received.length === 3, 'three attempts');
      const [first, second, third] = receiver.received;
      expect(first?.headers).toMatchObject({
        'content-type': 'application/secevent+jwt',
        accept: 'application/json',
        authorization: 'Bearer the-secret',
      });
      const ids = [first, second, third].map((event) => decodeJwt(event?.token ?? '').jti);
      expect(new Set(ids).size).toBe(1);
      expect(JSON.stringify(contentOf(first?.token ?? '').subject)).toContain(session.claims.sid);
    });

    it('goes to each of many receivers although one of them does not answer', async () => {
      const stuck = createServer(() => undefined);
      stuck.listen(0, '127.0.0.1');
      await once(stuck, 'listening');
      const { query } = gateway.app.get(SignalDatabase, { strict: false });
      const id = await push();
      const address = stuck.address();
      const port = typeof address === 'object' ? address?.port : 0;
      await push();
      await query
        .updateTable('signal_streams')
        .set({ endpoint_url: receiver.url.replace(/:\d+\//, `:${port}/`) })
        .where('id', '=', id)
        .execute();
      const session = await gateway.session();
      await logOut(session);
      await waitUntil(async () => receiver.received.length > 0, 'the event at the other receiver');
      expect(JSON.stringify(receiver.received.map(({ token }) => contentOf(token)))).toContain(
        session.claims.sid,
      );
      stuck.closeAllConnections();
      stuck.close();
    });

    it('an end that another replica makes is sent once', async () => {
      await push();
      const session = await gateway.session();
      await logOut(session, replica);
      await waitUntil(async () => receiver.received.length > 0, 'the event');
      const next = await gateway.session();
      await logOut(next, gateway);
      await waitUntil(
        async () =>
          receiver.received.some(({ token }) => JSON.stringify(contentOf(token)).includes(next.claims.sid)),
        'the next event',
      );
      const ids = receiver.received.map(({ token }) => decodeJwt(token).jti);
      expect(new Set(ids).size).toBe(ids.length);
    });

    it('repeats nothing of a receiver’s answer in the log but its error code', async () => {
      await push({ authorization_header: 'Bearer the-secret' });
      receiver.refusal = '{"err":"authentication_failed","description":"bad Bearer the-secret"}';
      await logOut(await gateway.session());
      // Either replica may push.
      const log = (): string[] => [...gateway.log, ...replica.log];
      await waitUntil(
        async () =>
          log().some((line) => line.includes('signal_refused') && line.includes('authentication_failed')),
        'the refusal in the log',
      );
      expect(log().filter((line) => line.includes('the-secret'))).toEqual([]);
    });

    it('goes on with no event after its API key was revoked, although several wait', async () => {
      await push();
      receiver.answers.push(503);
      for (let count = 0; count < 5; count += 1) {
        await logOut(await gateway.session());
      }
      await waitUntil(async () => receiver.received.length > 0, 'the first attempt');
      await send(gateway, 'DELETE', `/api/v1/api-keys/${key.id}`, { authorization: administrator.bearer });
      const { query } = gateway.app.get(SignalDatabase, { strict: false });
      const before = receiver.received.length;
      await waitUntil(async () => {
        const rows = await query.selectFrom('signal_streams').select('status').execute();
        return rows.every(({ status }) => status === 'disabled');
      }, 'the stream to be disabled');
      // One may have been on its way.
      expect(receiver.received.length - before).toBeLessThanOrEqual(1);
    });

    it('ends with the API key that made the stream', async () => {
      const id = await push();
      await send(gateway, 'DELETE', `/api/v1/api-keys/${key.id}`, { authorization: administrator.bearer });
      const { query } = gateway.app.get(SignalDatabase, { strict: false });
      await waitUntil(async () => {
        const row = await query
          .selectFrom('signal_streams')
          .selectAll()
          .where('id', '=', id)
          .executeTakeFirst();
        return row?.status === 'disabled' && row.reason === 'owner_not_authorized';
      }, 'the stream to be disabled');
      expect(receiver.received).toEqual([]);
    });

    it('a stream that no receiver reads is disabled after a week', async () => {
      const id = await create();
      const { query } = gateway.app.get(SignalDatabase, { strict: false });
      await query.updateTable('signal_streams').set({ settled_at: 1 }).where('id', '=', id).execute();
      const restarted = await startGateway(env);
      await waitUntil(async () => {
        const row = await query
          .selectFrom('signal_streams')
          .selectAll()
          .where('id', '=', id)
          .executeTakeFirst();
        return row?.reason === 'inactive';
      }, 'the stream to be disabled');
      await restarted.stop();
      expect(json(await gateway.request(`/ssf/status?stream_id=${id}`, { headers: as }))).toEqual({
        stream_id: id,
        status: 'disabled',
        reason: 'inactive',
      });
    });
  });
});
