import { Injectable } from '@nestjs/common';
import { KeyedLines } from '../../../platform/core/keyed-lines.js';
import { DatabaseLocks } from '../../../platform/database/database-locks.js';
import { Problem } from '../../../platform/errors/problem.error.js';

/** Changes of one source that wait at the same time. */
const longestLine = 64;
/** Milliseconds that a change waits for the others of its source. */
const longestWait = 20_000;
/** Milliseconds that one waits for the lock while it keeps others from Kratos. */
const shortWait = 2000;

/** Ends a hold. Safe to repeat. */
export type Release = () => void;

/**
 * Locks of identities at Kratos, across replicas. Kratos reads an identity with its credentials, and writes it back whole: of two changes at
 * once, the one that was read earlier and written later undoes the other, say a new password.
 *
 * Changes of one source wait for each other first, so that however many a session sends, each other source is soon next.
 */
@Injectable()
export class IdentityLocks {
  readonly #lines = new KeyedLines();
  /** Changes that wait or are under way, by line. */
  readonly #lengths = new Map<string, number>();

  constructor(private readonly locks: DatabaseLocks) {}

  /**
   * Changes an identity while nothing else of the gateway does. It can't be nested.
   * @param source of the change: a session or key, a kind of changes by users, or the gateway itself.
   * @throws {Problem} `overloaded` if its turn doesn't come; whatever it throws.
   */
  async run<T>(id: string, change: () => Promise<T>, source = 'gateway'): Promise<T> {
    return this.#inLine(id, source, async () => this.locks.run(lockOf(id), change));
  }

  /** Holds an identity's lock until it's released, for a change that isn't one call. @throws {Problem} `overloaded` */
  async hold(id: string, source: string): Promise<Release> {
    return held(async (change) => this.run(id, change, source));
  }

  /** Waits for the other changes of a source alone, before {@link holdSoon}. @returns what lets the next one through. @throws {Problem} `overloaded` */
  async enterLine(id: string, source: string): Promise<Release> {
    return held(async (change) => this.#inLine(id, source, change));
  }

  /** As {@link hold}, for a change that came through the line of its source, and now keeps others from Kratos. @throws {Problem} `overloaded` */
  async holdSoon(id: string): Promise<Release> {
    let isLate = false;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        isLate = true;
        reject(busy());
      }, shortWait);
      const lock = held(async (change) =>
        this.locks.run(lockOf(id), async () => {
          clearTimeout(timer);
          await (isLate ? undefined : change());
        }),
      );
      lock.then(resolve, reject);
    });
  }

  /** Makes a change when it's its turn among those of its source. */
  async #inLine<T>(id: string, source: string, change: () => Promise<T>): Promise<T> {
    const line = `${id} ${source}`;
    const length = this.#lengths.get(line) ?? 0;
    if (length >= longestLine) {
      throw busy();
    }
    const since = performance.now();
    this.#lengths.set(line, length + 1);
    try {
      return await this.#lines.run(line, async () => {
        if (performance.now() - since > longestWait) {
          throw busy();
        }
        return change();
      });
    } finally {
      const left = (this.#lengths.get(line) ?? 1) - 1;
      if (left === 0) {
        this.#lengths.delete(line);
      } else {
        this.#lengths.set(line, left);
      }
    }
  }
}

function lockOf(id: string): string {
  return `identity ${id}`;
}

/** Begins a change that lasts until it's released. @param run makes it. */
async function held(run: (change: () => Promise<void>) => Promise<void>): Promise<Release> {
  return new Promise((resolve, reject) => {
    run(async () => new Promise<void>((release) => resolve(release))).catch(reject);
  });
}

function busy(): Problem {
  return new Problem('overloaded', { reason: 'lock_busy', headers: { 'retry-after': '5' } });
}
