import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { settingsIn } from '../config/configuration.js';
import { parseJson } from '../config/json.parser.js';
import { writePrivateFile } from './private.file.js';

const copySchema = z.object({
  /** Of the launcher. */
  pid: z.number().int().positive(),
  /** The gateway's settings, with the ports of this start. */
  settings: z.record(z.string(), z.string()),
});

/**
 * Notes the settings of the copy that runs on a data folder, for commands beside it: what was set in front of `npm start` isn't
 * set in another shell.
 */
export async function noteRunning(
  dataDir: string,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const { ADMIN_PASSWORD: _, ...settings } = settingsIn(environment);
  await writePrivateFile(runningPath(dataDir), `${JSON.stringify({ pid: process.pid, settings })}\n`);
}

/** Forgets them at the end. */
export async function forgetRunning(dataDir: string): Promise<void> {
  await rm(runningPath(dataDir), { force: true });
}

/** Settings of the copy that runs on a data folder; undefined when none does. */
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
    // Somebody else's process is one all the same.
    return error instanceof Error && Reflect.get(error, 'code') === 'EPERM';
  }
}
