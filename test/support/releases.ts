import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { cachedPart } from './cached.part.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

const releasesSchema = z.array(z.strictObject({ version: z.string(), commit: z.string() }));

/** Every release with its commit, the oldest first (docs/internals/release.md). Tags aren't in every copy of the repository. */
export const releases = releasesSchema.parse(
  JSON.parse(readFileSync(new URL('../../docs/internals/releases.json', import.meta.url), 'utf8')),
);

/**
 * Brings a release, for tests of upgrade and rollback: its commit, checked out and built once on this machine.
 * @returns the folder of the built checkout. @throws if there is no such release, or this checkout doesn't have its commit.
 */
export async function prepareRelease(version: string): Promise<string> {
  const { commit } = releases.find((release) => release.version === version) ?? { commit: '' };
  await run('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: root }).catch((cause: unknown) => {
    throw new Error(
      `This checkout doesn't have ${commit}, the commit of ${version}. Run \`git fetch --unshallow\` (in CI: fetch-depth: 0).`,
      { cause },
    );
  });
  return cachedPart(`release-${version}`, [commit], async (cwd) => {
    await mkdir(cwd);
    await run('sh', ['-ec', 'git archive "$1" | tar -x -C "$2"', 'sh', commit, cwd], { cwd: root });
    const options = { cwd, maxBuffer: 1e8 };
    await run('npm', ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund'], options);
    await run('npm', ['run', '--silent', 'build'], options);
  });
}
