import type { Pool, PoolClient } from 'pg';
import { CircuitBreaker } from '../upstream/circuit-breaker.js';
import { Problem } from '../errors/problem.error.js';
import { isDatabaseSilent } from './guarded-dialect.js';

/** Creates the circuit breaker for a database server. */
export function databaseBreaker(): CircuitBreaker {
  const breaker: CircuitBreaker = new CircuitBreaker('database', {
    // A time-out while waiting for a free connection doesn't count: the server may be busy with our own statements, whose
    // outcomes count. It does count for the call that tests the server while the circuit is half open.
    isAway: (failure) => isDatabaseSilent(failure) && !(breaker.state === 'closed' && isPoolBusy(failure)),
    refuse: (reason) => new Problem('database_unavailable', { reason }),
  });
  return breaker;
}

/** Whether no connection became free in time. A server that accepts no connections causes another error. */
function isPoolBusy(failure: unknown): boolean {
  return failure instanceof Error && failure.message === 'timeout exceeded when trying to connect';
}

/**
 * A connection pool behind a circuit breaker. The time from acquiring a connection to releasing it counts as one call, so nothing
 * is refused in the middle of a transaction.
 *
 * A connection on which the server stopped answering isn't used again. Its answer may still arrive, or never, for example when an
 * address moved to another machine.
 */
export class GuardedPool {
  constructor(
    private readonly pool: Pool,
    private readonly breaker: CircuitBreaker,
  ) {}

  /** Acquires a connection. @throws {Problem} `database_unavailable` while the circuit is open; otherwise whatever pg throws. */
  async connect(): Promise<PoolClient> {
    const settle = this.breaker.begin();
    try {
      return watched(await this.pool.connect(), settle);
    } catch (error) {
      settle(error);
      throw error;
    }
  }

  async end(): Promise<void> {
    await this.pool.end();
  }
}

/** Wraps a connection, to note whether the server stopped answering on it. */
function watched(client: PoolClient, settle: (failure?: unknown) => void): PoolClient {
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
  const release = (): void => {
    settle(failure);
    client.release(failure !== undefined);
  };
  return new Proxy(client, {
    get: (target, name): unknown =>
      name === 'query' ? query : name === 'release' ? release : Reflect.get(target, name),
  });
}
