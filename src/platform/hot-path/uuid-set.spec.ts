import fc from 'fast-check';
import { v4, v7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { UuidSet } from './uuid-set.js';

const uuid = fc.uuid();

describe('UuidSet', () => {
  it('holds what a Set would hold, in whatever order it comes', () => {
    fc.assert(
      fc.property(fc.array(uuid, { maxLength: 3000 }), fc.array(uuid), (added, asked) => {
        const set = new UuidSet();
        added.forEach((id) => set.add(id));
        const model = new Set(added);
        expect(set.size).toBe(model.size);
        expect([...added, ...asked].map((id) => set.has(id))).toEqual(
          [...added, ...asked].map((id) => model.has(id)),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('grows beyond its first capacity and forgets nothing; case does not matter', () => {
    const ids = Array.from({ length: 20_000 }, (_value, index) => (index % 2 === 0 ? v7() : v4()));
    const set = new UuidSet();
    [...ids, ...ids].forEach((id) => set.add(id));
    expect(set.size).toBe(ids.length);
    expect(ids.filter((id) => !set.has(id.toUpperCase()))).toEqual([]);
    expect(Array.from({ length: 1000 }, () => v7()).filter((id) => set.has(id))).toEqual([]);
  });

  it('a million ids take at most 100 MB', () => {
    const before = process.memoryUsage().arrayBuffers;
    const set = new UuidSet();
    for (let index = 0; index < 1_000_000; index += 1) {
      set.add(`01980000-${hex(index, 4)}-7000-8000-${hex(index * 7919, 12)}`);
    }
    expect(set.size).toBe(1_000_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThanOrEqual(100_000_000);
  });

  it.each(['', 'x', '01980000-0000-7000-8000-00000000000g', '0198000000007000800000000000000000ab'])(
    '%j is no UUID',
    (text) => {
      const set = new UuidSet();
      expect(set.has(text)).toBe(false);
      expect(() => set.add(text)).toThrow(RangeError);
    },
  );

  it('the nil UUID is never in it', () => {
    const nil = '00000000-0000-0000-0000-000000000000';
    const set = new UuidSet();
    expect(set.has(nil)).toBe(false);
    expect(() => set.add(nil)).toThrow(RangeError);
  });
});

function hex(value: number, length: number): string {
  return (value % 16 ** length).toString(16).padStart(length, '0');
}
