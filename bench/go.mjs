// Builds a Go program of a pinned module once; it is kept where the embedded Ory is kept.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../dist/launcher/binary.cache.js';

const run = promisify(execFile);

/** Whether there is a Go that could build anything. */
export async function hasGo() {
  return run('go', ['version']).then(
    () => true,
    () => false,
  );
}

/** @param folder with go.mod and go.sum. @returns the program's path. */
export async function buildGo(folder, name, title) {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) {
    hash.update(readFileSync(join(folder, file)));
  }
  const cache = cacheFolder(process.env, homedir());
  const path = join(cache, `${title}-${process.platform}-${process.arch}-${hash.digest('hex').slice(0, 16)}`);
  if (!existsSync(path)) {
    process.stderr.write(`building ${title}\n`);
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    const built = `${path}.${process.pid}`;
    await run('go', ['build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-o', built, name], {
      cwd: folder,
    });
    renameSync(built, path);
  }
  return path;
}
