import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogEvent } from 'kysely';
import { DatabaseConnection } from '../../src/platform/database/database.connection.js';
import { migrate } from '../../src/platform/database/migration.runner.js';
import type { DatabaseKind } from './stack.js';
import { TestDatabases } from './test.database.js';

/** A database of one test's own, with as many connections as it wants. */
export interface FreshDatabase {
  readonly url: string;
  /** Another connection, as another replica has it. */
  connect(log?: (event: LogEvent) => void): DatabaseConnection;
  /** Another connection, with the schema in place. */
  connectMigrated(): Promise<DatabaseConnection>;
  /** Closes every connection and removes the database. */
  drop(): Promise<void>;
}

/** Makes an empty database. @param postgresUrl of `inject('postgresUrl')`. */
export async function freshDatabase(kind: DatabaseKind, postgresUrl: string): Promise<FreshDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-database-'));
  const databases = new TestDatabases(postgresUrl);
  const url = kind === 'sqlite' ? `file:${join(folder, 'test.db')}` : await databases.create();
  const connections: DatabaseConnection[] = [];
  const connect = (log?: (event: LogEvent) => void): DatabaseConnection => {
    const connection = new DatabaseConnection(url, log);
    connections.push(connection);
    return connection;
  };
  return {
    url,
    connect,
    connectMigrated: async () => {
      const connection = connect();
      await migrate(connection);
      return connection;
    },
    drop: async () => {
      await Promise.all(connections.map((connection) => connection.close()));
      await databases.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
