import { Logger } from '@nestjs/common';
import { decodeProtectedHeader } from 'jose';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/support/fresh.database.js';
import { newSecret, plainConfiguration } from '../../test/support/gateway.js';
import { type RedisServer, startRedis } from '../../test/support/redis.server.js';
import { waitUntil } from '../../test/support/stack.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { newId } from '../core/identifier.js';
import type { DatabaseConnection } from '../database/database.connection.js';
import { RedisChannel } from '../replicas/redis.channel.js';
import { NoReplicaChannel, type ReplicaChannel } from '../replicas/replica.channel.js';
import { SigningKeyRepository } from './signing-key.repository.js';
import { SigningKeyRing } from './signing-key.ring.js';
import { SigningKeyRotation } from './signing-key.rotation.js';
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

describe.each(['sqlite', 'postgres'] as const)('signing keys on %s', (kind) => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let replicas: Replica[];
  let channels: ReplicaChannel[];

  beforeEach(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    connection = await database.connectMigrated();
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
    // One connection for SQLite: its writers block the process that waits for them.
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

  /** kid → state, as SQL has them. */
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

  it('a token of a key that a replica has never heard of is verified by reading once', async () => {
    const [one, other] = [await replica(), await replica()];
    await one.rotation.rotate();
    await one.rotation.rotate();
    const token = await mint(one);
    expect(other.ring.find(one.ring.signing().kid)).toBeUndefined();
    expect(await outcome(other, token)).toBe('live');
  });

  it('unknown kids are looked up together and at most four times a second', async () => {
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

  it('a revoked key is dead on another replica within seconds, without Redis', async () => {
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
  });

  it('with Redis another replica knows of a rotation and of a revoked key in under a second', async () => {
    const redis: RedisServer = await startRedis(inject('redisServerPath'));
    try {
      const [one, other] = [
        await replica({}, new RedisChannel(redis.url, 'a')),
        await replica({}, new RedisChannel(redis.url, 'a')),
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
