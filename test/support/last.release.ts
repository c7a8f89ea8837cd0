import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { cachedPart } from './cached.part.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * 0.1.0, by its commit: it has no tag. It is the last one that wrote session cookies as JWEs, the form that this version still reads.
 * A release that has a tag takes its place when the next one is prepared (docs/internals/release.md).
 */
export const lastRelease = { version: '0.1.0', commit: 'a50bbed2659eb9562b89a48ed5f86fb5b0f9099b' };

/**
 * Brings the last release, for tests of upgrade and rollback: its commit, checked out and built once on this machine.
 * @returns the folder of the built checkout.
 */
export async function prepareLastRelease(): Promise<string> {
  const { commit, version } = lastRelease;
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
    await run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], options);
    await run('npm', ['run', '--silent', 'build'], options);
  });
}
