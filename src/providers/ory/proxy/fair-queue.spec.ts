import { describe, expect, it } from 'vitest';
import { type Caller, FairQueue, type Leave, type QueueBounds } from './fair-queue.js';

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

  come(
    name: string,
    networks: readonly string[] = [name],
    { gone = new AbortController().signal, isKnown = false } = {},
  ): void {
    void this.#enter(name, { networks, isKnown }, gone);
  }

  /** Ends the oldest turn, and lets everything happen that follows from it. */
  async end(times = 1): Promise<void> {
    for (let count = 0; count < times; count += 1) {
      await settled();
      this.#leaves.shift()?.();
    }
    await settled();
  }

  async #enter(name: string, caller: Caller, gone: AbortSignal): Promise<void> {
    try {
      this.#leaves.push(await this.queue.enter(caller, gone));
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

  it('known callers are next, whatever waits; every fourth turn is anybody’s', async () => {
    const line = new Observed();
    Array.from({ length: 10 }, (_, index) => line.come(`stranger${index}`));
    Array.from({ length: 6 }, (_, index) => line.come(`known${index}`, ['k'], { isKnown: true }));
    await line.end(9);
    const kinds = line.turns.map((name) => name.replace(/\d/, ''));
    // The first had its turn before anyone waited.
    expect(kinds).toEqual([
      'stranger',
      'known',
      'known',
      'stranger',
      'known',
      'known',
      'known',
      'stranger',
      'known',
      'stranger',
    ]);
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
    const leave = await queue.enter({ networks: ['a'], isKnown: false }, stays);
    const second = queue.enter({ networks: ['a'], isKnown: false }, stays);
    const third = queue.enter({ networks: ['a'], isKnown: false }, stays);
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

  it('is known, where their network has the most waiting; inside one network, and of equals, a stranger', async () => {
    const line = new Observed({ longest: 3 });
    line.come('first');
    line.come('stranger');
    ['known1', 'known2', 'known3'].forEach((name) => line.come(name, ['k'], { isKnown: true }));
    await settled();
    expect(line.refused).toEqual(['known3 queue_full']);
    line.come('neighbour', ['k']);
    await settled();
    expect(line.refused.slice(1)).toEqual(['neighbour queue_full']);
    line.come('other', ['o'], { isKnown: true });
    await settled();
    expect(line.refused.slice(2)).toEqual(['known2 queue_full']);
    line.come('another', ['p'], { isKnown: true });
    await settled();
    expect(line.refused.slice(3)).toEqual(['stranger queue_full']);
  });

  it('is none of the strangers from elsewhere, nor do they wait for ever, whatever known callers of one wide network do', async () => {
    const line = new Observed({ longest: 512 });
    const flood = (from: number, to: number): void => {
      for (let index = from; index < to; index += 1) {
        line.come('known', ['site', `subscriber${index % 256}`], { isKnown: true });
      }
    };
    flood(0, 520);
    const strangers = Array.from({ length: 200 }, (_, index) => `stranger${index}`);
    strangers.forEach((name) => line.come(name));
    await settled();
    expect(line.refused.filter((refusal) => !refusal.startsWith('known'))).toEqual([]);
    for (let turn = 0; turn < 200; turn += 1) {
      flood(turn * 4, turn * 4 + 4);
      await line.end(4);
    }
    expect(line.refused.filter((refusal) => !refusal.startsWith('known'))).toEqual([]);
    expect(line.turns.filter((name) => name !== 'known')).toEqual(strangers);
  });

  it('is a stranger, while known callers have few of the places, from however many networks strangers come', async () => {
    const line = new Observed({ longest: 100 });
    Array.from({ length: 150 }, (_, index) => line.come(`stranger${index}`));
    Array.from({ length: 25 }, () => line.come('known', ['office'], { isKnown: true }));
    await settled();
    expect(line.refused.filter((refusal) => refusal.startsWith('known'))).toEqual([]);
    line.come('known', ['office'], { isKnown: true });
    await settled();
    expect(line.refused.at(-1)).toBe('known queue_full');
  });

  it('is told when to come again', async () => {
    const queue = new FairQueue({ ...bounds, longest: 0 });
    await queue.enter({ networks: ['a'], isKnown: false }, stays);
    await expect(queue.enter({ networks: ['b'], isKnown: false }, stays)).rejects.toMatchObject({
      code: 'overloaded',
      headers: { 'retry-after': expect.stringMatching(/^[1-4]$/) },
    });
  });

  it('after its time, or when it has left: its place goes to nobody', async () => {
    const line = new Observed({ timeout: 20 });
    const left = new AbortController();
    line.come('a');
    line.come('late');
    line.come('left', ['left'], { gone: left.signal });
    left.abort();
    await expect.poll(() => line.refused).toEqual(['left queue_left', 'late queue_too_slow']);
    expect(line.queue.length).toBe(0);
    line.come('next');
    await line.end(1);
    expect(line.turns).toEqual(['a', 'next']);
    const gone = new AbortController();
    gone.abort();
    await expect(line.queue.enter({ networks: ['b'], isKnown: false }, gone.signal)).rejects.toMatchObject({
      reason: 'queue_left',
    });
  });
});
