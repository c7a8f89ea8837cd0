import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Kysely, type LogEvent, PostgresDialect, SqliteDialect } from 'kysely';
import Sqlite from 'libsql';
import { Pool, TypeOverrides } from 'pg';
import type { CircuitBreaker } from '../core/circuit.breaker.js';
import { Database, type Schema } from './database.schema.js';
import { guardDialect } from './guarded.dialect.js';
import { databaseBreaker, GuardedPool } from './guarded.pool.js';
import { RetryingKysely } from './retrying.query.js';

const postgresBigint = 20;
/** Milliseconds that a statement waits for whoever holds the SQLite file. */
const busyTimeout = 5000;

/** The database can't be opened. The message says what to check. */
export class DatabaseOpenError extends Error {
  override readonly name = 'DatabaseOpenError';
}

/** One process's connection: a pool to PostgreSQL, or one SQLite file. */
export class DatabaseConnection extends Database {
  readonly query: Kysely<Schema>;
  readonly kind: 'sqlite' | 'postgres';
  /** The circuit to the server; a file has none. */
  readonly breaker: CircuitBreaker | undefined;

  /**
   * Opens lazily for PostgreSQL, at once for SQLite (the folder is made when it's missing).
   * @param url `postgres://…` or `file:…`
   * @param log called after every statement, for example to count them.
   */
  constructor(url: string, log?: (event: LogEvent) => void) {
    super();
    const options = log === undefined ? {} : { log };
    if (url.startsWith('file:')) {
      this.kind = 'sqlite';
      this.breaker = undefined;
      this.query = new RetryingKysely({
        dialect: guardDialect(new SqliteDialect({ database: openSqlite(url) })),
        ...options,
      });
    } else {
      this.kind = 'postgres';
      this.breaker = databaseBreaker();
      const pool = new GuardedPool(openPostgres(url), this.breaker);
      this.query = new RetryingKysely({
        dialect: guardDialect(new PostgresDialect({ pool })),
        ...options,
      });
    }
  }

  /** Closes every connection. */
  async close(): Promise<void> {
    await this.query.destroy();
  }
}

/** Files of an earlier version may be readable by others, in a folder that others may enter. */
function closeToOthers(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) {
    try {
      chmodSync(`${path}${suffix}`, 0o600);
    } catch (error) {
      const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
      // Another user's file in a shared volume, or a file system without modes.
      if (code !== 'ENOENT' && code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EROFS') {
        throw error;
      }
    }
  }
}

function openSqlite(url: string): Sqlite.Database {
  const path = url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const sqlite = new Sqlite(path, { timeout: busyTimeout });
    sqlite.exec('pragma journal_mode = wal');
    sqlite.exec('pragma foreign_keys = on');
    closeToOthers(path);
    return sqlite;
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    throw new DatabaseOpenError(
      `The database file cannot be opened (${String(code)}). Check that DATA_DIR, or the path in DATABASE_URL, is a writable folder and the file a SQLite database.`,
      { cause: error },
    );
  }
}

function openPostgres(url: string): Pool {
  // Milliseconds since the epoch fit into a double; pg hands bigint over as text unless told otherwise.
  const types = new TypeOverrides();
  types.setTypeParser(postgresBigint, Number);
  const pool = new Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 2000,
    statement_timeout: 5000,
    // A server that went silent: the statement's own limit can't fire there.
    query_timeout: 6000,
    application_name: 'vestibule',
    types,
  });
  // An idle connection that breaks is replaced at the next query, whose own error is the one that counts.
  pool.on('error', () => undefined);
  // The same for one that is in use: without a listener it would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}
