import { Logger } from '@nestjs/common';
import { decodeProtectedHeader } from 'jose';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { recordStatements } from '../../../test/support/call.counter.js';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../test/support/fresh.database.js';
import { newSecret, plainConfiguration } from '../../../test/support/gateway.js';
import { nestLogOf } from '../../../test/support/nest.log.js';
import { type RedisServer, startRedis } from '../../../test/support/redis.server.js';
import { waitUntil } from '../../../test/support/stack.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Clock } from '../../platform/time/clock.service.js';
import { newId } from '../../platform/core/identifier.js';
import type { DatabaseConnection } from '../../platform/database/database-connection.js';
import type { KeyState } from '../../platform/database/database.schema.js';
import { RedisChannel } from '../../platform/pubsub/redis-channel.js';
import { NoReplicaChannel, type ReplicaChannel } from '../../platform/pubsub/replica-channel.js';
import { clockAllowance } from '../revocation/revocation-list.js';
import { SigningKeyRepository } from './signing-key.repository.js';
import { SigningKeyRing } from './signing-key-ring.js';
import { SigningKeyRotation } from './signing-key-rotation.js';
import { type TokenSubject, TokenService } from './token.service.js';

Logger.overrideLogger(false);

interface Replica {
  readonly clock: Clock;
  readonly ring: SigningKeyRing;
  readonly rotation: SigningKeyRotation;
  readonly tokens: TokenService;
}

const day = 86_400_000;
const secret = newSecret();

describe.each(databaseKinds)('signing keys on %s', (kind) => {
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
    replicas.forEach(({ ring, rotation }) => {
      ring.onModuleDestroy();
      rotation.onModuleDestroy();
    });
    await Promise.all(channels.map((channel) => channel.close()));
    await database?.drop();
  });

  async function replica(
    env: Readonly<Record<string, string>> = {},
    channel: ReplicaChannel = new NoReplicaChannel(),
  ): Promise<Replica> {
    const configuration: Configuration = plainConfiguration({ SECRETS: secret, ...env });
    const clock = new Clock();
    // SQLite gets one connection: its writers block the process that waits for them.
    const repository = new SigningKeyRepository(kind === 'sqlite' ? connection : database.connect(), clock);
    const ring = new SigningKeyRing(repository, clock, configuration);
    const rotation = new SigningKeyRotation(repository, ring, channel, clock, configuration);
    const made = { clock, ring, rotation, tokens: new TokenService(ring, clock, configuration) };
    replicas.push(made);
    channels.push(channel);
    await ring.onModuleInit();
    rotation.onModuleInit();
    return made;
  }

  /** kid → state, as stored in SQL. */
  async function states(): Promise<Record<string, string>> {
    const rows = await connection.query.selectFrom('signing_keys').select(['kid', 'state']).execute();
    return Object.fromEntries(rows.map(({ kid, state }) => [kid, state]));
  }

  const nextOf = async (): Promise<string> =>
    Object.entries(await states()).find(([, state]) => state === 'next')?.[0] ?? '';

  const mint = async ({ tokens }: Replica): Promise<string> => {
    const id = newId();
    const subject: TokenSubject = {
      sub: id,
      sid: id,
      jti: newId(),
      auth_time: 0,
      amr: [],
      idp: 'ory',
      client_id: 'c',
      scope: '',
      email_verified: false,
    };
    return (await tokens.mint(subject)).token;
  };

  const outcome = async ({ tokens }: Replica, token: string): Promise<string> =>
    tokens.verify(token).then(
      ({ expired }) => (expired ? 'expired' : 'live'),
      (error: unknown) => String(Reflect.get(Object(error), 'reason')),
    );

  it('next → current → retired: the next key is published before it signs, the retired one verifies', async () => {
    const one = await replica();
    const [first, second] = [one.ring.signing().kid, await nextOf()];
    expect(one.ring.jwks().keys.map(({ kid }) => kid)).toEqual([first, second]);
    const old = await mint(one);
    expect(await one.rotation.rotate()).toBe(true);
    expect(one.ring.signing().kid).toBe(second);
    expect(await states()).toMatchObject({ [first]: 'retired', [second]: 'current' });
    expect(await nextOf()).not.toBe('');
    expect(decodeProtectedHeader(await mint(one)).kid).toBe(second);
    expect(await outcome(one, old)).toBe('live');
  });

  it('of ten rotations by ten replicas at once one happens', async () => {
    const many = await Promise.all(Array.from({ length: 10 }, () => replica()));
    const done = await Promise.all(many.map(({ rotation }) => rotation.rotate()));
    expect(done.filter(Boolean)).toHaveLength(1);
    expect(Object.values(await states()).filter((state) => state === 'retired')).toHaveLength(1);
    expect(Object.values(await states()).filter((state) => state === 'current')).toHaveLength(1);
    expect(Object.values(await states()).filter((state) => state === 'next')).toHaveLength(1);
  });

  it('on schedule: not before its time, and once for all replicas', async () => {
    const many = await Promise.all([replica(), replica(), replica()]);
    const set = async (days: number): Promise<boolean[]> => {
      many.forEach(({ clock }) => {
        clock.now = () => Date.now() + days * day;
      });
      return Promise.all(many.map(({ rotation }) => rotation.rotateWhenDue()));
    };
    expect(await set(29)).toEqual([false, false, false]);
    expect((await set(30.1)).filter(Boolean)).toHaveLength(1);
    await Promise.all(many.map(({ ring }) => ring.refresh()));
    expect(await set(30.2)).toEqual([false, false, false]);
  });

  it('is due when the current key has signed for SIGNING_KEY_ROTATION, and no millisecond sooner', async () => {
    const one = await replica({ SIGNING_KEY_ROTATION: '10d' });
    const due = one.ring.signing().activatedAt + 10 * day;
    const at = async (moment: number): Promise<boolean> => {
      one.clock.now = () => moment;
      return one.rotation.rotateWhenDue();
    };
    expect([await at(due - 1), await at(due)]).toEqual([false, true]);
  });

  describe('a process by itself', () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    });

    afterEach(() => {
      vi.useRealTimers();
    });

    it('looks each minute whether it is time to rotate, as long as it runs', async () => {
      const one = await replica();
      const first = one.ring.signing().kid;
      one.clock.now = () => Date.now() + 31 * day;
      vi.advanceTimersByTime(60_000);
      await waitUntil(() => one.ring.signing().kid !== first, 'the rotation');
      expect(vi.getTimerCount()).toBe(2);
      one.ring.onModuleDestroy();
      one.rotation.onModuleDestroy();
      expect(vi.getTimerCount()).toBe(0);
    });

    it('reads the keys every five seconds', async () => {
      const [one, other] = [await replica(), await replica()];
      await one.rotation.rotate();
      vi.advanceTimersByTime(4999);
      expect(other.ring.signing().kid).not.toBe(one.ring.signing().kid);
      vi.advanceTimersByTime(1);
      await waitUntil(() => other.ring.signing().kid === one.ring.signing().kid, 'the reading');
    });

    it('encrypts with the first secret also what a replica made that does not know it yet', async () => {
      const fresh = newSecret();
      const [old, both] = [await replica(), await replica({ SECRETS: `${fresh},${secret}` })];
      expect([await old.rotation.rotate(), await both.rotation.rotate()]).toEqual([true, false]);
      const after = await replica({ SECRETS: fresh });
      expect(await after.rotation.rotate()).toBe(true);
      expect(await outcome(after, await mint(after))).toBe('live');
    });

    it('removes retired keys once no session can be renewed with their tokens, and none sooner', async () => {
      const one = await replica({ SESSION_IDLE_TTL: '7d' });
      const now = Date.now();
      const rotateAt = async (moment: number): Promise<string> => {
        one.clock.now = () => moment;
        const { kid } = one.ring.signing();
        await one.rotation.rotate();
        return kid;
      };
      const [over, kept] = [await rotateAt(now), await rotateAt(now + 1)];
      one.clock.now = () => now + 1 + 7 * day + clockAllowance;
      vi.advanceTimersByTime(60_000);
      await waitUntil(async () => !(over in (await states())), 'the removal');
      expect(await states()).toMatchObject({ [kept]: 'retired' });
    });

    it('says so when the keys cannot be rotated, and tries again', async () => {
      const one = await replica();
      const first = one.ring.signing().kid;
      one.clock.now = () => Date.now() + 31 * day;
      await nestLogOf('error', async (lines) => {
        await connection.query.schema.alterTable('signing_keys').renameTo('away').execute();
        vi.advanceTimersByTime(60_000);
        await waitUntil(() => lines.join('').includes('"reason":"key_rotation_failed"'), 'the log line');
        await connection.query.schema.alterTable('away').renameTo('signing_keys').execute();
      });
      vi.advanceTimersByTime(60_000);
      const isDone = async (): Promise<boolean> =>
        Object.values(await states())
          .sort()
          .join() === 'current,next,retired';
      await waitUntil(isDone, 'the rotation');
      expect(await states()).toMatchObject({ [first]: 'retired' });
    });

    it('hears of a rotation, and reads of one that it missed while the channel was down', async () => {
      const redis: RedisServer = await startRedis(inject('redisServerPath'));
      try {
        const [one, other] = [
          await replica({}, new RedisChannel(redis.settings, 'a')),
          await replica({}, new RedisChannel(redis.settings, 'a')),
        ];
        const areAll = (wanted: string) => (): boolean => channels.every(({ state }) => state === wanted);
        const isKnown = (): boolean => other.ring.signing().kid === one.ring.signing().kid;
        await waitUntil(areAll('connected'), 'the channel');
        await one.rotation.rotate();
        await waitUntil(isKnown, 'the rotation to be heard of', 5000);
        await redis.kill();
        await waitUntil(areAll('disconnected'), 'the loss to be seen');
        await one.rotation.rotate();
        expect(isKnown()).toBe(false);
        await redis.start();
        await waitUntil(isKnown, 'the rotation to be read of', 5000);
      } finally {
        await Promise.all(channels.map((channel) => channel.close()));
        await redis.remove();
      }
    });
  });

  it('a token of a key that a replica has never heard of is verified by reading once', async () => {
    const [one, other] = [await replica(), await replica()];
    await one.rotation.rotate();
    await one.rotation.rotate();
    const token = await mint(one);
    expect(other.ring.find(one.ring.signing().kid)).toBeUndefined();
    expect(await outcome(other, token)).toBe('live');
  });

  it('unknown kids are looked up together and at most four times a second [T06]', async () => {
    const one = await replica();
    let readings = 0;
    const list = SigningKeyRepository.prototype.list;
    const counted = new SigningKeyRepository(connection, one.clock);
    counted.list = async () => {
      readings += 1;
      return list.call(counted);
    };
    const ring = new SigningKeyRing(counted, one.clock, plainConfiguration({ SECRETS: secret }));
    await ring.load();
    const before = readings;
    const started = performance.now();
    for (let batch = 0; batch < 5; batch += 1) {
      const kids = Array.from({ length: 200 }, (_, index) => `${batch}-${index}`.padEnd(43, 'x'));
      expect((await Promise.all(kids.map((kid) => ring.learn(kid)))).filter(Boolean)).toEqual([]);
    }
    const quarters = Math.ceil((performance.now() - started) / 250) + 1;
    expect(readings - before).toBeLessThanOrEqual(quarters);
    expect(await ring.learn('../'.repeat(10))).toBeUndefined();
    expect(readings - before).toBeLessThanOrEqual(quarters);
  });

  it.each([
    ['one character less', 'x'.repeat(42)],
    ['one more', 'x'.repeat(44)],
    ['another one in front', `.${'x'.repeat(43)}`],
    ['another one behind', `${'x'.repeat(43)}.`],
  ])('a kid with %s than our own have costs no reading', async (_what, kid) => {
    const clock = new Clock();
    const ring = new SigningKeyRing(
      new SigningKeyRepository(connection, clock),
      clock,
      plainConfiguration({ SECRETS: secret }),
    );
    const statements = recordStatements(connection);
    expect(await ring.learn(kid)).toBeUndefined();
    expect(statements).toEqual([]);
    expect(await ring.learn('x'.repeat(43))).toBeUndefined();
    expect(statements).toHaveLength(1);
  });

  it('a retired key is published to the last millisecond of the tokens that it signed', async () => {
    const one = await replica({ TOKEN_TTL: '10m' });
    const now = Date.now();
    one.clock.now = () => now;
    const { kid } = one.ring.signing();
    await one.rotation.rotate();
    const published = [-1, 0].map((milliseconds) => {
      one.clock.now = () => now + 600_000 + clockAllowance + milliseconds;
      return one.ring.jwks().keys.some((key) => key.kid === kid);
    });
    expect(published).toEqual([true, false]);
  });

  it('current → revoked: what it signed is refused here at once, the next key takes over, the private half is gone', async () => {
    const one = await replica();
    const [first, second] = [one.ring.signing().kid, await nextOf()];
    const token = await mint(one);
    expect(await one.rotation.revoke(first)).toBe(true);
    expect(await outcome(one, token)).toBe('token_key_unknown');
    expect(one.ring.signing().kid).toBe(second);
    expect(one.ring.jwks().keys.map(({ kid }) => kid)).not.toContain(first);
    const row = await connection.query
      .selectFrom('signing_keys')
      .select('private_jwk')
      .where('kid', '=', first)
      .executeTakeFirstOrThrow();
    expect(row.private_jwk).toBe('');
    expect(await one.rotation.revoke(first)).toBe(false);
    expect(await one.rotation.revoke('unknown')).toBe(false);
  });

  it('retired → revoked and next → revoked', async () => {
    const one = await replica();
    const first = one.ring.signing().kid;
    const token = await mint(one);
    await one.rotation.rotate();
    await one.rotation.revoke(first);
    expect(await outcome(one, token)).toBe('token_key_unknown');
    const waiting = await nextOf();
    await one.rotation.revoke(waiting);
    expect(await states()).toMatchObject({ [first]: 'revoked', [waiting]: 'revoked' });
    expect(await nextOf()).not.toBe('');
    expect(await outcome(one, await mint(one))).toBe('live');
  });

  it('next → revoked while another replica makes it the current one: a third key takes over', async () => {
    const one = await replica();
    const [first, second] = [one.ring.signing().kid, await nextOf()];
    let revoking: Promise<boolean | undefined> = Promise.resolve(undefined);
    await connection.query.transaction().execute(async (transaction) => {
      const set = async (kid: string, state: KeyState): Promise<void> => {
        await transaction.updateTable('signing_keys').set({ state }).where('kid', '=', kid).execute();
      };
      await set(first, 'retired');
      await set(second, 'current');
      revoking = one.rotation.revoke(second);
      if (kind === 'postgres') {
        await waitUntil(async () => {
          const { rows } = await sql`select 1 from pg_stat_activity
            where wait_event_type = 'Lock' and datname = current_database()`.execute(connection.query);
          return rows.length > 0;
        }, 'the revocation to wait for the rotation');
      }
    });
    expect(await revoking).toBe(true);
    const left = await states();
    expect(left).toMatchObject({ [first]: 'retired', [second]: 'revoked' });
    expect(Object.values(left).toSorted()).toEqual(['current', 'next', 'retired', 'revoked']);
    expect(left[one.ring.signing().kid]).toBe('current');
  });

  it('a revoked key is dead on another replica within seconds, without Redis [F10]', async () => {
    const [one, other] = [await replica(), await replica()];
    const token = await mint(one);
    await one.rotation.revoke(one.ring.signing().kid);
    await waitUntil(async () => (await outcome(other, token)) !== 'live', 'the key to be dead', 8000);
    expect(await outcome(other, token)).toBe('token_key_unknown');
  });

  it('published while a token can be live, kept while a session can be renewed, then removed', async () => {
    const one = await replica({ TOKEN_TTL: '10m', SESSION_IDLE_TTL: '7d' });
    const first = one.ring.signing().kid;
    const token = await mint(one);
    await one.rotation.rotate();
    const at = async (moment: number): Promise<{ published: boolean; verdict: string }> => {
      one.clock.now = () => Date.now() + moment;
      await one.ring.load();
      const published = one.ring.jwks().keys.some(({ kid }) => kid === first);
      return { published, verdict: await outcome(one, token) };
    };
    expect(await at(11 * 60_000)).toMatchObject({ published: true });
    expect(await at(15 * 60_000)).toEqual({ published: false, verdict: 'expired' });
    const repository = new SigningKeyRepository(connection, one.clock);
    await repository.purge(Date.now() + 6 * day - 7 * day);
    expect(await at(6 * day)).toEqual({ published: false, verdict: 'expired' });
    await repository.purge(Date.now() + 7.1 * day - 7 * day);
    expect(await at(7.1 * day)).toEqual({ published: false, verdict: 'token_key_unknown' });
  });

  it('EdDSA by SIGNING_ALGORITHM: the waiting key is replaced, and the next rotation brings it', async () => {
    const before = await replica();
    const token = await mint(before);
    const one = await replica({ SIGNING_ALGORITHM: 'EdDSA' });
    expect(one.ring.signing().alg).toBe('ES256');
    await one.rotation.rotate();
    expect(one.ring.signing().alg).toBe('EdDSA');
    expect(decodeProtectedHeader(await mint(one)).alg).toBe('EdDSA');
    expect([await outcome(one, token), await outcome(one, await mint(one))]).toEqual(['live', 'live']);
    expect(await outcome(before, await mint(one))).toBe('live');
  });

  it('a rotation encrypts the keys with the first secret: the old one can go', async () => {
    const fresh = newSecret();
    const old = await replica();
    const token = await mint(old);
    const both = await replica({ SECRETS: `${fresh},${secret}` });
    await both.rotation.rotate();
    const after = await replica({ SECRETS: fresh });
    expect(await outcome(after, token)).toBe('live');
    expect(await outcome(after, await mint(after))).toBe('live');
    // The retired key, which can't be decrypted any more, doesn't matter; nor does a revoked one.
    expect(await after.rotation.rotate()).toBe(true);
    await after.rotation.revoke(after.ring.signing().kid);
    expect(await after.rotation.rotate()).toBe(true);
  });

  it('with Redis another replica knows of a rotation and of a revoked key in under a second [F10]', async () => {
    const redis: RedisServer = await startRedis(inject('redisServerPath'));
    try {
      const [one, other] = [
        await replica({}, new RedisChannel(redis.settings, 'a')),
        await replica({}, new RedisChannel(redis.settings, 'a')),
      ];
      await waitUntil(() => channels.every(({ state }) => state === 'connected'), 'Redis');
      const token = await mint(one);
      const first = one.ring.signing().kid;
      await one.rotation.rotate();
      await waitUntil(() => other.ring.signing().kid === one.ring.signing().kid, 'the rotation', 1000);
      await one.rotation.revoke(first);
      await waitUntil(() => other.ring.find(first) === undefined, 'the revocation', 1000);
      expect(await outcome(other, token)).toBe('token_key_unknown');
    } finally {
      await Promise.all(channels.map((channel) => channel.close()));
      await redis.remove();
    }
  });
});
