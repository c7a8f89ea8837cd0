import { type DialectAdapter, PostgresAdapter, PostgresDialect } from 'kysely';

/** PostgreSQL without Kysely's lock for migrations: the runner of the migrations has one that a pooler lets through. */
export class TransactionLockDialect extends PostgresDialect {
  override createAdapter(): DialectAdapter {
    return new LocklessAdapter();
  }
}

class LocklessAdapter extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {
    // The transaction around it holds the lock.
  }

  override async releaseMigrationLock(): Promise<void> {
    // The end of the transaction releases it.
  }
}
