import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../test/support/fresh.database.js';
import { newSecret, plainConfiguration } from '../../../test/support/gateway.js';
import { nestLogOf } from '../../../test/support/nest.log.js';
import { Clock } from '../../platform/time/clock.service.js';
import type { DatabaseConnection } from '../../platform/database/database-connection.js';
import { SigningKeyRepository } from './signing-key.repository.js';
import { KeyRingError } from '../../platform/errors/start-errors.js';
import { SigningKeyRing } from './signing-key-ring.js';

describe.each(databaseKinds)('SigningKeyRing on %s', (kind) => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let rings: SigningKeyRing[];

  beforeEach(async () => {
    rings = [];
    database = await migratedDatabase(kind, inject('postgresUrl'));
    connection = database.connect();
  });

  afterEach(async () => {
    rings.forEach((made) => made.onModuleDestroy());
    await database?.drop();
  });

  /** The ring of a replica with these secrets; not loaded yet. */
  function ring(SECRETS: string, replica = connection): SigningKeyRing {
    const configuration = plainConfiguration({ SECRETS });
    const clock = new Clock();
    const made = new SigningKeyRing(new SigningKeyRepository(replica, clock), clock, configuration);
    rings.push(made);
    return made;
  }

  it('makes a key the first time and finds it again the next', async () => {
    const secret = newSecret();
    const first = ring(secret);
    await first.onModuleInit();
    const second = ring(secret);
    await second.onModuleInit();
    expect(second.signing().kid).toBe(first.signing().kid);
    expect(second.jwks()).toEqual(first.jwks());
  });

  it('signs with nothing before it has been loaded', async () => {
    expect(() => ring(newSecret()).signing()).toThrow(KeyRingError);
  });

  it('the current key is active from its first moment, the next one not yet', async () => {
    const keys = ring(newSecret());
    await keys.onModuleInit();
    const rows = await connection.query.selectFrom('signing_keys').selectAll().orderBy('state').execute();
    expect(rows.map(({ state, activated_at }) => ({ state, activated_at }))).toEqual([
      { state: 'current', activated_at: keys.signing().activatedAt },
      { state: 'next', activated_at: null },
    ]);
  });

  it('a symmetric key in the place of a public one is a KeyRingError', async () => {
    const keys = ring(newSecret());
    await keys.onModuleInit();
    await connection.query
      .updateTable('signing_keys')
      .set({ public_jwk: JSON.stringify({ kty: 'oct', k: 'AAAA' }) })
      .execute();
    const fresh = ring(newSecret());
    await expect(fresh.load()).rejects.toThrow(
      new KeyRingError('A symmetric key is stored where a key pair belongs.'),
    );
  });

  it('keys that cannot be read again stay as they are, and the log says so', async () => {
    const keys = ring(newSecret());
    await keys.onModuleInit();
    const { kid } = keys.signing();
    const told = await nestLogOf('warn', async () => {
      await connection.query.schema.alterTable('signing_keys').renameTo('away').execute();
      await keys.refresh();
    });
    expect(told.join('')).toContain('"reason":"signing_keys_unreadable"');
    expect([keys.signing().kid, keys.find(kid)?.kid]).toEqual([kid, kid]);
  });

  it('five replicas that start at once agree on one current key', async () => {
    const secret = newSecret();
    const replicas = Array.from({ length: 5 }, () =>
      ring(secret, kind === 'sqlite' ? connection : database.connect()),
    );
    await Promise.all(replicas.map((replica) => replica.onModuleInit()));
    expect(new Set(replicas.map((replica) => replica.signing().kid)).size).toBe(1);
    const rows = await connection.query.selectFrom('signing_keys').selectAll().execute();
    expect(rows.map(({ state }) => state).sort()).toEqual(['current', 'next']);
  });

  it('the published set has public members only, and the private half is stored encrypted', async () => {
    const keys = ring(newSecret());
    await keys.onModuleInit();
    const { kid } = keys.signing();
    expect(keys.jwks().keys.map((jwk) => Object.keys(jwk).sort())).toEqual(
      Array.from({ length: 2 }, () => ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']),
    );
    expect(keys.jwks().keys[0]).toMatchObject({ kid, alg: 'ES256', use: 'sig', crv: 'P-256' });
    const [row] = await connection.query.selectFrom('signing_keys').selectAll().execute();
    expect(row?.private_jwk).toMatch(/^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(row?.public_jwk).not.toContain('"d"');
  });

  it('a new secret in front of the old one still opens the key', async () => {
    const old = newSecret();
    const before = ring(old);
    await before.onModuleInit();
    const after = ring(`${newSecret()},${old}`);
    await after.onModuleInit();
    expect(after.signing().kid).toBe(before.signing().kid);
  });

  it('SECRETS that cannot open the key are a KeyRingError that says what to do; the key stays', async () => {
    const old = newSecret();
    await ring(old).onModuleInit();
    const failure: unknown = await ring(newSecret())
      .onModuleInit()
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(KeyRingError);
    expect(String(failure)).toContain('Add the old secret behind the new one.');
    await ring(old).onModuleInit();
    expect(await connection.query.selectFrom('signing_keys').select('kid').execute()).toHaveLength(2);
  });

  it('an earlier reading that ends later takes no newer key back', async () => {
    const clock = new Clock();
    const repository = new SigningKeyRepository(connection, clock);
    const keys = new SigningKeyRing(repository, clock, plainConfiguration({ SECRETS: newSecret() }));
    rings.push(keys);
    await keys.onModuleInit();
    const next = await connection.query
      .selectFrom('signing_keys')
      .select('kid')
      .where('state', '=', 'next')
      .executeTakeFirstOrThrow();
    const list = repository.list.bind(repository);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    repository.list = async () => {
      const rows = (await list()).filter(({ kid }) => kid !== next.kid);
      await held;
      return rows;
    };
    const earlier = keys.load();
    repository.list = list;
    await keys.load();
    release();
    await earlier;
    expect(keys.find(next.kid)).toBeDefined();
  });

  it('a retired key verifies, and does not sign', async () => {
    const secret = newSecret();
    const first = ring(secret);
    await first.onModuleInit();
    const retired = first.signing().kid;
    await connection.query
      .updateTable('signing_keys')
      .set({ state: 'retired', retired_at: Date.now() })
      .where('kid', '=', retired)
      .execute();
    const second = ring(secret);
    await second.onModuleInit();
    expect(second.signing().kid).not.toBe(retired);
    expect(second.find(retired)?.kid).toBe(retired);
    expect(second.jwks().keys).toHaveLength(3);
  });

  it.each(['__proto__', 'constructor', '', '../'])('kid %j is unknown [T05]', async (kid) => {
    const keys = ring(newSecret());
    await keys.onModuleInit();
    expect(keys.find(kid)).toBeUndefined();
  });
});
