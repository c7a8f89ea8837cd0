import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';
import { codeOf } from '../config/error-code.js';
import { Problem } from '../errors/problem.error.js';

/** SQLSTATE of a transaction that failed because of a concurrent one: serialisation failure, deadlock. */
const lost = new Set(['40001', '40P01']);

function hasLost(error: unknown): boolean {
  return lost.has(codeOf(error) ?? '');
}

/** At most five times, after about 10, 20, 40… ms. The delays vary, so that transactions don't collide again. */
const again = retry(handleWhen(hasLost), {
  maxAttempts: 5,
  backoff: new ExponentialBackoff({ initialDelay: 10, maxDelay: 500 }),
});

/**
 * Runs a whole transaction, or a statement that is one by itself, and repeats it if it failed because of a concurrent one: nothing
 * of it was kept. PostgreSQL rarely reports deadlocks; CockroachDB and YugabyteDB rely on retries.
 * @throws {Problem} `database_unavailable` if it failed each time.
 */
export async function retryLost<T>(transaction: () => Promise<T>): Promise<T> {
  try {
    return await again.execute(transaction);
  } catch (error) {
    throw hasLost(error)
      ? new Problem('database_unavailable', { reason: 'transactions_conflict', cause: error })
      : error;
  }
}
