import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'libsql';
import type { Stack } from './stack.js';

/** Makes the logins of an identity's Kratos sessions an hour older, so that a change of credentials needs a newer one. */
export function ageSessionsOf({ oryDataDir }: Pick<Stack, 'oryDataDir'>, identityId: string): void {
  const database = open(oryDataDir);
  const past = new Date(Date.now() - 3_600_000).toISOString().replace('T', ' ').replace('Z', '+00:00');
  database.prepare('update sessions set authenticated_at = ? where identity_id = ?').run(past, identityId);
  database.close();
}

/** Ends every open flow of a kind, as if its half hour had passed. Kratos reads the clock nowhere else. */
export function expireFlows(dataDir: string, kind: 'login' | 'registration' | 'recovery' | 'settings'): void {
  const database = open(dataDir);
  const past = '2020-01-01 00:00:00+00:00';
  const { changes } = database.prepare(`update selfservice_${kind}_flows set expires_at = ?`).run(past);
  database.close();
  if (changes === 0) {
    throw new Error(`there was no ${kind} flow to expire`);
  }
}

/** Opens Kratos' database, which Kratos uses at the same time. */
function open(dataDir: string): Sqlite.Database {
  const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' });
  return new Sqlite(join(dataDir, files.find((name) => name.endsWith('kratos.sqlite')) ?? ''), {
    timeout: 60_000,
  });
}
