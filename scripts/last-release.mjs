// The gateway of the last release, for tests of upgrade and rollback: its commit is checked out and built once, in the cache.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { waitForLock } from './lock.mjs';

const run = promisify(execFile);
const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * 0.1.0, by its commit: it has no tag. It is the last one that wrote session cookies as JWEs, the form that this version still reads.
 * A release that has a tag takes its place when the next one is prepared (docs/internals/release.md).
 */
export const lastRelease = { version: '0.1.0', commit: 'a50bbed2659eb9562b89a48ed5f86fb5b0f9099b' };

/** @returns the folder of the built release, from the cache after the first time, which takes minutes. */
export async function prepareLastRelease() {
  const { env } = process;
  const cache = env.VESTIBULE_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'vestibule');
  const { commit, version } = lastRelease;
  await run('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: root }).catch((cause) => {
    throw new Error(
      `This checkout doesn't have ${commit}, the commit of ${version}. Run \`git fetch --unshallow\` (in CI: fetch-depth: 0).`,
      { cause },
    );
  });
  const { stdout: lock } = await run('git', ['show', `${commit}:package-lock.json`], {
    cwd: root,
    maxBuffer: 1e8,
  });
  // Native packages differ by platform.
  const key = createHash('sha256').update(`${commit} ${process.platform}-${process.arch} ${lock}`);
  const folder = join(cache, `release-${version}-${key.digest('hex').slice(0, 16)}`);
  const release = await waitForLock(`${folder}.lock`);
  try {
    if (!existsSync(folder)) {
      await build(folder, commit);
    }
  } finally {
    release();
  }
  return folder;
}

async function build(folder, commit) {
  mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
  const draft = mkdtempSync(`${folder}-`);
  try {
    await run('sh', ['-ec', 'git archive "$1" | tar -x -C "$2"', 'sh', commit, draft], { cwd: root });
    const options = { cwd: draft, maxBuffer: 1e8 };
    await run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], options);
    await run('npm', ['run', '--silent', 'build'], options);
    renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
