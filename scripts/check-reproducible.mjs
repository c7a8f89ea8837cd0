// Builds twice, in two folders with nothing but the checkout's own files, and compares every file that came out. The
// installed packages are this checkout's, pinned by package-lock.json.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './prepare.mjs';

/** Of the compiler's own notes: not run, and not in the image. */
const leftOut = new Set(['.tsbuildinfo', '.vestibule-built']);

/**
 * @param {string} folder
 * @returns {Map<string, string>} the SHA-256 of each file in a folder, by its path.
 */
export function hashFolder(folder) {
  return new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !leftOut.has(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [relative(folder, path), createHash('sha256').update(readFileSync(path)).digest('hex')]),
  );
}

/**
 * @param {string} first
 * @param {string} second
 * @returns the paths that only one folder has, or that differ.
 */
export function differences(first, second) {
  const [one, other] = [hashFolder(first), hashFolder(second)];
  return [...new Set([...one.keys(), ...other.keys()])]
    .filter((path) => one.get(path) !== other.get(path))
    .sort();
}

/** Builds in a folder that has the checkout's own files and nothing else. */
function build(folder) {
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const path of files
    .split('\0')
    .filter((name) => /^(?:src\/|package|nest-cli|tsconfig|scripts\/)/.test(name))) {
    cpSync(join(root, path), join(folder, path), { force: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: folder, stdio: 'inherit' });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  // Of different lengths: a path that gets into a file shows.
  const folders = ['build-', 'another-build-'].map((prefix) => mkdtempSync(join(tmpdir(), prefix)));
  try {
    folders.forEach(build);
    const [first, second] = folders.map((folder) => join(folder, 'dist'));
    const different = differences(first, second);
    const files = hashFolder(first);
    const sum = createHash('sha256')
      .update(JSON.stringify([...files].sort()))
      .digest('hex');
    process.stdout.write(
      different.length === 0
        ? `${files.size} files, the same both times: ${sum}\n`
        : `Not the same both times:\n${different.map((path) => `  ${path}\n`).join('')}`,
    );
    process.exitCode = different.length === 0 ? 0 : 1;
  } finally {
    folders.forEach((folder) => rmSync(folder, { recursive: true, force: true }));
  }
}
