import type {
  CompiledQuery,
  DatabaseConnection,
  Dialect,
  Driver,
  Kysely,
  QueryResult,
  TransactionSettings,
} from 'kysely';
import { Problem } from '../core/problem.error.js';

/** SQLSTATE classes in which the server, not the statement, is at fault: connection, no such database, resources, operator, system. */
const awayClasses = /^(?:08|3D|53|57|58)/;
const awayCodes = new Set(
  [
    'ECONNREFUSED ECONNRESET ETIMEDOUT EPIPE ENOTFOUND EHOSTUNREACH EAI_AGAIN',
    'SQLITE_BUSY SQLITE_FULL SQLITE_IOERR SQLITE_CANTOPEN SQLITE_READONLY',
  ].flatMap((codes) => codes.split(' ')),
);
/** What pg says without a code when a connection or the pool gives up. */
const awayMessages =
  /^(?:Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered)/;

/**
 * A dialect whose errors say whether the database is away: those become the problem `database_unavailable`, so that a
 * caller gets a 503 to try again and never a 500. All others pass as they are.
 */
export function guardDialect(dialect: Dialect): Dialect {
  return {
    createAdapter: () => dialect.createAdapter(),
    createDriver: () => new GuardedDriver(dialect.createDriver()),
    createIntrospector: (database: Kysely<unknown>) => dialect.createIntrospector(database),
    createQueryCompiler: () => dialect.createQueryCompiler(),
  };
}

/** Whether this error means that the database is away, not that the statement is wrong. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) {
    return false;
  }
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' && code !== ''
    ? awayCodes.has(code) || (code.length === 5 && awayClasses.test(code))
    : awayMessages.test(error.message);
}

/** A statement that ran into its own limit: the server answers, and a caller may have asked for too much. */
const statementCancelled = '57014';

const rolledBack = /no transaction is active/;

/** Whether the server doesn't answer, or is going: unlike other failures of its own, one that no statement can cause. */
export function isDatabaseSilent(error: unknown): boolean {
  return isDatabaseAway(error) && Reflect.get(Object(error), 'code') !== statementCancelled;
}

class GuardedDriver implements Driver {
  readonly #driver: Driver;
  readonly #inner = new WeakMap<DatabaseConnection, DatabaseConnection>();

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  async init(): Promise<void> {
    return guarded(() => this.#driver.init());
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const inner = await guarded(() => this.#driver.acquireConnection());
    const connection: DatabaseConnection = {
      executeQuery: <R>(query: CompiledQuery): Promise<QueryResult<R>> =>
        guarded(() => inner.executeQuery<R>(query)),
      streamQuery: <R>(query: CompiledQuery, size?: number) => inner.streamQuery<R>(query, size),
    };
    this.#inner.set(connection, inner);
    return connection;
  }

  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    return guarded(() => this.#driver.beginTransaction(this.#innerOf(connection), settings));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    return guarded(() => this.#driver.commitTransaction(this.#innerOf(connection)));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await guarded(() => this.#driver.rollbackTransaction(this.#innerOf(connection))).catch(
      (error: unknown) => {
        // SQLite itself rolls back what finds the disk full; the error that led here is the one that counts.
        if (!(error instanceof Error && rolledBack.test(error.message))) {
          throw error;
        }
      },
    );
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    return this.#driver.releaseConnection(this.#innerOf(connection));
  }

  async destroy(): Promise<void> {
    return this.#driver.destroy();
  }

  #innerOf(connection: DatabaseConnection): DatabaseConnection {
    return this.#inner.get(connection) ?? connection;
  }
}

async function guarded<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw isDatabaseAway(error)
      ? new Problem('database_unavailable', { reason: 'database_unreachable', cause: error })
      : error;
  }
}
