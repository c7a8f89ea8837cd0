import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../config/json.parser.js';
import { writePrivateFile } from './private.file.js';

const copySchema = z.object({
  /** Of the launcher. */
  pid: z.number().int().positive(),
  /** What the gateway is told of Ory and mail: the ports are other ones at every start. */
  ory: z.record(z.string(), z.string()),
});

/** Notes where the parts of the copy that runs on a data folder are, for commands beside it. */
export async function noteRunning(dataDir: string, ory: Readonly<Record<string, string>>): Promise<void> {
  await writePrivateFile(runningPath(dataDir), `${JSON.stringify({ pid: process.pid, ory })}\n`);
}

/** Forgets them at the end. */
export async function forgetRunning(dataDir: string): Promise<void> {
  await rm(runningPath(dataDir), { force: true });
}

/** Addresses of the copy that runs on a data folder; undefined when none does. */
export async function readRunning(dataDir: string): Promise<Readonly<Record<string, string>> | undefined> {
  const text = await readFile(runningPath(dataDir), 'utf8').catch(() => '');
  const { data } = copySchema.safeParse(parseJson(text));
  return data !== undefined && isAlive(data.pid) ? data.ory : undefined;
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
