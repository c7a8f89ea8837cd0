import { randomFillSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TinyLfuDoorkeeper } from './tiny-lfu-doorkeeper.js';

/** The number of names after which all are forgotten. */
const most = 2 ** 18;

describe('TinyLfuDoorkeeper', () => {
  it('knows what was here before, the least and the greatest name too', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(2 ** 22 - 1)), (names) => {
        const doorkeeper = new TinyLfuDoorkeeper();
        expect(names.filter((name) => doorkeeper.knows(name))).toEqual([]);
        expect(names.filter((name) => doorkeeper.knows(name))).toEqual(names);
      }),
    );
    const doorkeeper = new TinyLfuDoorkeeper();
    expect([0, 2 ** 32 - 1, 0, 2 ** 32 - 1].map((name) => doorkeeper.knows(name))).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  it('takes few new names for known ones, however many there were', () => {
    const doorkeeper = new TinyLfuDoorkeeper();
    const names = randomFillSync(new Uint32Array(4 * most));
    const part = names.filter((name) => doorkeeper.knows(name)).length;
    expect(part / (4 * most)).toBeLessThan(1 / 16);
    expect(part).toBeGreaterThan(0);
  });

  it('forgets all with the first name beyond 262,144', () => {
    const doorkeeper = new TinyLfuDoorkeeper();
    for (let name = 0; name < most; name += 1) {
      doorkeeper.knows(name);
    }
    expect([0, most - 1].map((name) => doorkeeper.knows(name))).toEqual([true, true]);
    expect(doorkeeper.knows(most)).toBe(false);
    expect([most, 0, most - 1].map((name) => doorkeeper.knows(name))).toEqual([true, false, false]);
  });
});
