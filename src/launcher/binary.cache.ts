import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { Environment } from '../platform/config/configuration.js';
import { type PinnedBinary, buildArguments } from './binary-pins.js';
import { syncFolder, writePrivateFile } from './private-file.js';

const verifiedStamp = z.object({ size: z.number(), mtimeMs: z.number(), sha256: z.string() });

/** Path of the cache: VESTIBULE_CACHE, or `vestibule` in XDG_CACHE_HOME or ~/.cache. */
export function cacheFolder(environment: Environment, home: string): string {
  const shared = environment['XDG_CACHE_HOME'] || join(home, '.cache');
  // Absolute, since programs are started in other folders.
  return resolve(environment['VESTIBULE_CACHE'] || join(shared, 'vestibule'));
}

/** Path of a binary in the cache. It depends on the version, the platform, the modules and the build flags. */
export async function cachedPath(
  folder: string,
  binary: PinnedBinary,
  moduleFolder: string,
): Promise<string> {
  const hash = createHash('sha256');
  for (const path of await moduleFiles(moduleFolder)) {
    hash.update(await readFile(path)).update('\0');
  }
  hash.update(JSON.stringify([binary.package, buildArguments(binary)]));
  const key = hash.digest('hex').slice(0, 16);
  return join(folder, `${binary.name}-${binary.version}-${process.platform}-${process.arch}-${key}`);
}

/** The files that determine a build: the modules' checksums, and the source of the modules that stand beside this one. */
async function moduleFiles(folder: string): Promise<string[]> {
  const own = ['go.mod', 'go.sum'].map((name) => join(folder, name));
  const beside = [...(await readFile(join(folder, 'go.mod'), 'utf8')).matchAll(/=> (\.\.\/\S+)$/gm)];
  const sources = await Promise.all(
    beside.map(async ([, path = '']) => {
      const names = (await readdir(join(folder, path))).filter((name) =>
        /(?<!_test)\.go$|^go\.mod$/.test(name),
      );
      return names.sort().map((name) => join(folder, path, name));
    }),
  );
  return [...own, ...sources.flat()];
}

/**
 * Whether a cached binary has the SHA-256 that was stored when it was built. The result is stored with the file's size and
 * modification time, so that the next check doesn't hash the file.
 */
export async function isIntact(path: string): Promise<boolean> {
  try {
    const [noted, file] = await Promise.all([readFile(`${path}.sha256`, 'utf8'), stat(path)]);
    const sha256 = noted.slice(0, 64);
    const stamp = { size: file.size, mtimeMs: file.mtimeMs, sha256 };
    const verified = await readFile(`${path}.verified`, 'utf8').then(
      (text) => verifiedStamp.safeParse(JSON.parse(text)).data,
      () => undefined,
    );
    // A copy or an unpacked archive may have lost it.
    if ((file.mode & 0o100) === 0) {
      await chmod(path, 0o755);
    }
    if (verified?.size === stamp.size && verified.mtimeMs === stamp.mtimeMs && verified.sha256 === sha256) {
      return true;
    }
    if ((await sha256Of(path)) !== sha256) {
      return false;
    }
    await writePrivateFile(`${path}.verified`, JSON.stringify(stamp));
    return true;
  } catch {
    return false;
  }
}

/** Moves a finished binary into the cache. The rename comes last, after the file is on disk and its checksum is stored. */
export async function putIntoCache(built: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await chmod(built, 0o755);
  const file = await open(built, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rm(path, { force: true });
  await writePrivateFile(`${path}.sha256`, `${await sha256Of(built)}  ${basename(path)}\n`);
  await rename(built, path);
  await syncFolder(dirname(path));
}

/** @returns the digest of a file, in hex. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
