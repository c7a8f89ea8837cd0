import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { cachedPart, goEnvironment } from './cached.part.js';

const run = promisify(execFile);

/**
 * Builds the programs that a Go module of this folder names as tools, once on this machine.
 * @param module folder with a go.mod, whose `tool` lines name the programs. @param linking of Go's linker, such as a version.
 * @returns the folder that has the programs.
 */
export async function buildTools(module: string, linking = ''): Promise<string> {
  const cwd = fileURLToPath(new URL(`${module}/`, import.meta.url));
  const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags', `-s -w ${linking}`.trim()];
  const modules = await Promise.all(['go.mod', 'go.sum'].map((name) => readFile(join(cwd, name))));
  return cachedPart(module, [flags.join(' '), ...modules], async (to) => {
    const options = { cwd, env: goEnvironment(), maxBuffer: 2 ** 26 };
    await run('go', ['build', ...flags, '-o', `${to}/`, 'tool'], options);
  });
}
