import { expect, it } from 'vitest';
import { LazyCache } from './lazy-cache.js';

it('keeps the values that were used last', () => {
  const cache = new LazyCache<string, number>(2);
  expect([cache.size, cache.get('a'), [...cache.entries()]]).toEqual([0, undefined, []]);
  cache.set('a', 1);
  cache.set('b', 2);
  expect(cache.get('a')).toBe(1);
  cache.set('c', 3);
  expect([...cache.entries()]).toEqual([
    ['c', 3],
    ['a', 1],
  ]);
  cache.delete('a');
  expect([cache.size, cache.get('a'), cache.get('c')]).toEqual([1, undefined, 3]);
  cache.clear();
  expect(cache.size).toBe(0);
});

it('takes no room before the first value', () => {
  const before = process.memoryUsage().heapUsed;
  const caches = Array.from({ length: 1000 }, () => new LazyCache<string, number>(100_000));
  // With room for all of them it would be a gigabyte.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000);
  expect(caches.every(({ size }) => size === 0)).toBe(true);
  caches[0]?.set('a', 1);
  expect(caches[0]?.get('a')).toBe(1);
});
