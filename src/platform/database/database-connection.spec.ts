import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { expect, it, onTestFinished } from 'vitest';
import { DatabaseConnection } from './database-connection.js';

/** Locks a database file, reports that, and releases it this many milliseconds later. */
const holder = `
  import Sqlite from 'libsql';
  const [path, held] = process.argv.slice(1);
  const sqlite = new Sqlite(path);
  sqlite.exec('begin exclusive');
  process.stdout.write('held');
  setTimeout(() => sqlite.exec('commit'), Number(held));
`;

it('waits for a SQLite file that another process holds for a moment', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'held.db');
  const child = spawn(process.execPath, ['--input-type=module', '-e', holder, path, '500']);
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  const connection = new DatabaseConnection(`file:${path}`);
  const { rows } = await sql<{ journal_mode: string }>`pragma journal_mode`.execute(connection.query);
  expect(rows).toEqual([{ journal_mode: 'wal' }]);
  await connection.close();
  expect(await ended).toEqual([0, null]);
});
