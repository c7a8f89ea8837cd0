import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../../../../test/support/fresh.database.js';
import { newSecret, plainConfiguration } from '../../../../../test/support/gateway.js';
import { areInHeap } from '../../../../../test/support/heap.search.js';
import { newTokenSubject } from '../../../../../test/support/token.subject.js';
import { RecentDigests } from '../../../../platform/crypto/recent-digests.js';
import { Clock } from '../../../../platform/time/clock.service.js';
import { RevocationList } from '../../../revocation/revocation-list.js';
import { SigningKeyRepository } from '../../signing-key.repository.js';
import { SigningKeyRing } from '../../signing-key-ring.js';
import { TokenService } from '../../token.service.js';
import { VerifiedTokenCache } from '../../verified-token.cache.js';

const configuration = plainConfiguration({ SECRETS: newSecret() });
const clock = new Clock();
let database: FreshDatabase;
let keys: SigningKeyRing;
let tokens: TokenService;

beforeAll(async () => {
  database = await freshDatabase('sqlite', inject('postgresUrl'));
  keys = new SigningKeyRing(
    new SigningKeyRepository(await database.connectMigrated(), clock),
    clock,
    configuration,
  );
  await keys.onModuleInit();
  tokens = new TokenService(keys, clock, configuration);
});

afterAll(async () => {
  keys?.onModuleDestroy();
  await database?.drop();
});

it('a token is nowhere in memory as it was sent, a second later', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  try {
    const list = new RevocationList(clock, configuration);
    const live = new VerifiedTokenCache(tokens, list, clock, new RecentDigests());
    // What a function sees first may stay in the engine's notes on it.
    await rememberOne(live);
    const [sent, control] = await rememberOne(live);
    expect(await areInHeap([sent, control])).toEqual([true, true]);
    vi.advanceTimersByTime(1000);
    expect(await areInHeap([sent, control])).toEqual([false, true]);
    expect(live.size).toBe(2);
  } finally {
    vi.useRealTimers();
  }
});

/** Caches one token. @returns a part of what was sent and the session's id; as bytes, which aren't among the strings of the heap. */
async function rememberOne(live: VerifiedTokenCache): Promise<[Buffer, Buffer]> {
  const { token, claims } = await tokens.mint({ ...newTokenSubject(), email: 'ada@example.test' });
  live.set('bearer', token, await live.verify(token));
  return [Buffer.from(token.slice(200, 300)), Buffer.from(claims.sid)];
}
