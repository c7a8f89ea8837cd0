import type {
  CompiledQuery,
  DatabaseConnection,
  Dialect,
  Driver,
  Kysely,
  QueryResult,
  TransactionSettings,
} from 'kysely';
import { codeOf } from '../config/error-code.js';
import { Problem } from '../errors/problem.error.js';
import { retryLost } from './lost-transaction.js';

/** SQLSTATE classes of failures of the server: connection, no such database, resources, operator, system. */
const awayClasses = /^(?:08|3D|53|57|58)/;
/** SQLSTATE of a write on a server that only reads: a standby, or a primary that another one has replaced. */
const readOnly = '25006';
const awayCodes = new Set(
  'ECONNREFUSED ECONNRESET ETIMEDOUT EPIPE ENOTFOUND EHOSTUNREACH EAI_AGAIN'.split(' '),
);
/** SQLite's codes, alone or extended (https://sqlite.org/rescode.html): `SQLITE_BUSY`, `SQLITE_BUSY_SNAPSHOT`, `SQLITE_IOERR_READ`. */
const awaySqlite = /^SQLITE_(?:BUSY|FULL|IOERR|CANTOPEN|READONLY)(?:_|$)/;
/** Messages of pg's errors that have no code: a connection or the pool gave up, or the process ends. */
const awayMessages =
  /^(?:Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered|Cannot use a pool after calling end)/;

/** No connection became free in time. A server that accepts no connections causes another error. */
export class BusyPoolError extends Error {
  override readonly name = 'BusyPoolError';

  constructor() {
    super('no connection became free in time');
  }
}

/**
 * Wraps a dialect so that errors of an unavailable database become the problem `database_unavailable`. A caller then gets a 503
 * and can retry, never a 500. A text with a NUL is `malformed_request`. All other errors pass unchanged, after a single statement that
 * lost against another one was tried again.
 */
export function guardDialect(dialect: Dialect): Dialect {
  return {
    createAdapter: () => dialect.createAdapter(),
    createDriver: () => new GuardedDriver(dialect.createDriver()),
    createIntrospector: (database: Kysely<unknown>) => dialect.createIntrospector(database),
    createQueryCompiler: () => dialect.createQueryCompiler(),
  };
}

/** Whether this error means that the database is unavailable, not that the statement is wrong. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) {
    return false;
  }
  const code = codeOf(error);
  return code
    ? awayCodes.has(code) ||
        awaySqlite.test(code) ||
        code === readOnly ||
        (code.length === 5 && awayClasses.test(code))
    : error instanceof BusyPoolError || awayMessages.test(error.message);
}

/** SQLSTATE of a text that PostgreSQL can't hold, not even to compare it: it has a NUL, which only a caller writes. */
const unwritableText = '22021';

/** SQLSTATE of a statement that exceeded `statement_timeout`. The server does answer; a caller may have asked for too much. */
const statementCancelled = '57014';

const begins = /^begin\b/i;
const ends = /^(?:commit|rollback)$/i;
const rolledBack = /no transaction is active/;

/** Whether the server doesn't answer, or shuts down. A statement's time limit doesn't count: a caller can cause it. */
export function isDatabaseSilent(error: unknown): boolean {
  return isDatabaseAway(error) && codeOf(error) !== statementCancelled;
}

class GuardedDriver implements Driver {
  readonly #inner = new WeakMap<DatabaseConnection, DatabaseConnection>();
  readonly #inTransaction = new WeakSet<DatabaseConnection>();

  constructor(private readonly driver: Driver) {}

  async init(): Promise<void> {
    return guarded(() => this.driver.init());
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const inner = await guarded(() => this.driver.acquireConnection());
    const connection: DatabaseConnection = {
      executeQuery: <R>(query: CompiledQuery): Promise<QueryResult<R>> => {
        const once = (): Promise<QueryResult<R>> => guarded(() => inner.executeQuery<R>(query));
        // The migrations begin and end their transaction by statements, because Kysely's migrator takes none.
        if (begins.test(query.sql)) {
          this.#inTransaction.add(connection);
        } else if (ends.test(query.sql)) {
          this.#inTransaction.delete(connection);
        }
        return this.#inTransaction.has(connection) ? once() : retryLost(once);
      },
      streamQuery: <R>(query: CompiledQuery, size?: number) => inner.streamQuery<R>(query, size),
    };
    this.#inner.set(connection, inner);
    return connection;
  }

  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    await guarded(() => this.driver.beginTransaction(this.#innerOf(connection), settings));
    this.#inTransaction.add(connection);
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await guarded(() => this.driver.commitTransaction(this.#innerOf(connection)));
    this.#inTransaction.delete(connection);
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    this.#inTransaction.delete(connection);
    await guarded(() => this.driver.rollbackTransaction(this.#innerOf(connection))).catch(
      (error: unknown) => {
        // SQLite rolls back by itself when the disk is full. The original error is the one to report.
        if (!(error instanceof Error && rolledBack.test(error.message))) {
          throw error;
        }
      },
    );
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    return this.driver.releaseConnection(this.#innerOf(connection));
  }

  async destroy(): Promise<void> {
    return this.driver.destroy();
  }

  #innerOf(connection: DatabaseConnection): DatabaseConnection {
    return this.#inner.get(connection) ?? connection;
  }
}

async function guarded<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (codeOf(error) === unwritableText) {
      throw new Problem('malformed_request', { detail: 'A value has a NUL character.', cause: error });
    }
    throw isDatabaseAway(error)
      ? new Problem('database_unavailable', { reason: 'database_unreachable', cause: error })
      : error;
  }
}
