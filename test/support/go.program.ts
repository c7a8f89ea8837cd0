import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { cachedPart, goEnvironment } from './cached.part.js';

const run = promisify(execFile);

/** What every build of a program for tests has. Without Go's optimisations, which take a quarter of the work and which no test needs. */
export const quickGoBuild = [
  '-mod=readonly',
  '-trimpath',
  '-buildvcs=false',
  '-gcflags=all=-dwarf=false -N -l',
];

/** How a program is built, where it isn't the module's own. */
export interface GoBuild {
  /** Packages, or `tool` for those that go.mod names as tools. Default: the module's own. */
  readonly packages?: string;
  /** Of Go's linker, such as a version. */
  readonly linking?: string;
  readonly tags?: string;
}

/**
 * Builds programs from a Go module of this folder, once on this machine.
 * @param module folder with go.mod and go.sum. @returns the folder that has the programs, each named after its package.
 */
export async function buildGo(
  module: string,
  { packages = '.', linking = '', tags = '' }: GoBuild = {},
): Promise<string> {
  const cwd = goModule(module);
  const args = [...quickGoBuild, '-tags', tags, '-ldflags', `-s -w ${linking}`.trim(), packages];
  const names = (await readdir(cwd)).toSorted();
  const sources = await Promise.all(names.map((name) => readFile(join(cwd, name))));
  return cachedPart(module, [args.join(' '), ...sources], async (to) => {
    const options = { cwd, env: goEnvironment(), maxBuffer: 2 ** 26 };
    // Minutes of work that shouldn't take the processor from tests that wait for an answer.
    await run('nice', ['-n', '10', 'go', 'build', '-o', `${to}/`, ...args], options);
  });
}

/** The folder of such a module. */
export function goModule(name: string): string {
  return fileURLToPath(new URL(`${name}/`, import.meta.url));
}
