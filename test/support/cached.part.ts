import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { waitForLock } from '../../scripts/lock.mjs';
import { cacheFolder } from '../../src/launcher/binary.cache.js';

/**
 * A file or folder that tests need and that takes minutes to make: made once on this machine, and kept in the cache where Kratos and
 * Hydra are. Two processes never make the same one.
 * @param inputs what it is made from. @param make makes it at a path. @returns its path.
 */
export async function cachedPart(
  name: string,
  inputs: readonly (string | Buffer)[],
  make: (to: string) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256');
  inputs.forEach((input) => hash.update(input).update('\0'));
  const folder = cacheFolder(process.env, homedir());
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const key = hash.digest('hex').slice(0, 16);
  const path = join(folder, `${name}-${process.platform}-${process.arch}-${key}`);
  const release = await waitForLock(`${path}.lock`, () => undefined);
  const draft = `${path}.${randomUUID()}`;
  try {
    if (!existsSync(path)) {
      await make(draft);
      await rename(draft, path);
    }
  } finally {
    await rm(draft, { recursive: true, force: true });
    release();
  }
  return path;
}

/** The environment in which a program of Go is built for tests: without C, and by the modules that its own go.mod names. */
export const goEnvironment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  CGO_ENABLED: '0',
  GOFLAGS: '',
  GOWORK: 'off',
});
