import { LazyCache } from '../../../platform/hot-path/lazy-cache.js';
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

/** Of so many turns, one is given without regard to who is known, so that known callers can't keep out everyone else. */
const openTurn = 4;
/** Of so many places, one is kept for known callers: strangers from many networks can't keep out the users of one office. */
const keptPlace = 4;

/** Ends a turn; further calls do nothing. */
export type Leave = () => void;

/** Who asks for a turn. */
export interface Caller {
  /** The networks that they are in, the widest first. */
  readonly networks: readonly string[];
  /** Whether they go before those who may be anyone. */
  readonly isKnown: boolean;
}

interface Waiter extends Caller {
  readonly admit: (leave: Leave) => void;
  readonly refuse: (reason: string) => void;
}

/**
 * A bounded queue that is fair between networks. The next turn goes to the network whose latest turn was longest ago: first among
 * the widest networks, then among those inside one. So a network that floods the queue delays only itself, and a caller from
 * elsewhere is next. Known callers go before all others, but for every fourth turn.
 *
 * When the queue is full, the latest caller of the network with the most waiting callers is refused: one who isn't known, if there
 * is one, also between networks with equally many. So known callers who flood the queue keep out only themselves. As long as they
 * have at most a quarter of the places, strangers alone are refused.
 */
export class FairQueue {
  /** In order of arrival. */
  readonly #waiting: Waiter[] = [];
  /** Number of the latest turn of a network. */
  readonly #turns = new LazyCache<string, number>(rememberedNetworks);
  #turn = 0;
  #running = 0;

  constructor(private readonly bounds: QueueBounds) {}

  /** How many wait now. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * Waits for a turn.
   * @param gone aborted when the caller has left, which ends the wait.
   * @returns a function to call when the turn ends.
   * @throws {Problem} `overloaded` when the queue is full, the wait takes too long, or the caller has left.
   */
  async enter(caller: Caller, gone: AbortSignal): Promise<Leave> {
    if (this.#running < this.bounds.atOnce && !gone.aborted) {
      return this.#begin(caller);
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
        ...caller,
        admit: (leave) => settle(() => resolve(leave)),
        refuse: (reason) => settle(() => reject(overloaded(reason))),
      };
      const left = (): void => waiter.refuse('queue_left');
      const timer = setTimeout(() => waiter.refuse('queue_too_slow'), this.bounds.timeout);
      gone.addEventListener('abort', left);
      this.#waiting.push(waiter);
      if (gone.aborted) {
        left();
      } else if (this.#waiting.length > this.bounds.longest) {
        this.#surplus()?.refuse('queue_full');
      }
    });
  }

  #begin({ networks }: Caller): Leave {
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
    if (first !== undefined && this.#running < this.bounds.atOnce) {
      const next = others.reduce((best, waiter) => (this.#isBefore(waiter, best) ? waiter : best), first);
      next.admit(this.#begin(next));
    }
  }

  /**
   * Whether the first waiter is known and the second isn't; else, whether its latest turn was earlier. Of equals, the one that
   * arrived first stays first.
   */
  #isBefore({ networks, isKnown }: Waiter, { networks: others, isKnown: isOtherKnown }: Waiter): boolean {
    if (isKnown !== isOtherKnown && (this.#turn + 1) % openTurn !== 0) {
      return isKnown;
    }
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

  /** Whom a full queue refuses. */
  #surplus(): Waiter | undefined {
    const strangers = this.#waiting.filter(({ isKnown }) => !isKnown);
    const known = this.#waiting.length - strangers.length;
    const isSpared = known <= this.bounds.longest / keptPlace && strangers.length > 0;
    const most = ofLargestNetworks(isSpared ? strangers : this.#waiting);
    return most.findLast(({ isKnown }) => !isKnown) ?? most.at(-1);
  }
}

/** Those in the widest networks that have the most of them. */
function ofLargestNetworks(waiting: readonly Waiter[]): readonly Waiter[] {
  const counts = new Map<string | undefined, number>();
  for (const { networks } of waiting) {
    counts.set(networks[0], (counts.get(networks[0]) ?? 0) + 1);
  }
  const most = Math.max(...counts.values());
  return waiting.filter(({ networks }) => counts.get(networks[0]) === most);
}

/** The refusal of a queue, with a random time after which to come again. */
export function overloaded(reason: string): Problem {
  const headers = { 'retry-after': String(1 + Math.floor(Math.random() * longestRetry)) };
  return new Problem('overloaded', { reason, headers });
}
