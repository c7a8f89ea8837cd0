import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LogEvent, sql } from 'kysely';
import { DatabaseConnection } from '../../src/platform/database/database-connection.js';
import { migrate } from '../../src/platform/database/migration-runner.js';
import { type DatabaseKind, TestDatabases } from './test.database.js';

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
  const databases = new TestDatabases(postgresUrl);
  const folder = await newFolder();
  return databaseOf(databases, folder, kind === 'sqlite' ? urlIn(folder) : await databases.create());
}

/** The same with the schema in place, as a copy of a database that has it. */
export async function migratedDatabase(kind: DatabaseKind, postgresUrl: string): Promise<FreshDatabase> {
  const databases = new TestDatabases(postgresUrl);
  const folder = await newFolder();
  if (kind === 'postgres') {
    return databaseOf(databases, folder, await databases.createMigrated());
  }
  await writeMigrated(pathIn(folder));
  return databaseOf(databases, folder, urlIn(folder));
}

/** Makes a folder in which a gateway finds its SQLite file with the schema in place: one that it would make itself takes longer. */
export async function migratedDataDir(): Promise<string> {
  const folder = await newFolder();
  await writeMigrated(join(folder, 'vestibule.db'));
  return folder;
}

/** What a SQLite file has once it is migrated; of this worker. */
let migratedFile: Promise<Buffer> | undefined;

async function writeMigrated(path: string): Promise<void> {
  migratedFile ??= makeMigratedFile();
  await writeFile(path, await migratedFile, { mode: 0o600 });
}

async function makeMigratedFile(): Promise<Buffer> {
  const folder = await newFolder();
  const connection = new DatabaseConnection(urlIn(folder));
  await migrate(connection);
  const copy = join(folder, 'copy.db');
  await sql`vacuum into ${sql.lit(copy)}`.execute(connection.query);
  await connection.close();
  const content = await readFile(copy);
  await rm(folder, { recursive: true, force: true });
  return content;
}

const newFolder = async (): Promise<string> => mkdtemp(join(tmpdir(), 'vestibule-database-'));
const pathIn = (folder: string): string => join(folder, 'test.db');
const urlIn = (folder: string): string => `file:${pathIn(folder)}`;

function databaseOf(databases: TestDatabases, folder: string, url: string): FreshDatabase {
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
