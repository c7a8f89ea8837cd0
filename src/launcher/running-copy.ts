import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf } from '../platform/config/error-code.js';
import { ownFeatures } from '../app/features.js';
import { settingsIn } from '../platform/config/configuration.js';
import { parseJson } from '../platform/config/json.parser.js';
import { writePrivateFile } from './private-file.js';

const copySchema = z.object({
  /** The launcher's process id. */
  pid: z.number().int().positive(),
  /** The gateway's settings, with the ports of this start. */
  settings: z.record(z.string(), z.string()),
});

/**
 * Stores the settings of the running copy in its data folder, for commands in other shells: these don't have the variables that
 * were set for `npm start`. The administrator's password isn't stored.
 */
export async function noteRunning(
  dataDir: string,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const { ADMIN_PASSWORD: _, ...settings } = settingsIn(environment, ownFeatures);
  await writePrivateFile(runningPath(dataDir), `${JSON.stringify({ pid: process.pid, settings })}\n`);
}

/** Deletes the stored settings when the copy ends. */
export async function forgetRunning(dataDir: string): Promise<void> {
  await rm(runningPath(dataDir), { force: true });
}

/** Reads the settings of the copy that runs on a data folder; undefined if none runs. */
export async function readRunning(dataDir: string): Promise<Readonly<Record<string, string>> | undefined> {
  const text = await readFile(runningPath(dataDir), 'utf8').catch(() => '');
  const { data } = copySchema.safeParse(parseJson(text));
  return data !== undefined && isAlive(data.pid) ? data.settings : undefined;
}

function runningPath(dataDir: string): string {
  return join(dataDir, 'secrets', 'running.json');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process exists, but belongs to another user.
    return codeOf(error) === 'EPERM';
  }
}
