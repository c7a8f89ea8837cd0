import { describe, expect, it } from 'vitest';
import { halfSpread, measureCalmly, mostRuns, tooWide } from '../../bench/spread.mjs';

const calm = { hot: [100, 101, 99, 100, 102] };
const busy = { hot: [100, 60, 130, 100, 70] };

/** Measures these in turn. */
function runsOf(...runs: readonly object[]): { measure: () => Promise<object>; count: () => number } {
  let count = 0;
  return {
    measure: async () => Promise.resolve(runs[count++] ?? {}),
    count: () => count,
  };
}

describe('the spread of a run', () => {
  it('is that of the middle half of the rounds', () => {
    expect(halfSpread([1, 90, 100, 110, 1000])).toBeCloseTo(0.2);
  });

  it('is too wide from over 15 % of the median', () => {
    expect(tooWide({ narrow: [100, 100, 115], wide: [80, 100, 115], edge: [90, 100, 120] })).toEqual([
      'wide',
    ]);
  });

  it('is not made wide by one round that something disturbed', () => {
    expect(tooWide({ hot: [100, 101, 40, 100, 102] })).toEqual([]);
  });

  it('has a run measured again until it is narrow', async () => {
    const { measure, count } = runsOf(busy, calm);
    const said: string[] = [];
    await expect(
      measureCalmly(
        measure,
        (found: object) => found,
        (text: string) => said.push(text),
      ),
    ).resolves.toBe(calm);
    expect(count()).toBe(2);
    expect(said).toEqual([expect.stringContaining('run 1 of at most 3 is thrown away: hot')]);
  });

  it('ends with an error when no run is narrow', async () => {
    const { measure, count } = runsOf(...Array.from({ length: mostRuns + 1 }, () => busy));
    await expect(
      measureCalmly(
        measure,
        (found: object) => found,
        () => undefined,
      ),
    ).rejects.toThrow('This machine is too busy to measure: hot');
    expect(count()).toBe(mostRuns);
  });
});
