import type { Pool, PoolClient } from 'pg';
import { CircuitBreaker } from '../core/circuit.breaker.js';
import { Problem } from '../core/problem.error.js';
import { isDatabaseSilent } from './guarded.dialect.js';

/** The circuit to a database server. */
export function databaseBreaker(): CircuitBreaker {
  const breaker: CircuitBreaker = new CircuitBreaker('database', {
    // Waiting in line says nothing of the server, which may be busy with our own statements: those say it. But the one call that
    // tries whether it's there again has failed with that, too.
    isAway: (failure) => isDatabaseSilent(failure) && !(breaker.state === 'closed' && isPoolBusy(failure)),
    refuse: (reason) => new Problem('database_unavailable', { reason }),
  });
  return breaker;
}

/** Whether all connections were in use for as long as one may wait for one; a server that lets nobody connect is told otherwise. */
function isPoolBusy(failure: unknown): boolean {
  return failure instanceof Error && failure.message === 'timeout exceeded when trying to connect';
}

/**
 * A pool behind a circuit: from taking a connection to giving it back is one call, so that nothing is refused in the middle of a
 * transaction. A connection on which the server fell silent isn't used again: its answer may still come, or never, as
 * when an address moved to another machine.
 */
export class GuardedPool {
  readonly #pool: Pool;
  readonly #breaker: CircuitBreaker;

  constructor(pool: Pool, breaker: CircuitBreaker) {
    this.#pool = pool;
    this.#breaker = breaker;
  }

  /** @throws {Problem} `database_unavailable` while the circuit is open; else what pg throws. */
  async connect(): Promise<PoolClient> {
    const settle = this.#breaker.begin();
    try {
      return watched(await this.#pool.connect(), settle);
    } catch (error) {
      settle(error);
      throw error;
    }
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }
}

/** A connection that remembers whether the server fell silent on it. */
function watched(client: PoolClient, settle: (failure?: unknown) => void): PoolClient {
  let failure: unknown;
  const query = async (...words: readonly unknown[]): Promise<unknown> => {
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
