import { existsSync } from 'node:fs';
import Sqlite from 'libsql';
import { sqlitePath } from '../platform/config/sqlite-path.js';

/** One row if there has been a first administrator, and no administrator with this address who has never logged in. */
const useOf = (parameter: string): string =>
  `select 1 as used from milestones where not exists (
    select 1 from users where email = ${parameter} and role = 'admin' and last_login_at is null
  ) limit 1`;

/**
 * Whether the first administrator has logged in, or there is no longer an administrator with this address. False before there has
 * been one, and if the database can't be read. Plain SQL, because the launcher is to stay small while the gateway runs.
 */
export async function isAdminPasswordUsed(databaseUrl: string, email: string): Promise<boolean> {
  const address = email.toLowerCase();
  try {
    return databaseUrl.startsWith('file:')
      ? usedInSqlite(sqlitePath(databaseUrl), address)
      : await usedInPostgres(databaseUrl, address);
  } catch {
    return false;
  }
}

function usedInSqlite(path: string, address: string): boolean {
  if (!existsSync(path)) {
    return false;
  }
  const database = new Sqlite(path, { readonly: true, timeout: 5000 });
  try {
    return database.prepare(useOf('?')).get(address) !== undefined;
  } finally {
    database.close();
  }
}

async function usedInPostgres(url: string, address: string): Promise<boolean> {
  const { Client } = await import('pg');
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000, query_timeout: 6000 });
  // Of a connection that breaks: its query reports an error of its own.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rowCount } = await client.query(useOf('$1'), [address]);
    return rowCount !== 0;
  } finally {
    await client.end();
  }
}
