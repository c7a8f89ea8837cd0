import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';
import { Kysely, type Transaction, type TransactionBuilder } from 'kysely';
import { Problem } from '../core/problem.error.js';

/** SQLSTATE of a transaction that lost against another one, and may be done again as a whole: serialisation failure, deadlock. */
const lost = new Set(['40001', '40P01']);

function hasLost(error: unknown): boolean {
  return error instanceof Error && lost.has(String(Reflect.get(error, 'code')));
}

/** Again at most five times, after 10, 20, 40… milliseconds give or take, so that those who met don't meet again. */
const again = retry(handleWhen(hasLost), {
  maxAttempts: 5,
  backoff: new ExponentialBackoff({ initialDelay: 10, maxDelay: 500 }),
});

/**
 * Queries whose transactions are done again when they lost against another one. PostgreSQL's deadlocks are rare; CockroachDB and
 * YugabyteDB count on it. What a transaction does besides statements must bear being done twice.
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
