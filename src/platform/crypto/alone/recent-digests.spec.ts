import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { areInHeap } from '../../../../test/support/heap.search.js';
import { RecentDigests } from '../recent-digests.js';
import { digestOf } from '../secret-text.js';

vi.mock('../secret-text.js', { spy: true });

afterEach(() => {
  vi.useRealTimers();
});

describe('RecentDigests', () => {
  it('are those of the texts, whatever came before', () => {
    const ends = ['', 'x'.repeat(22), 'xy'.repeat(11), 'é', '\uD83D'];
    const text = fc
      .tuple(fc.string({ maxLength: 3 }), fc.constantFrom(...ends))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(text), (texts) => {
        const recent = new RecentDigests();
        expect(texts.map((each) => recent.of(each))).toEqual(texts.map((each) => digestOf(each)));
      }),
    );
  });

  it('of two texts that end alike are two', () => {
    const recent = new RecentDigests();
    const one = `one${'x'.repeat(40)}`;
    const other = `other${'x'.repeat(40)}`;
    const expected = [one, other].map((text) => digestOf(text));
    expect([one, other, one].map((text) => recent.of(text))).toEqual([...expected, expected[0]]);
    expect(recent.size).toBe(1);
  });

  it('are computed once, for the first of those that end alike', () => {
    const recent = new RecentDigests();
    vi.mocked(digestOf).mockClear();
    for (const start of ['one', 'one', 'other', 'one']) {
      recent.of(start + 'x'.repeat(40));
    }
    expect(digestOf).toHaveBeenCalledTimes(2);
  });

  it('keep a text for a second, and as many as a second brings only up to a thousand', () => {
    vi.useFakeTimers();
    const recent = new RecentDigests();
    recent.of('first');
    vi.advanceTimersByTime(900);
    for (let index = 0; index < 2000; index += 1) {
      recent.of(`text ${index}`);
    }
    expect(recent.size).toBe(1000);
    vi.advanceTimersByTime(100);
    expect(recent.size).toBe(0);
    recent.of('first');
    expect(recent.size).toBe(1);
    vi.advanceTimersByTime(999);
    expect(recent.size).toBe(1);
    vi.advanceTimersByTime(1);
    expect(recent.size).toBe(0);
  });

  it('leave nothing of a text in memory, nor of what it was a part of', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const recent = new RecentDigests();
    const parts = rememberOne(recent);
    // The mock keeps the arguments of its calls.
    vi.mocked(digestOf).mockClear();
    expect(await areInHeap(parts)).toEqual([true, false]);
    vi.advanceTimersByTime(1000);
    expect(await areInHeap(parts)).toEqual([false, false]);
    expect(recent.size).toBe(0);
  });
});

/** @returns a part of a text and of the header that it came in; as bytes, which aren't among the strings of the heap. */
function rememberOne(recent: RecentDigests): [Buffer, Buffer] {
  const [text, others] = [randomBytes(300).toString('hex'), randomBytes(300).toString('hex')];
  recent.of(`other=${others}; vestibule=${text}`.slice(-text.length));
  return [Buffer.from(text.slice(200, 300)), Buffer.from(others.slice(200, 300))];
}
