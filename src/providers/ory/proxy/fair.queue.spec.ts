import { describe, expect, it } from 'vitest';
import { FairQueue, type Leave, type QueueBounds } from './fair.queue.js';

const stays = new AbortController().signal;
const bounds: QueueBounds = { atOnce: 1, longest: 100, timeout: 60_000 };

/** A queue whose turns are recorded; each lasts until it's ended. */
class Observed {
  readonly queue: FairQueue;
  readonly turns: string[] = [];
  readonly refused: string[] = [];
  readonly #leaves: Leave[] = [];

  constructor(some: Partial<QueueBounds> = {}) {
    this.queue = new FairQueue({ ...bounds, ...some });
  }

  come(name: string, networks: readonly string[] = [name], gone = new AbortController().signal): void {
    void this.#enter(name, networks, gone);
  }

  /** Ends the oldest turn, and lets everything happen that follows from it. */
  async end(times = 1): Promise<void> {
    for (let count = 0; count < times; count += 1) {
      await settled();
      this.#leaves.shift()?.();
    }
    await settled();
  }

  async #enter(name: string, networks: readonly string[], gone: AbortSignal): Promise<void> {
    try {
      this.#leaves.push(await this.queue.enter(networks, gone));
      this.turns.push(name);
    } catch (problem) {
      this.refused.push(`${name} ${String(Reflect.get(Object(problem), 'reason'))}`);
    }
  }
}

const settled = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe('turns', () => {
  it('are had at once while there are some, and then in order by one network', async () => {
    const line = new Observed({ atOnce: 2 });
    ['a1', 'a2', 'a3', 'a4'].forEach((name) => line.come(name, ['a']));
    await settled();
    expect([line.turns, line.queue.length]).toEqual([['a1', 'a2'], 2]);
    await line.end(2);
    expect([line.turns, line.queue.length]).toEqual([['a1', 'a2', 'a3', 'a4'], 0]);
  });

  it('go to the network that had one longest ago', async () => {
    const line = new Observed();
    ['a1', 'a2', 'a3'].forEach((name) => line.come(name, ['a']));
    ['b1', 'b2'].forEach((name) => line.come(name, ['b']));
    line.come('c1', ['c']);
    await line.end(6);
    expect(line.turns).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  });

  it('a caller from elsewhere is next, whatever 64 networks have waiting', async () => {
    const line = new Observed({ longest: 1000 });
    const networks = Array.from({ length: 64 }, (_, index) => `n${index}`);
    networks.forEach((network) => Array.from({ length: 8 }, () => line.come(network)));
    await line.end(64);
    line.come('honest');
    await line.end(1);
    expect(line.turns.at(-1)).toBe('honest');
  });

  it('one wide network is one, however many narrow ones are in it; inside it they take turns', async () => {
    const line = new Observed();
    for (const subscriber of ['x', 'y', 'z']) {
      line.come(`site-${subscriber}`, ['site', subscriber]);
      line.come(`site-${subscriber}`, ['site', subscriber]);
    }
    line.come('other', ['other', 'w']);
    line.come('other', ['other', 'w']);
    await line.end(8);
    expect(line.turns.slice(0, 5)).toEqual(['site-x', 'other', 'site-y', 'other', 'site-z']);
    expect(line.turns.slice(5)).toEqual(['site-x', 'site-y', 'site-z']);
  });

  it('a turn that is ended twice frees one place', async () => {
    const queue = new FairQueue(bounds);
    const leave = await queue.enter(['a'], stays);
    const second = queue.enter(['a'], stays);
    const third = queue.enter(['a'], stays);
    leave();
    leave();
    (await second)();
    await expect(third).resolves.toBeTypeOf('function');
  });
});

describe('who is refused', () => {
  it('when it is full: the latest of the network that has the most waiting', async () => {
    const line = new Observed({ longest: 4 });
    ['a1', 'a2', 'a3', 'a4'].forEach((name) => line.come(name, ['a']));
    line.come('b1', ['b']);
    line.come('c1', ['c']);
    await settled();
    expect(line.refused).toEqual(['a4 queue_full']);
    line.come('a5', ['a']);
    await settled();
    expect(line.refused).toEqual(['a4 queue_full', 'a5 queue_full']);
    expect(line.queue.length).toBe(4);
  });

  it('is told when to come again', async () => {
    const queue = new FairQueue({ ...bounds, longest: 0 });
    await queue.enter(['a'], stays);
    await expect(queue.enter(['b'], stays)).rejects.toMatchObject({
      code: 'overloaded',
      headers: { 'retry-after': expect.stringMatching(/^[1-4]$/) },
    });
  });

  it('after its time, or when it has left: its place goes to nobody', async () => {
    const line = new Observed({ timeout: 20 });
    const left = new AbortController();
    line.come('a');
    line.come('late');
    line.come('left', ['left'], left.signal);
    left.abort();
    await expect.poll(() => line.refused).toEqual(['left queue_left', 'late queue_too_slow']);
    expect(line.queue.length).toBe(0);
    line.come('next');
    await line.end(1);
    expect(line.turns).toEqual(['a', 'next']);
    const gone = new AbortController();
    gone.abort();
    await expect(line.queue.enter(['b'], gone.signal)).rejects.toMatchObject({ reason: 'queue_left' });
  });
});
