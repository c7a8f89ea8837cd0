import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'libsql';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrate } from './ory-migrations.js';

let folder: string;
let database: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-migrations-'));
  database = join(folder, 'kratos.sqlite');
  makeProgram('0');
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A program that counts its runs and ends with this code. */
function makeProgram(code: string): void {
  const path = join(folder, 'program');
  writeFileSync(path, `#!/bin/sh\necho run >> "${join(folder, 'runs')}"\nexit ${code}\n`);
  chmodSync(path, 0o755);
}

/** What a migration leaves in the database of Kratos or Hydra. */
function addMigration(path: string, version: string): void {
  change(path, 'CREATE TABLE IF NOT EXISTS schema_migration (version text)');
  change(path, `INSERT INTO schema_migration VALUES ('${version}')`);
}

function change(path: string, statement: string): void {
  const connection = new Sqlite(path);
  connection.exec(statement);
  connection.close();
}

async function start(): Promise<void> {
  await migrate('Kratos', { command: join(folder, 'program'), args: [], env: {} }, database);
}

function runs(): number {
  const path = join(folder, 'runs');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').length : 0;
}

it('a database that this program has migrated is not migrated again', async () => {
  addMigration(database, '1');
  await start();
  await start();
  change(database, 'CREATE TABLE identities (id)');
  await start();
  expect(runs()).toBe(1);
});

it('an older database that was restored, a new one and one of another program are migrated', async () => {
  addMigration(database, '1');
  addMigration(database, '2');
  await start();
  rmSync(database);
  addMigration(database, '1');
  await start();
  expect(runs()).toBe(2);
  rmSync(database);
  await start();
  expect(runs()).toBe(3);
  addMigration(database, '1');
  await start();
  makeProgram('  0');
  await start();
  expect(runs()).toBe(5);
});

it('a migration that failed is tried again, and its output is in the error', async () => {
  addMigration(database, '1');
  makeProgram('1');
  await expect(start()).rejects.toThrow("The database of Kratos can't be brought up to date");
  await expect(start()).rejects.toThrow('code 1');
  expect(runs()).toBe(2);
});

it('without a file, as for PostgreSQL, every start migrates', async () => {
  const command = { command: join(folder, 'program'), args: [], env: {} };
  await migrate('Kratos', command);
  await migrate('Kratos', command);
  expect(runs()).toBe(2);
});
