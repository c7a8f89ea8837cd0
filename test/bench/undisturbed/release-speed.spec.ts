import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { prepareRelease, releases } from '../../support/releases.js';

/** Milliseconds: the release is installed and built once on each machine, and the measurement takes two to four minutes. */
const timeout = 900_000;

it(
  'a request takes at most a fifth more processor time than with the last release',
  { timeout },
  async () => {
    const folder = await prepareRelease(releases.at(-1)?.version ?? '');
    const measured = await promisify(execFile)(process.execPath, [
      'bench/check.mjs',
      '--beside',
      folder,
    ]).catch((error: unknown) => ({
      stdout: String(Reflect.get(Object(error), 'stdout')),
      stderr: String(error),
    }));
    const rows = measured.stdout.match(/^.*\| processor time \|.*$/gm) ?? [measured.stderr];
    expect(rows).toEqual(Array.from({ length: 6 }, () => expect.stringMatching(/\| ok \|$/)));
  },
);
