import { execFile } from 'node:child_process';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import type lanes from '../lanes.json';

const root = fileURLToPath(new URL('../..', import.meta.url));
const listSchema = z.array(z.object({ file: z.string() }));

/** The spec files of a lane, from the repository's root, as vitest says itself. @param args what narrows them down. */
export async function filesOfLane(lane: keyof typeof lanes, ...args: readonly string[]): Promise<string[]> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'list', ...args, '--filesOnly', '--json'],
    { cwd: root, env: { ...process.env, VESTIBULE_TEST_LANE: lane }, maxBuffer: 2 ** 24 },
  );
  return listSchema.parse(JSON.parse(stdout)).map(({ file }) => relative(root, file));
}
