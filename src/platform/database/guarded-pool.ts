import type { Pool, PoolClient } from 'pg';
import { Problem } from '../errors/problem.error.js';
import { inTime } from '../time/deadline.js';
import { CircuitBreaker } from '../upstream/circuit-breaker.js';
import { busyVendorTimeout, vendorTimeout } from '../upstream/vendor-call.js';
import { BusyPoolError, isDatabaseSilent } from './guarded-dialect.js';

/** Creates the circuit breaker for a database server. */
export function databaseBreaker(): CircuitBreaker {
  const breaker: CircuitBreaker = new CircuitBreaker('database', {
    // A time-out while waiting for a free connection doesn't count: the server may be busy with our own statements, whose
    // outcomes count. It does count for the call that tests the server while the circuit is half open.
    isAway: (failure) =>
      isDatabaseSilent(failure) && !(breaker.state === 'closed' && failure instanceof BusyPoolError),
    refuse: (reason) => new Problem('database_unavailable', { reason }),
  });
  return breaker;
}

/**
 * A connection pool behind a circuit breaker. The time from acquiring a connection to releasing it counts as one call, so nothing
 * is refused in the middle of a transaction.
 *
 * A connection on which the server stopped answering isn't used again. Its answer may still arrive, or never, for example when an
 * address moved to another machine.
 *
 * Callers wait for a free connection in line: {@link vendorTimeout} while none is released on which the server answered, at most
 * {@link busyVendorTimeout}. pg's own time limit counts from when each caller came, so it refused the last of many who log in at once, while the
 * line moved.
 */
export class GuardedPool {
  /** What lets each waiting caller go on, in order. */
  readonly #line = new Set<() => void>();
  #free: number;
  /** Connections that were released so far, on which the server had answered. */
  #answers = 0;

  constructor(
    private readonly pool: Pool,
    private readonly breaker: CircuitBreaker,
  ) {
    this.#free = pool.options.max;
  }

  /**
   * Acquires a connection.
   * @throws {Problem} `database_unavailable` while the circuit is open.
   * @throws {BusyPoolError} when none becomes free in time; otherwise whatever pg throws.
   */
  async connect(): Promise<PoolClient> {
    const settle = this.breaker.begin();
    try {
      await this.#takeTurn();
    } catch (error) {
      settle(error);
      throw error;
    }
    try {
      const client = await this.pool.connect();
      return watched(client, (failure) => {
        settle(failure);
        client.release(failure !== undefined);
        this.#answers += failure === undefined ? 1 : 0;
        this.#giveTurn();
      });
    } catch (error) {
      settle(error);
      this.#giveTurn();
      throw error;
    }
  }

  async end(): Promise<void> {
    await this.pool.end();
  }

  async #takeTurn(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    try {
      await inTime(vendorTimeout, async (signal) => this.#waitInLine(signal), {
        answers: () => this.#answers,
        atMost: busyVendorTimeout,
      });
    } catch {
      throw new BusyPoolError();
    }
  }

  async #waitInLine(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#line.add(resolve);
      signal.addEventListener('abort', () => this.#line.delete(resolve));
    });
  }

  /** Passes a free connection to the first in line. */
  #giveTurn(): void {
    const [first] = this.#line;
    if (first === undefined) {
      this.#free += 1;
    } else {
      this.#line.delete(first);
      first();
    }
  }
}

/** Wraps a connection, to note whether the server stopped answering on it. @param end releases it, after that failure. */
function watched(client: PoolClient, end: (failure?: unknown) => void): PoolClient {
  let failure: unknown;
  const query = async (...words: readonly unknown[]): Promise<unknown> => {
    if (failure !== undefined) {
      // A rollback, for example, would wait for a second time.
      throw failure;
    }
    try {
      return await Reflect.apply(client.query, client, words);
    } catch (error) {
      failure = isDatabaseSilent(error) ? error : failure;
      throw error;
    }
  };
  const release = (): void => end(failure);
  return new Proxy(client, {
    get: (target, name): unknown =>
      name === 'query' ? query : name === 'release' ? release : Reflect.get(target, name),
  });
}
