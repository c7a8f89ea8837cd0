import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Kysely, sql } from 'kysely';
import { DatabaseConnection } from '../database/database.connection.js';
import type { Schema } from '../database/database.schema.js';
import { compareSchema } from '../database/migration.runner.js';
import type { Check, Observation } from './check.port.js';
import { reasonOf } from './http.probe.js';

/** Oldest PostgreSQL that is still maintained. */
const oldestPostgres = 14;

/** The database answers, in a version that is maintained, with the schema of this code. */
export const databaseCheck: Check = {
  name: 'database',
  isCheap: true,
  run: async ({ DATABASE_URL, REDIS_URL }) => {
    const isSqlite = DATABASE_URL.startsWith('file:');
    const found: Observation[] =
      isSqlite && REDIS_URL !== undefined ? [{ code: 'sqlite_with_replicas' }] : [];
    if (!databaseIsThere(DATABASE_URL)) {
      return [...found, { code: 'database_schema_outdated', detail: 'there is no database file yet' }];
    }
    try {
      return [...found, ...(await look(DATABASE_URL))];
    } catch (error) {
      return [...found, { code: 'database_unreachable', detail: reasonOf(error) }];
    }
  },
};

/** Whether there is a database that can be looked at: looking must not make the file of SQLite. */
function databaseIsThere(url: string): boolean {
  return !url.startsWith('file:') || existsSync(sqlitePath(url));
}

/** Reads something of a deployment. @returns undefined where there is no database, or it can't be read: another check's to find. */
export async function readDatabase<T>(
  url: string,
  read: (query: Kysely<Schema>) => Promise<T>,
): Promise<T | undefined> {
  if (!databaseIsThere(url)) {
    return undefined;
  }
  const connection = new DatabaseConnection(url);
  try {
    return await read(connection.query);
  } catch {
    return undefined;
  } finally {
    await connection.close();
  }
}

async function look(url: string): Promise<readonly Observation[]> {
  const connection = new DatabaseConnection(url);
  try {
    const found: Observation[] = [];
    const { pending, unknown } = await compareSchema(connection);
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
  } finally {
    await connection.close();
  }
}

function sqlitePath(url: string): string {
  return url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length);
}
