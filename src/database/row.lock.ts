import type { Kysely, Transaction } from 'kysely';
import type { Schema } from './database.schema.js';

/**
 * Whether rows that a rule rests on must be locked (`for update`) before it's checked, always in the order of their ids.
 * SQLite knows no such clause and needs none: it has one writer at a time.
 */
export function needsRowLocks(query: Kysely<Schema> | Transaction<Schema>): boolean {
  return query.getExecutor().adapter.supportsTransactionalDdl;
}
