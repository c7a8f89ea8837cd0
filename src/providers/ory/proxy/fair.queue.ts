import { LRUCache } from 'lru-cache';
import { Problem } from '../../../platform/errors/problem.error.js';

/** Networks whose latest turn is remembered. */
const rememberedNetworks = 20_000;
/** Maximum seconds until a refused caller may retry. The time is random, so that not all come back at once. */
const longestRetry = 4;

/** Bounds of a queue. */
export interface QueueBounds {
  /** How many run at the same time. */
  readonly atOnce: number;
  /** How many may wait. */
  readonly longest: number;
  /** Milliseconds that each may wait. */
  readonly timeout: number;
}

/** Ends a turn; further calls do nothing. */
export type Leave = () => void;

interface Waiter {
  /** The caller's networks, widest first. */
  readonly networks: readonly string[];
  readonly admit: (leave: Leave) => void;
  readonly refuse: (reason: string) => void;
}

/**
 * A bounded queue that is fair between networks. The next turn goes to the network whose latest turn was longest ago: first among
 * the widest networks, then among those inside one. So a network that floods the queue delays only itself, and a caller from
 * elsewhere is next.
 *
 * When the queue is full, the latest caller of the network with the most waiting callers is refused.
 */
export class FairQueue {
  readonly #bounds: QueueBounds;
  /** In order of arrival. */
  readonly #waiting: Waiter[] = [];
  /** Number of the latest turn of a network. */
  readonly #turns = new LRUCache<string, number>({ max: rememberedNetworks });
  #turn = 0;
  #running = 0;

  constructor(bounds: QueueBounds) {
    this.#bounds = bounds;
  }

  /** How many wait now. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * Waits for a turn.
   * @param networks that the caller is in, the widest first.
   * @param gone aborted when the caller has left, which ends the wait.
   * @returns a function to call when the turn ends.
   * @throws {Problem} `overloaded` when the queue is full, the wait takes too long, or the caller has left.
   */
  async enter(networks: readonly string[], gone: AbortSignal): Promise<Leave> {
    if (this.#running < this.#bounds.atOnce && !gone.aborted) {
      return this.#begin(networks);
    }
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        gone.removeEventListener('abort', left);
        const index = this.#waiting.indexOf(waiter);
        if (index !== -1) {
          this.#waiting.splice(index, 1);
        }
        act();
      };
      const waiter: Waiter = {
        networks,
        admit: (leave) => settle(() => resolve(leave)),
        refuse: (reason) => settle(() => reject(overloaded(reason))),
      };
      const left = (): void => waiter.refuse('queue_left');
      const timer = setTimeout(() => waiter.refuse('queue_too_slow'), this.#bounds.timeout);
      gone.addEventListener('abort', left);
      this.#waiting.push(waiter);
      if (gone.aborted) {
        left();
      } else if (this.#waiting.length > this.#bounds.longest) {
        this.#latestOfMost().refuse('queue_full');
      }
    });
  }

  #begin(networks: readonly string[]): Leave {
    this.#running += 1;
    this.#turn += 1;
    networks.forEach((network) => this.#turns.set(network, this.#turn));
    let isOver = false;
    return () => {
      if (!isOver) {
        isOver = true;
        this.#running -= 1;
        this.#next();
      }
    };
  }

  #next(): void {
    const [first, ...others] = this.#waiting;
    if (first !== undefined && this.#running < this.#bounds.atOnce) {
      const next = others.reduce((best, waiter) => (this.#isBefore(waiter, best) ? waiter : best), first);
      next.admit(this.#begin(next.networks));
    }
  }

  /** Whether the first waiter's latest turn was earlier than the second's. Of equals, the one that arrived first stays first. */
  #isBefore({ networks }: Waiter, { networks: others }: Waiter): boolean {
    for (const [index, network] of networks.entries()) {
      const difference = this.#latest(network) - this.#latest(others[index]);
      if (difference !== 0) {
        return difference < 0;
      }
    }
    return false;
  }

  #latest(network: string | undefined): number {
    return network === undefined ? 0 : (this.#turns.get(network) ?? 0);
  }

  #latestOfMost(): Waiter {
    const counts = new Map<string | undefined, number>();
    let most: Waiter | undefined;
    for (const waiter of this.#waiting) {
      const [widest] = waiter.networks;
      const count = (counts.get(widest) ?? 0) + 1;
      counts.set(widest, count);
      if (most === undefined || count >= (counts.get(most.networks[0]) ?? 0)) {
        most = waiter;
      }
    }
    if (most === undefined) {
      throw new RangeError('nothing waits');
    }
    return most;
  }
}

/** The refusal of a queue, with a random time after which to come again. */
export function overloaded(reason: string): Problem {
  const headers = { 'retry-after': String(1 + Math.floor(Math.random() * longestRetry)) };
  return new Problem('overloaded', { reason, headers });
}
