import { Kysely, type Transaction, type TransactionBuilder } from 'kysely';
import { retryLost } from './lost-transaction.js';

/**
 * Kysely that retries transactions that failed because of a concurrent one. Anything that a transaction does besides statements
 * must be safe to repeat.
 */
export class RetryingKysely<Tables> extends Kysely<Tables> {
  override transaction(): TransactionBuilder<Tables> {
    const builder = super.transaction();
    const once = builder.execute.bind(builder);
    builder.execute = async <T>(work: (transaction: Transaction<Tables>) => Promise<T>): Promise<T> =>
      retryLost(() => once(work));
    return builder;
  }
}
