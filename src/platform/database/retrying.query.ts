import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';
import { Kysely, type Transaction, type TransactionBuilder } from 'kysely';
import { codeOf } from '../config/error.code.js';
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
 * Kysely that retries transactions that failed because of a concurrent one. PostgreSQL rarely reports deadlocks; CockroachDB and
 * YugabyteDB rely on retries. Anything that a transaction does besides statements must be safe to repeat.
 */
export class RetryingKysely<Tables> extends Kysely<Tables> {
  override transaction(): TransactionBuilder<Tables> {
    const builder = super.transaction();
    const once = builder.execute.bind(builder);
    builder.execute = async <T>(work: (transaction: Transaction<Tables>) => Promise<T>): Promise<T> =>
      again
        .execute(() => once(work))
        .catch((error: unknown) => {
          throw hasLost(error)
            ? new Problem('database_unavailable', { reason: 'transactions_conflict', cause: error })
            : error;
        });
    return builder;
  }
}
