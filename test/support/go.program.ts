import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { waitForLock } from '../../scripts/lock.mjs';
import { cacheFolder } from '../../src/launcher/binary.cache.js';

const run = promisify(execFile);

/**
 * Builds the programs that a Go module of this folder names as tools, once: they stay in the cache where Kratos and Hydra are.
 * @param module folder with a go.mod, whose `tool` lines name the programs. @param linking of Go's linker, such as a version.
 * @returns the folder that has the programs.
 */
export async function buildTools(module: string, linking = ''): Promise<string> {
  const source = fileURLToPath(new URL(`${module}/`, import.meta.url));
  const args = [
    'build',
    '-mod=readonly',
    '-trimpath',
    '-buildvcs=false',
    '-ldflags',
    `-s -w ${linking}`.trim(),
  ];
  const hash = createHash('sha256').update(args.join(' '));
  for (const name of ['go.mod', 'go.sum']) {
    hash.update(await readFile(join(source, name)));
  }
  const cache = cacheFolder(process.env, homedir());
  await mkdir(cache, { recursive: true, mode: 0o700 });
  const key = hash.digest('hex').slice(0, 16);
  const folder = join(cache, `${module}-${process.platform}-${process.arch}-${key}`);
  const release = await waitForLock(`${folder}.lock`, () => undefined);
  try {
    if (!existsSync(folder)) {
      const built = `${folder}.${randomUUID()}`;
      const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' };
      await run('go', [...args, '-o', `${built}/`, 'tool'], { cwd: source, env, maxBuffer: 16_777_216 });
      await rename(built, folder);
    }
  } finally {
    release();
  }
  return folder;
}
