import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { administratorAt } from '../../../../test/support/administrator.js';
import { makeKey, send } from '../../../../test/support/api.caller.js';
import { databaseKinds } from '../../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../../test/support/fresh.database.js';
import { type Gateway, newSecret, startGateway } from '../../../../test/support/gateway.js';
import { SigningKeyRing } from '../../../session/tokens/signing-key-ring.js';
import { SignalDatabase } from '../signal.schema.js';
import { SignalKeys } from './signal-keys.js';

const hour = 3600;
const day = 24 * hour;
const SECRETS = newSecret();

/** The keys of a replica, and what its timer does. */
class Replica {
  constructor(readonly gateway: Gateway) {}

  get keys(): SignalKeys {
    return this.gateway.app.get(SignalKeys, { strict: false });
  }

  /** What is done every few seconds. */
  async tick(): Promise<void> {
    await Reflect.get(this.keys, 'run').call(this.keys);
  }

  get signer(): { kid: string; alg: string } {
    return this.keys.signing();
  }

  get published(): readonly (string | undefined)[] {
    return this.keys.published().map(({ kid }) => kid);
  }

  get tokenKey(): string {
    return this.gateway.app.get(SigningKeyRing, { strict: false }).signing().kid;
  }
}

describe.each(databaseKinds)('keys of security events on %s', (kind) => {
  let database: FreshDatabase;
  let replicas: Replica[];

  beforeEach(async () => {
    replicas = [];
    database = await migratedDatabase(kind, inject('postgresUrl'));
  });

  afterEach(async () => {
    for (const { gateway } of replicas) {
      await gateway.stop();
    }
    await database?.drop();
  });

  async function start(env: Readonly<Record<string, string>> = {}): Promise<Replica> {
    const replica = new Replica(await startGateway({ DATABASE_URL: database.url, SECRETS, ...env }));
    replicas.push(replica);
    return replica;
  }

  async function createStream({ gateway }: Replica): Promise<void> {
    const { bearer } = await administratorAt(gateway);
    const { key } = await makeKey(gateway, { authorization: bearer }, { scope: 'revocations:read' });
    const answer = await send(gateway, 'POST', '/ssf/streams', { 'x-api-key': key }, {});
    expect(answer.status).toBe(201);
  }

  const keySet = async ({ gateway }: Replica): Promise<string> =>
    (await gateway.request('/.well-known/jwks.json')).text;

  it('there is none before the first stream; then one signs at once, and is published without its private half', async () => {
    const replica = await start();
    await replica.tick();
    expect([replica.published, await keySet(replica)]).toEqual([[], expect.not.stringContaining('RS256')]);
    await createStream(replica);
    const { kid, alg } = replica.signer;
    expect([alg, replica.published]).toEqual(['RS256', [kid]]);
    const set = await keySet(replica);
    expect(JSON.parse(set)).toMatchObject({
      keys: [{ alg: 'ES256' }, { alg: 'ES256' }, { kid, alg: 'RS256', use: 'sig', kty: 'RSA' }],
    });
    expect(set).not.toMatch(/"(?:d|p|q|dp|dq|qi)":/);
    const { query } = replica.gateway.app.get(SignalDatabase, { strict: false });
    const [row] = await query.selectFrom('signal_keys').selectAll().execute();
    expect(row?.private_jwk).toMatch(/^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/);
  });

  it('replicas that make the first at the same moment agree on one', async () => {
    const all = kind === 'sqlite' ? [await start()] : [await start(), await start()];
    await Promise.all([...all, ...all, ...all].map(async ({ keys }) => keys.ensure()));
    await Promise.all(all.map(async (replica) => replica.tick()));
    expect(new Set(all.map(({ signer }) => signer.kid)).size).toBe(1);
    expect(all.map(({ published }) => published.length)).toEqual(all.map(() => 1));
  });

  it('beside streams that are older, the first is published for an hour before it signs', async () => {
    const replica = await start();
    await createStream(replica);
    const { query } = replica.gateway.app.get(SignalDatabase, { strict: false });
    await query.deleteFrom('signal_keys').execute();
    await replica.keys.load();
    expect(replica.signer.kid).toBe(replica.tokenKey);
    // An event missed a key.
    await replica.tick();
    const [made] = replica.published;
    expect([made, replica.signer.kid]).toEqual([expect.any(String), replica.tokenKey]);
    replica.gateway.shiftClock(hour + 1);
    expect(replica.signer.kid).toBe(made);
  });

  it('is replaced after SIGNING_KEY_ROTATION, by one that was published for an hour, and removed a day later', async () => {
    const replica = await start({ SIGNING_KEY_ROTATION: '30d' });
    await createStream(replica);
    const first = replica.signer.kid;
    replica.gateway.shiftClock(30 * day - 60);
    await replica.tick();
    expect(replica.published).toEqual([first]);
    replica.gateway.shiftClock(30 * day + 60);
    await replica.tick();
    await replica.tick();
    const [second] = replica.published;
    expect([replica.published, replica.signer.kid]).toEqual([[expect.any(String), first], first]);
    replica.gateway.shiftClock(30 * day + hour + 120);
    await replica.tick();
    expect([replica.published, replica.signer.kid]).toEqual([[second, first], second]);
    replica.gateway.shiftClock(31 * day + hour + 120);
    await replica.tick();
    await replica.tick();
    expect(replica.published).toEqual([second]);
  });

  it('one that SECRETS cannot open counts as absent: another is made, once', async () => {
    const replica = await start();
    await createStream(replica);
    const { query } = replica.gateway.app.get(SignalDatabase, { strict: false });
    await query.updateTable('signal_keys').set({ private_jwk: 'a..b.c.d', kid: 'unreadable' }).execute();
    await replica.tick();
    expect([replica.published, replica.signer.kid]).toEqual([['unreadable'], replica.tokenKey]);
    replica.gateway.shiftClock(hour + 1);
    await replica.tick();
    await replica.tick();
    const [made] = replica.published;
    expect([replica.published, replica.signer.kid]).toEqual([
      [expect.any(String), 'unreadable'],
      replica.tokenKey,
    ]);
    replica.gateway.shiftClock(2 * hour + 2);
    await replica.tick();
    expect(replica.signer.kid).toBe(made);
  });

  it('one that is revoked is gone from the set, and another signs at once', async () => {
    const replica = await start();
    await createStream(replica);
    const { kid } = replica.signer;
    expect([await replica.keys.revoke('unknown'), await replica.keys.revoke(kid)]).toEqual([false, true]);
    expect(replica.signer).toMatchObject({ kid: expect.not.stringContaining(kid), alg: 'RS256' });
    expect([replica.published, await keySet(replica)]).toEqual([
      [replica.signer.kid],
      expect.not.stringContaining(kid),
    ]);
  });

  it('are listed with their state, and replaced by command', async () => {
    const replica = await start();
    expect(await replica.keys.list()).toEqual([]);
    await replica.keys.rotate();
    expect(await replica.keys.list()).toEqual([]);
    await createStream(replica);
    await replica.keys.rotate();
    const states = async (): Promise<readonly string[]> =>
      (await replica.keys.list()).map(({ state }) => state);
    expect(await states()).toEqual(['next', 'current']);
    replica.gateway.shiftClock(hour + 1);
    expect(await states()).toEqual(['current', 'retired']);
  });
});
