import { readFile, rm, stat } from 'node:fs/promises';
import Sqlite from 'libsql';
import { type ChildCommand, describeExit, runChild } from './child-process.js';
import { LaunchError } from './launch.error.js';
import { writePrivateFile } from './private-file.js';

/**
 * Brings a database up to date.
 * @param file Path of a SQLite database. Its migration is skipped when this same program made it and the migrations in it are
 *   the same since, which `<file>.migrated` records.
 * @throws {LaunchError}
 */
export async function migrate(title: string, command: ChildCommand, file?: string): Promise<void> {
  if (file !== undefined && (await recordOf(file)) === (await stateOf(command, file))) {
    return;
  }
  if (file !== undefined) {
    await rm(`${file}.migrated`, { force: true });
  }
  const run = runChild(command);
  const exit = await run.exited;
  if (exit.code !== 0) {
    throw new LaunchError(
      [
        `The database of ${title} can't be brought up to date (${describeExit(exit)}). Its last lines:`,
        ...run.lastLines().map((line) => `  ${line}`),
      ].join('\n'),
    );
  }
  const state = file === undefined ? undefined : await stateOf(command, file);
  if (state !== undefined) {
    await writePrivateFile(`${file}.migrated`, state);
  }
}

/** The record, `none` without one. */
async function recordOf(file: string): Promise<string> {
  return readFile(`${file}.migrated`, 'utf8').catch(() => 'none');
}

/** The program and the migrations as they are; undefined without a migrated database. */
async function stateOf({ command }: ChildCommand, file: string): Promise<string | undefined> {
  try {
    const program = await stat(command);
    const database = new Sqlite(file, { readonly: true, fileMustExist: true });
    try {
      const { number, newest } = Object(
        database.prepare('select count(*) as number, max(version) as newest from schema_migration').get(),
      );
      return JSON.stringify([command, program.size, program.mtimeMs, number, newest]);
    } finally {
      database.close();
    }
  } catch {
    return undefined;
  }
}
