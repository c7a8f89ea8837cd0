import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { PeriodicTask } from './periodic-task.js';

class Sweeper extends PeriodicTask {
  runs = 0;

  constructor(private readonly work: () => Promise<void> = async () => undefined) {
    super({ every: 1000, message: 'nothing is swept', reason: 'sweep_failed' });
  }

  protected override async run(): Promise<void> {
    this.runs += 1;
    await this.work();
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it('is done at each interval while the module lives, and not after it', async () => {
  const sweeper = new Sweeper();
  sweeper.onModuleInit();
  await vi.advanceTimersByTimeAsync(3000);
  expect(sweeper.runs).toBe(3);
  sweeper.onModuleDestroy();
  await vi.advanceTimersByTimeAsync(3000);
  expect(sweeper.runs).toBe(3);
});

it('a failure is logged with its reason, and the next time comes', async () => {
  const warn = vi.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
  const failure = new Error('away');
  const sweeper = new Sweeper(async () => Promise.reject(failure));
  sweeper.onModuleInit();
  await vi.advanceTimersByTimeAsync(2000);
  sweeper.onModuleDestroy();
  expect(sweeper.runs).toBe(2);
  expect(warn.mock.calls).toEqual(
    Array.from({ length: 2 }, () => ['nothing is swept', { reason: 'sweep_failed', err: failure }]),
  );
});
