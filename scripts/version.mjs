// The version of a build: package.json's, and between releases, where it ends in `-dev`, the commit that it was built from. `npm run -s
// version:build` prints it.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** @returns {string} `VESTIBULE_BUILD_VERSION`, where a build without git is told, or the version with the commit where there is one. */
export function buildVersion() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const commit = version.endsWith('-dev') ? commitOfCheckout() : undefined;
  return process.env.VESTIBULE_BUILD_VERSION || (commit === undefined ? version : `${version}.${commit}`);
}

/** Notes the version beside what was built, where src/platform/core/version.ts reads it. */
export function writeBuildVersion() {
  const path = join(root, 'dist', 'build.json');
  const text = `${JSON.stringify({ version: buildVersion() })}\n`;
  if (!existsSync(path) || readFileSync(path, 'utf8') !== text) {
    writeFileSync(path, text);
  }
}

/** @returns twelve digits of the commit, and `.modified` where files differ from it; undefined where the folder is no checkout. */
function commitOfCheckout() {
  const { GIT_DIR: _, ...environment } = process.env;
  const options = {
    cwd: root,
    // A folder that lies in somebody else's checkout isn't of its commit.
    env: { ...environment, GIT_CEILING_DIRECTORIES: dirname(root) },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  };
  try {
    const words = ['describe', '--always', '--exclude=*', '--abbrev=12', '--dirty=.modified'];
    // By its first letter a commit of digits alone is no number, which could begin with 0.
    return execFileSync('git', words, options)
      .trim()
      .replace(/^(?=\d+(?:\.|$))/, 'g');
  } catch {
    return undefined;
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.write(`${buildVersion()}\n`);
}
