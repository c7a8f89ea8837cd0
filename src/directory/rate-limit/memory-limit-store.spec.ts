import { RateLimiterRes } from 'rate-limiter-flexible';
import { describe, expect, it } from 'vitest';
import { MemoryLimitStore } from './memory-limit-store.js';

const policy = { points: 2, window: 60 };

/** Counts once. @returns whether there were too many. */
async function isOver(limiter: ReturnType<MemoryLimitStore['limiter']>, key: string): Promise<boolean> {
  return limiter.consume(key).then(
    () => false,
    (error: unknown) => {
      expect(error).toBeInstanceOf(RateLimiterRes);
      return true;
    },
  );
}

describe('counts in memory', () => {
  it('are of one key and one policy each', async () => {
    const store = new MemoryLimitStore(() => 0);
    const [one, other] = [store.limiter('login-pair', policy), store.limiter('login-account', policy)];
    expect([await isOver(one, 'a'), await isOver(one, 'a'), await isOver(one, 'a')]).toEqual([
      false,
      false,
      true,
    ]);
    expect([await isOver(one, 'b'), await isOver(other, 'a')]).toEqual([false, false]);
  });

  it('of a million addresses fill no memory: the oldest are forgotten, the newest count', async () => {
    const limiter = new MemoryLimitStore(() => 0, 100).limiter('start-address', policy);
    for (let index = 0; index < 5000; index += 1) {
      await limiter.consume(`address ${index}`);
      expect(limiter.dump().storage.length).toBeLessThanOrEqual(101);
    }
    await limiter.consume('address 4999');
    expect(await isOver(limiter, 'address 4999')).toBe(true);
  });

  it('that are used up outlast any number of new names', async () => {
    const limiter = new MemoryLimitStore(() => 0, 100).limiter('login-account', policy);
    const names = Array.from({ length: 40 }, (_, index) => `account ${index}`);
    for (const name of names) {
      expect([await isOver(limiter, name), await isOver(limiter, name)]).toEqual([false, false]);
    }
    await Promise.all(Array.from({ length: 1000 }, (_, index) => limiter.consume(`new ${index}`)));
    expect(limiter.dump().storage.length).toBeLessThanOrEqual(101);
    for (const name of names) {
      expect([name, await isOver(limiter, name)]).toEqual([name, true]);
    }
  });

  it('have nothing given back that they have not', async () => {
    const limiter = new MemoryLimitStore(() => 0).limiter('login-pair', policy);
    await limiter.reward('a');
    expect(limiter.dump().storage).toEqual([]);
    await limiter.consume('a');
    await limiter.reward('a');
    await limiter.reward('a');
    expect([await isOver(limiter, 'a'), await isOver(limiter, 'a'), await isOver(limiter, 'a')]).toEqual([
      false,
      false,
      true,
    ]);
  });
});

describe('facts in memory', () => {
  it('are there until their time is over', async () => {
    let now = 0;
    const store = new MemoryLimitStore(() => now);
    await store.remember('key', 'value', 10, 'ada');
    now = 9999;
    expect(await store.recall('key')).toBe('value');
    now = 10_000;
    expect(await store.recall('key')).toBeUndefined();
    expect(await store.recall('other')).toBeUndefined();
  });

  it('are no more than so many: the oldest go first', async () => {
    const store = new MemoryLimitStore(() => 0, 3);
    for (const key of ['a', 'b', 'c']) {
      await store.remember(key, key, 10, key);
    }
    await store.remember('a', 'again', 10, 'a');
    await store.remember('d', 'd', 10, 'd');
    expect(await Promise.all(['a', 'b', 'c', 'd'].map((key) => store.recall(key)))).toEqual([
      'again',
      undefined,
      'c',
      'd',
    ]);
  });

  it('of one account, however many, cost no other account its own', async () => {
    const store = new MemoryLimitStore(() => 0, 100);
    const owners = Array.from({ length: 20 }, (_, index) => `owner ${index}`);
    const places = owners.flatMap((owner) =>
      [1, 2, 3].map((place) => [owner, `${owner} at ${place}`] as const),
    );
    for (const [owner, place] of places) {
      await store.remember(place, 'known', 10, owner);
    }
    for (let index = 0; index < 1000; index += 1) {
      await store.remember(`network ${index}`, 'known', 10, 'eve');
    }
    const found = await Promise.all(places.map(async ([, place]) => store.recall(place)));
    expect(found).toEqual(places.map(() => 'known'));
    expect([await store.recall('network 0'), await store.recall('network 999')]).toEqual([
      undefined,
      'known',
    ]);
  });

  it('whose time is over make room first', async () => {
    let now = 0;
    const store = new MemoryLimitStore(() => now, 3);
    await store.remember('a', 'a', 100, 'a');
    await store.remember('b', 'b', 10, 'b');
    await store.remember('c', 'c', 100, 'c');
    now = 10_000;
    await store.remember('d', 'd', 100, 'd');
    expect(await Promise.all(['a', 'b', 'c', 'd'].map((key) => store.recall(key)))).toEqual([
      'a',
      undefined,
      'c',
      'd',
    ]);
  });
});
