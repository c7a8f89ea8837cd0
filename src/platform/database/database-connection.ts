import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Kysely, type LogEvent, SqliteDialect } from 'kysely';
import Sqlite from 'libsql';
import { Pool, TypeOverrides } from 'pg';
import { codeOf } from '../config/error-code.js';
import { StartError } from '../errors/start-errors.js';
import type { CircuitBreaker } from '../upstream/circuit-breaker.js';
import { Database, type Schema } from './database.schema.js';
import { guardDialect } from './guarded-dialect.js';
import { databaseBreaker, GuardedPool } from './guarded-pool.js';
import { TransactionLockDialect } from './transaction-lock-dialect.js';
import { RetryingKysely } from './retrying.query.js';
import { sqlitePath } from '../config/sqlite-path.js';

const postgresBigint = 20;
/** Milliseconds that a statement waits for another process to release the SQLite file. */
const busyTimeout = 5000;
/** Thrown when the database can't be opened. The message states what to check. */
export class DatabaseOpenError extends StartError {
  override readonly name = 'DatabaseOpenError';
}

/** The database connection of one process: a pool to PostgreSQL, or one SQLite file. */
export class DatabaseConnection extends Database {
  readonly query: Kysely<Schema>;
  readonly kind: 'sqlite' | 'postgres';
  /** The circuit breaker for the server; undefined for a SQLite file. */
  readonly breaker: CircuitBreaker | undefined;

  /**
   * Opens a database: PostgreSQL at the first query, SQLite at once. A missing folder for the SQLite file is created.
   * @param url `postgres://…` or `file:…`
   * @param log called after every statement, for example to count them.
   */
  constructor(url: string, log?: (event: LogEvent) => void) {
    super();
    const options = log === undefined ? {} : { log };
    if (url.startsWith('file:')) {
      this.kind = 'sqlite';
      this.breaker = undefined;
      const dialect = guardDialect(new SqliteDialect({ database: openSqlite(url) }));
      this.query = new RetryingKysely({ dialect, ...options });
    } else {
      this.kind = 'postgres';
      this.breaker = databaseBreaker();
      const pool = new GuardedPool(openPostgres(url), this.breaker);
      this.query = new RetryingKysely({
        dialect: guardDialect(new TransactionLockDialect({ pool })),
        ...options,
      });
    }
  }

  /** Closes every connection. */
  async close(): Promise<void> {
    await this.query.destroy();
  }
}

/** Restricts the SQLite files to their owner: an earlier version may have left them readable by others. */
function closeToOthers(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) {
    try {
      chmodSync(`${path}${suffix}`, 0o600);
    } catch (error) {
      // Ignored: a missing file, another user's file in a shared volume, a read-only file system, or one without modes.
      if (!['ENOENT', 'EPERM', 'ENOTSUP', 'EROFS'].includes(codeOf(error) ?? '')) {
        throw error;
      }
    }
  }
}

function openSqlite(url: string): Sqlite.Database {
  const path = sqlitePath(url);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const sqlite = new Sqlite(path, { timeout: busyTimeout });
    sqlite.exec('pragma journal_mode = wal');
    sqlite.exec('pragma foreign_keys = on');
    closeToOthers(path);
    return sqlite;
  } catch (error) {
    throw new DatabaseOpenError(
      `The database file cannot be opened (${codeOf(error)}). Check that DATA_DIR, or the path in DATABASE_URL, is a writable folder and the file a SQLite database.`,
      { cause: error },
    );
  }
}

function openPostgres(url: string): Pool {
  // pg returns bigint as text by default. Milliseconds since the epoch fit into a double.
  const types = new TypeOverrides();
  types.setTypeParser(postgresBigint, Number);
  const pool = new Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 2000,
    statement_timeout: 5000,
    // For a server that no longer responds: it can't enforce `statement_timeout`.
    query_timeout: 6000,
    application_name: 'vestibule',
    types,
  });
  // An idle connection that breaks is replaced at the next query. If that query fails too, it reports its own error.
  pool.on('error', () => undefined);
  // The same for a connection in use. Without a listener, the error would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}
