import { expect, it } from 'vitest';
import { ConcurrencyLimit } from './concurrency.limit.js';

/** Tasks that end when they're told to, with a count of those that run. */
function tasks() {
  const ends: (() => void)[] = [];
  const started: number[] = [];
  let running = 0;
  let most = 0;
  return {
    ends,
    started,
    most: () => most,
    task: (id: number, fails: boolean) => async () => {
      started.push(id);
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => {
        ends.push(resolve);
      });
      running -= 1;
      if (fails) {
        throw new RangeError(String(id));
      }
      return id;
    },
  };
}

it('never runs more than its limit, keeps the order, and a failure gives its place on', async () => {
  const limit = new ConcurrencyLimit(2);
  const { ends, started, most, task } = tasks();
  const results = Promise.allSettled([0, 1, 2, 3, 4].map((id) => limit.run(task(id, id === 1))));
  for (let ended = 0; ended < 5; ended += 1) {
    await expect.poll(() => ends.length).toBeGreaterThan(ended);
    ends[ended]?.();
  }
  expect((await results).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ]);
  expect(started).toEqual([0, 1, 2, 3, 4]);
  expect(most()).toBe(2);
});

it('is free again after everything is done', async () => {
  const limit = new ConcurrencyLimit(1);
  await expect(limit.run(async () => 'one')).resolves.toBe('one');
  await expect(limit.run(async () => 'two')).resolves.toBe('two');
});
