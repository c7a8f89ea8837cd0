import { expect, it } from 'vitest';
import { SteppedClock } from '../../../test/support/stepped.clock.js';
import { LimitCounter } from './limit-counter.js';
import { MemoryLimitStore } from './memory-limit-store.js';

const policy = { points: 3, window: 60 };

function newCounter() {
  const clock = new SteppedClock();
  clock.time = 1_000_000;
  const limiter = new MemoryLimitStore(() => clock.now()).limiter('login-pair', policy);
  return { clock, limiter, counter: new LimitCounter(policy, limiter, clock) };
}

it('an attempt that is given back in its window doesn’t count', async () => {
  const { counter } = newCounter();
  const first = await counter.take('a');
  expect(first).toEqual({ isOver: false, consumed: 1, remaining: 2, reset: 60, endsAt: 1_060_000 });
  await counter.giveBack('a', first);
  expect(await counter.remaining('a')).toBe(3);
});

it.each([60_000, 59_950])(
  'an attempt that comes to its end after %d ms gives the next window nothing',
  async (ms) => {
    const { clock, limiter, counter } = newCounter();
    const late = await counter.take('a');
    clock.time += ms;
    // The window of real time that the store counts in is over as well.
    await limiter.delete('a');
    await counter.take('a');
    await counter.giveBack('a', late);
    expect(await counter.remaining('a')).toBe(2);
  },
);

it('an attempt beyond the limit says so, and when the window ends', async () => {
  const { clock, counter } = newCounter();
  for (let count = 0; count < 3; count += 1) {
    expect((await counter.take('a')).isOver).toBe(false);
  }
  clock.time += 1000;
  expect(await counter.take('a')).toMatchObject({ isOver: true, consumed: 4, remaining: 0 });
  await counter.reset('a');
  expect(await counter.remaining('a')).toBe(3);
});
