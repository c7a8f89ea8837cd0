import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../test/support/fresh.database.js';
import { newIdentity, plainConfiguration } from '../../../test/support/gateway.js';
import { nestLogOf } from '../../../test/support/nest.log.js';
import { type RedisServer, startRedis } from '../../../test/support/redis.server.js';
import { waitUntil } from '../../../test/support/stack.js';
import { Clock } from '../../platform/time/clock.service.js';
import { newId } from '../../platform/core/identifier.js';
import type { DatabaseConnection } from '../../platform/database/database-connection.js';
import { RedisChannel } from '../../platform/pubsub/redis-channel.js';
import { NoReplicaChannel, type ReplicaChannel } from '../../platform/pubsub/replica-channel.js';
import { RequiredFactors } from '../../directory/users/required-factors.js';
import { UsersService } from '../../directory/users/users.service.js';
import { RevocationJanitor } from './revocation-janitor.js';
import { RevocationFeed } from './revocation-feed.js';
import { RevocationList, clockAllowance } from './revocation-list.js';
import { RevocationRepository } from './revocation.repository.js';
import { RevocationService } from './revocation.service.js';
import { SessionRepository } from '../store/session.repository.js';

const configuration = plainConfiguration();

// Losing and finding connections writes dozens of lines to the log.
Logger.overrideLogger(false);

/** The parts of one replica. */
interface Replica {
  readonly service: RevocationService;
  readonly feed: RevocationFeed;
  readonly list: RevocationList;
  readonly clock: Clock;
}

describe.each(databaseKinds)('revocations on %s', (kind) => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let replicas: Replica[];
  let channels: ReplicaChannel[];

  beforeEach(async () => {
    database = await migratedDatabase(kind, inject('postgresUrl'));
    connection = database.connect();
    replicas = [];
    channels = [];
  });

  afterEach(async () => {
    replicas.forEach(({ feed }) => feed.onModuleDestroy());
    await Promise.all(channels.map((channel) => channel.close()));
    await database?.drop();
  });

  async function replica(channel: ReplicaChannel = new NoReplicaChannel()): Promise<Replica> {
    const clock = new Clock();
    const list = new RevocationList(clock, configuration);
    const repository = new RevocationRepository(connection, clock);
    const feed = new RevocationFeed(list, repository, channel, clock);
    const sessions = new SessionRepository(connection, clock);
    const service = new RevocationService(sessions, repository, feed, clock, configuration);
    const made = { service, feed, list, clock };
    replicas.push(made);
    channels.push(channel);
    await feed.onModuleInit();
    return made;
  }

  async function endKey({ service }: Replica, id: string): Promise<void> {
    const end = service.endOfKey(id);
    await end.record(connection.query);
    end.announce();
  }

  async function session(): Promise<string> {
    const clock = new Clock();
    const { user } = await new UsersService(
      connection,
      clock,
      configuration,
      new RequiredFactors(),
    ).recordLogin(newIdentity());
    const id = newId();
    await new SessionRepository(connection, clock).insert({
      id,
      user_id: user.id,
      provider: 'ory',
      provider_session_id: null,
      oidc_sid: null,
      issuer: 'i',
      subject: 's',
      client_id: 'c',
      scope: '',
      amr: '',
      acr: null,
      claims: '{}',
      auth_time: 1,
      created_at: 1,
      renewed_at: 1,
      org_id: null,
      user_agent: null,
      remote_address: null,
      last_seen_at: 1,
      ended_at: null,
      end_reason: null,
    });
    return id;
  }

  it('an end holds at once where it is made, and on another replica within five seconds', async () => {
    const [one, other] = [await replica(), await replica()];
    const id = await session();
    await one.service.endSessions({ id }, 'logout');
    expect(one.list.isEnded(id)).toBe(true);
    await waitUntil(() => other.list.isEnded(id), 'the end to be picked up', 5000);
    expect(other.list.isEnded(id)).toBe(true);
  });

  it('an end that cannot be recorded is not in force, so that it can be asked for again, and is not lost', async () => {
    const one = await replica();
    const id = await session();
    await connection.query.schema.alterTable('revocations').renameTo('away').execute();
    await expect(one.service.endSessions({ id }, 'logout')).rejects.toThrow();
    expect(one.service.isSessionOver(id)).toBe(false);
    await connection.query.schema.alterTable('away').renameTo('revocations').execute();
    expect(await one.service.endSessions({ id }, 'logout')).toMatchObject([{ id }]);
    expect([one.service.isSessionOver(id), one.service.isSessionOver(newId())]).toEqual([true, false]);
  });

  it('an end that was recorded without an answer is in force here at the next attempt', async () => {
    const one = await replica();
    const id = await session();
    await new SessionRepository(connection, new Clock()).end({ id }, 'logout', Date.now());
    expect(await one.service.endSessions({ id }, 'logout')).toEqual([]);
    expect(one.service.isSessionOver(id)).toBe(true);
  });

  it('an end whose commit became visible so late that no reading covers it is known everywhere after the next attempt', async () => {
    const [one, other] = [await replica(), await replica()];
    const id = await session();
    const early = new Clock();
    early.now = () => Date.now() - 150_000;
    await new SessionRepository(connection, early).end({ id }, 'logout', Date.now() + 600_000);
    await other.feed.refresh();
    expect(other.list.isEnded(id)).toBe(false);
    expect(await one.service.endSessions({ id }, 'logout')).toEqual([]);
    await other.feed.refresh();
    expect([one.list.isEnded(id), other.list.isEnded(id)]).toEqual([true, true]);
  });

  it('all sessions of one identity end at once, and nothing else does', async () => {
    const one = await replica();
    const ids = [await session(), await session()].sort();
    const ended = await one.service.endSessions({ issuer: 'i', subject: 's' }, 'disabled');
    expect(ended.map(({ id }) => id).sort()).toEqual(ids);
    expect([one.list.size, ...ids.map((id) => one.list.isEnded(id))]).toEqual([2, true, true]);
  });

  it('each is in force here at once, and recorded for as long as it can matter', async () => {
    const one = await replica();
    const now = Date.now();
    one.clock.now = () => now;
    const token = { sid: newId(now), sub: newId(now), jti: newId(now - 1), client_id: 'vestibule' };
    const before = now - 60_000;
    const [id, key] = [await session(), newId(now)];
    await one.service.endSessions({ id }, 'logout');
    await one.service.invalidate('user', token.sub);
    await endKey(one, key);
    await one.service.endEverythingBefore(before);
    expect([one.list.isEnded(id), one.list.verdict(token), one.list.isEnded(key)]).toEqual([
      true,
      'outdated',
      true,
    ]);
    expect([before - 1, before].map((began) => one.list.isSessionOver(newId(began)))).toEqual([true, false]);
    const rows = await connection.query.selectFrom('revocations').select(['id', 'expires_at']).execute();
    const lifeOfTokens = configuration.TOKEN_TTL * 1000 + clockAllowance;
    expect(Object.fromEntries(rows.map((row) => [row.id, row.expires_at]))).toEqual({
      [id]: now + lifeOfTokens,
      [token.sub]: now + lifeOfTokens,
      [key]: now + lifeOfTokens,
      '*': before + configuration.SESSION_MAX_TTL * 1000 + clockAllowance,
    });
  });

  it('also when the clocks of the two are a minute apart, either way', async () => {
    const [slow, fast] = [await replica(), await replica()];
    slow.clock.now = () => Date.now() - 30_000;
    fast.clock.now = () => Date.now() + 30_000;
    const [first, second] = [await session(), await session()];
    await slow.service.endSessions({ id: first }, 'logout');
    await fast.service.endSessions({ id: second }, 'logout');
    await waitUntil(() => fast.list.isEnded(first), 'the end of the slow one', 5000);
    await waitUntil(() => slow.list.isEnded(second), 'the end of the fast one', 5000);
    expect([fast.list.isEnded(first), slow.list.isEnded(second)]).toEqual([true, true]);
  });

  it('a replica that starts later knows what can still matter, and nothing that cannot', async () => {
    const one = await replica();
    const [recent, old] = [await session(), await session()];
    await one.service.endSessions({ id: recent }, 'logout');
    one.clock.now = () => Date.now() - configuration.TOKEN_TTL * 1000 - clockAllowance - 1000;
    await one.service.endSessions({ id: old }, 'logout');
    const later = await replica();
    expect([later.list.isEnded(recent), later.list.isEnded(old)]).toEqual([true, false]);
    await new RevocationRepository(connection, new Clock()).purge(Number.MAX_SAFE_INTEGER);
    const left = await connection.query.selectFrom('revocations').select('id').execute();
    expect(left.map(({ id }) => id)).toEqual([recent]);
  });

  it('users, organisations, keys, and everything before a moment go the same way', async () => {
    const [one, other] = [await replica(), await replica()];
    const now = Date.now();
    const token = (): Parameters<RevocationList['verdict']>[0] & { org: { id: string } } => ({
      sid: newId(now),
      sub: newId(now),
      jti: newId(now - 5),
      client_id: 'vestibule',
      org: { id: newId(now), slug: 'o', role: 'member' },
    });
    const [ofUser, ofOrg] = [token(), token()];
    const key = newId();
    await one.service.invalidate('user', ofUser.sub);
    await one.service.invalidate('org', ofOrg.org.id);
    await endKey(one, key);
    await one.service.endEverythingBefore(now - 1000);
    await other.feed.refresh();
    expect([other.list.verdict(ofUser), other.list.verdict(ofOrg), other.list.isEnded(key)]).toEqual([
      'outdated',
      'outdated',
      true,
    ]);
    expect(other.list.verdict({ ...token(), sid: newId(now - 1001) })).toBe('ended');
    expect(other.list.verdict(token())).toBe('live');
  });

  it('a change makes tokens outdated by its own transaction, and one that fails makes none', async () => {
    const [one, other] = [await replica(), await replica()];
    const now = Date.now();
    const [changed, refused] = [newId(now), newId(now)];
    const change = async (sub: string, act: () => void): Promise<string> =>
      one.service.invalidateBy('user', sub, async (part) =>
        connection.query.transaction().execute(async (transaction) => {
          await part(transaction);
          act();
          return 'done';
        }),
      );
    const fail = (): never => {
      throw new Error('refused');
    };
    expect(await change(changed, () => undefined)).toBe('done');
    await expect(change(refused, fail)).rejects.toThrow('refused');
    await other.feed.refresh();
    const verdicts = [one, other].map(({ list }) =>
      [changed, refused].map((sub) =>
        list.verdict({ sid: newId(now), sub, jti: newId(now - 5), client_id: 'vestibule' }),
      ),
    );
    expect(verdicts).toEqual([
      ['outdated', 'live'],
      ['outdated', 'live'],
    ]);
  });

  it('a database that cannot be read: what is known holds, the feed says so, and recovers', async () => {
    const one = await replica();
    const id = await session();
    await one.service.endSessions({ id }, 'logout');
    await connection.query.schema.alterTable('revocations').renameTo('away').execute();
    await one.feed.refresh();
    const shifted = Date.now;
    one.clock.now = () => shifted() + 11_000;
    expect([one.list.isEnded(id), one.feed.state()]).toEqual([true, 'database_unreachable']);
    await connection.query.schema.alterTable('away').renameTo('revocations').execute();
    await one.feed.refresh();
    expect(one.feed.state()).toBe('up');
  });

  it('the feed counts what is revoked here, by its kind', async () => {
    const [one, other] = [await replica(), await replica()];
    await one.service.endSessions({ id: await session() }, 'logout');
    await one.service.endSessions({ id: await session() }, 'logout');
    await one.service.endSessions({ id: newId() }, 'logout');
    await one.service.invalidate('user', newId());
    expect(Object.fromEntries(one.feed.announced)).toEqual({ session: 2, user: 1 });
    await other.feed.refresh();
    expect(other.feed.announced.size).toBe(0);
  });

  it('the feed counts as behind when nothing was read for more than ten seconds', async () => {
    const one = await replica();
    const now = Date.now();
    one.clock.now = () => now;
    await one.feed.refresh();
    const states = [10_000, 10_001].map((later) => {
      one.clock.now = () => now + later;
      return one.feed.state();
    });
    expect(states).toEqual(['up', 'database_unreachable']);
  });

  describe('as time goes by', () => {
    const poll = 2000;

    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    });

    afterEach(() => {
      vi.useRealTimers();
    });

    const recorded = async (): Promise<string[]> =>
      (await connection.query.selectFrom('revocations').select('id').execute()).map(({ id }) => id);

    it('what was recorded while nothing could be read is read afterwards, however long that was', async () => {
      const [one, other] = [await replica(), await replica()];
      const id = await session();
      await one.service.endSessions({ id }, 'logout');
      other.clock.now = () => Date.now() + 600_000;
      vi.advanceTimersByTime(poll);
      await waitUntil(() => other.list.isEnded(id), 'the end to be read');
      expect(other.feed.state()).toBe('up');
    });

    it('what cannot matter any more is removed every five minutes by a gateway, and by nobody who only reads', async () => {
      const one = await replica();
      const id = newId();
      await endKey(one, id);
      one.clock.now = () => Date.now() + configuration.TOKEN_TTL * 1000 + clockAllowance + 1000;
      vi.advanceTimersByTime(300_000);
      await one.feed.refresh();
      expect(await recorded()).toEqual([id]);
      const janitor = new RevocationJanitor(one.feed);
      janitor.onModuleInit();
      vi.advanceTimersByTime(300_000);
      await waitUntil(async () => (await recorded()).length === 0, 'the removal');
      expect(vi.getTimerCount()).toBe(2);
      janitor.onModuleDestroy();
      one.feed.onModuleDestroy();
      expect(vi.getTimerCount()).toBe(0);
    });

    it('says in the log when revocations can be neither read nor removed', async () => {
      const { feed } = await replica();
      const janitor = new RevocationJanitor(feed);
      janitor.onModuleInit();
      const told = await nestLogOf('warn', async (lines) => {
        await connection.query.schema.alterTable('revocations').renameTo('away').execute();
        vi.advanceTimersByTime(300_000);
        const isTold = (reason: string) => (): boolean => lines.join('').includes(`"reason":"${reason}"`);
        await waitUntil(isTold('revocation_feed_down'), 'the reading');
        await waitUntil(isTold('revocation_purge_failed'), 'the removal');
      });
      janitor.onModuleDestroy();
      expect(told.join('')).toContain('revocations');
    });

    it('each kind is heard from another replica, and what was missed is read when the channel is back', async () => {
      const redis = await startRedis(inject('redisServerPath'));
      try {
        const [one, other] = [
          await replica(new RedisChannel(redis.settings, 'a')),
          await replica(new RedisChannel(redis.settings, 'a')),
        ];
        const areAll = (wanted: string) => (): boolean => channels.every(({ state }) => state === wanted);
        await waitUntil(areAll('connected'), 'the channel');
        const now = Date.now();
        const [sid, key, missed] = [await session(), newId(now), await session()];
        const token = { sid: newId(now), sub: newId(now), jti: newId(now - 1), client_id: 'vestibule' };
        const org = { id: newId(now), slug: 'o', role: 'member' } as const;
        await one.service.endSessions({ id: sid }, 'logout');
        await one.service.invalidate('user', token.sub);
        await one.service.invalidate('org', org.id);
        await endKey(one, key);
        await one.service.endEverythingBefore(now - 60_000);
        const isOver = (id: string) => (): boolean => other.list.isSessionOver(id);
        await waitUntil(isOver(newId(now - 60_001)), 'the last one to be heard', 5000);
        const outdated = [token, { ...token, sub: newId(now), org }].map((held) => other.list.verdict(held));
        expect([isOver(sid)(), isOver(key)(), ...outdated]).toEqual([true, true, 'outdated', 'outdated']);
        await redis.kill();
        await waitUntil(areAll('disconnected'), 'the loss to be seen');
        await other.feed.refresh();
        expect(other.feed.state()).toBe('redis_unreachable');
        await one.service.endSessions({ id: missed }, 'logout');
        expect(isOver(missed)()).toBe(false);
        await redis.start();
        await waitUntil(isOver(missed), 'the missed one to be read', 5000);
      } finally {
        await Promise.all(channels.map((channel) => channel.close()));
        await redis.remove();
      }
    });
  });

  describe('with Redis', () => {
    let redis: RedisServer;

    beforeEach(async () => {
      redis = await startRedis(inject('redisServerPath'));
    });

    afterEach(async () => {
      await redis?.remove();
    });

    const connected = async (...made: readonly Replica[]): Promise<void> =>
      waitUntil(() => made.every(({ feed }) => feed.state() === 'up'), 'Redis to be connected');

    it('an end is known on the other replica in under a second', async () => {
      const [one, other] = [
        await replica(new RedisChannel(redis.settings, 'a')),
        await replica(new RedisChannel(redis.settings, 'a')),
      ];
      await connected(one, other);
      const id = await session();
      await one.service.endSessions({ id }, 'logout');
      await waitUntil(() => other.list.isEnded(id), 'the end to be heard', 1000);
      expect(other.list.isEnded(id)).toBe(true);
    });

    it('a Redis that goes away: degraded, the end comes by SQL; when it is back, all is well again', async () => {
      const [one, other] = [
        await replica(new RedisChannel(redis.settings, 'a')),
        await replica(new RedisChannel(redis.settings, 'a')),
      ];
      await connected(one, other);
      await redis.kill();
      await waitUntil(() => other.feed.state() === 'redis_unreachable', 'the loss to be seen');
      const id = await session();
      await one.service.endSessions({ id }, 'logout');
      await waitUntil(() => other.list.isEnded(id), 'the end to be picked up', 5000);
      await redis.start();
      await connected(one, other);
      const next = await session();
      await one.service.endSessions({ id: next }, 'logout');
      await waitUntil(() => other.list.isEnded(next), 'the end to be heard', 1000);
      expect([other.list.isEnded(id), other.list.isEnded(next)]).toEqual([true, true]);
    });

    it('what cannot be read, and what another deployment says, changes nothing', async () => {
      const speaker = new RedisChannel(redis.settings, 'a');
      const stranger = new RedisChannel(redis.settings, 'b');
      const other = await replica(new RedisChannel(redis.settings, 'a'));
      channels.push(speaker, stranger);
      await connected(other);
      await waitUntil(() => speaker.state === 'connected' && stranger.state === 'connected', 'the speakers');
      const [foreign, last] = [newId(), newId()];
      const told = (id: string): unknown => ({
        id,
        kind: 'session',
        before: null,
        recorded_at: Date.now(),
        expires_at: Date.now() + 60_000,
      });
      stranger.publish('revocations', [told(foreign)]);
      for (const message of ['x', [{ id: '../' }], { __proto__: null }, [told('not-a-uuid')], null]) {
        speaker.publish('revocations', message);
      }
      speaker.publish('revocations', [told(last)]);
      await waitUntil(() => other.list.isEnded(last), 'the last message');
      expect(other.list.isEnded(foreign)).toBe(false);
    });
  });
});
