import { type Kysely, type RawBuilder, type Transaction, sql } from 'kysely';
import type { Schema } from './database.schema.js';

type Query = Pick<Kysely<Schema> | Transaction<Schema>, 'getExecutor'>;

/** Whether the database is PostgreSQL; otherwise it's SQLite. */
export function isPostgres(query: Query): boolean {
  return query.getExecutor().adapter.supportsTransactionalDdl;
}

/**
 * Whether the rows that a rule depends on must be locked (`for update`) before the rule is checked. Lock them in the order of
 * their ids. SQLite has no such clause and needs none, because it has one writer at a time.
 */
export function needsRowLocks(query: Query): boolean {
  return isPostgres(query);
}

/** The type of a text column that is sorted byte by byte, as SQLite sorts all texts. */
export function bytewiseText(query: Query): RawBuilder<unknown> {
  return isPostgres(query) ? sql`text collate "C"` : sql`text`;
}
