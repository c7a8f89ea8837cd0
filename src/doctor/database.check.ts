import { existsSync } from 'node:fs';
import { type Kysely, sql } from 'kysely';
import { DatabaseConnection } from '../platform/database/database-connection.js';
import { sqlitePath } from '../platform/config/sqlite-path.js';
import type { Schema } from '../platform/database/database.schema.js';
import { featuresOf } from '../platform/config/configuration.js';
import type { Feature } from '../platform/features/feature.js';
import { compareSchema } from '../platform/database/migration-runner.js';
import type { Check, Observation } from './check.port.js';
import { reasonOf } from './http.probe.js';

/** Oldest major version of PostgreSQL that is still maintained. */
const oldestPostgres = 14;

/** Checks that the database answers, is a maintained version, and has the schema of this code. */
export const databaseCheck: Check = {
  name: 'database',
  isCheap: true,
  run: async (configuration) => {
    const { DATABASE_URL, REDIS_URL } = configuration;
    const isSqlite = DATABASE_URL.startsWith('file:');
    const found: Observation[] =
      isSqlite && REDIS_URL !== undefined ? [{ code: 'sqlite_with_replicas' }] : [];
    if (!databaseIsThere(DATABASE_URL)) {
      return [...found, { code: 'database_schema_outdated', detail: 'there is no database file yet' }];
    }
    try {
      return [
        ...found,
        ...(await withDatabase(DATABASE_URL, (connection) => look(connection, featuresOf(configuration)))),
      ];
    } catch (error) {
      return [...found, { code: 'database_unreachable', detail: reasonOf(error) }];
    }
  },
};

/** Whether there is a database to connect to. For SQLite the file must exist, because connecting would create it. */
function databaseIsThere(url: string): boolean {
  return !url.startsWith('file:') || existsSync(sqlitePath(url));
}

/** Opens a database for some work, and closes it again. */
export async function withDatabase<T>(
  url: string,
  work: (connection: DatabaseConnection) => Promise<T>,
): Promise<T> {
  const connection = new DatabaseConnection(url);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

/** Reads from a deployment's database. @returns undefined if that isn't possible, which another check reports. */
export async function readDatabase<T>(
  url: string,
  read: (query: Kysely<Schema>) => Promise<T>,
): Promise<T | undefined> {
  if (!databaseIsThere(url)) {
    return undefined;
  }
  try {
    return await withDatabase(url, ({ query }) => read(query));
  } catch {
    return undefined;
  }
}

async function look(
  connection: DatabaseConnection,
  features: readonly Feature[],
): Promise<readonly Observation[]> {
  const found: Observation[] = [];
  const { pending, unknown } = await compareSchema(connection, features);
  if (unknown.length > 0) {
    found.push({ code: 'database_schema_newer', detail: unknown.join(', ') });
  } else if (pending.length > 0) {
    found.push({ code: 'database_schema_outdated', detail: `to be run: ${pending.join(', ')}` });
  }
  if (connection.kind === 'postgres') {
    const { rows } = await sql<{ version: string }>`
      select current_setting('server_version_num') as version`.execute(connection.query);
    const major = Math.floor(Number(rows[0]?.version) / 10_000);
    if (major < oldestPostgres) {
      found.push({ code: 'postgres_version_unsupported', detail: `it is ${major}` });
    }
  }
  return found;
}
