import { describe, expect, it, vi } from 'vitest';
import { inTime } from './deadline.js';

const never = new Promise<never>(() => undefined);

/** Blocks the event loop. */
function block(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe('a deadline', () => {
  it('ends what takes longer, and tells it by its signal', async () => {
    let given: AbortSignal | undefined;
    const began = performance.now();
    const ended = inTime(300, async (signal) => {
      given = signal;
      return never;
    });
    await expect(ended).rejects.toMatchObject({ name: 'TimeoutError', message: 'timed out after 300 ms' });
    expect(performance.now() - began).toBeGreaterThan(280);
    expect(given?.aborted).toBe(true);
  });

  it('leaves alone what is done before, or fails by itself', async () => {
    const aborted = vi.fn();
    const answer = await inTime(300, async (signal) => {
      signal.addEventListener('abort', aborted);
      return 'answer';
    });
    expect(answer).toBe('answer');
    const failed = inTime(300, async () => {
      throw new Error('refused');
    });
    await expect(failed).rejects.toThrow('refused');
    expect(aborted).not.toHaveBeenCalled();
  });

  it('counts only time in which an answer could have been seen: a late event loop makes nobody slow', async () => {
    const answered = inTime(300, async () => {
      block(500);
      return new Promise<string>((resolve) => {
        setTimeout(() => resolve('answer'), 100);
      });
    });
    expect(await answered).toBe('answer');
  });

  it('waits for a peer that answers others, and ends once it is silent', async () => {
    let answers = 0;
    const others = setInterval(() => (answers += 1), 50);
    const waited = inTime(300, async () => never, { answers: () => answers, atMost: 60_000 });
    const silentFrom = new Promise<number>((resolve) => {
      setTimeout(() => {
        clearInterval(others);
        resolve(performance.now());
      }, 800);
    });
    await expect(waited).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(performance.now() - (await silentFrom)).toBeGreaterThan(180);
  });

  it('waits for such a peer only so long', async () => {
    let answers = 0;
    const others = setInterval(() => (answers += 1), 50);
    try {
      const waited = inTime(300, async () => never, { answers: () => answers, atMost: 600 });
      await expect(waited).rejects.toThrow('timed out after 600 ms');
    } finally {
      clearInterval(others);
    }
  });
});
