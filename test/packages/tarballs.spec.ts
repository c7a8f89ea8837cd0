import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { z } from 'zod';

const packages = fileURLToPath(new URL('../../packages', import.meta.url));
const folders = readdirSync(packages)
  .map((name) => join(packages, name))
  .filter((folder) => existsSync(join(folder, 'package.json')));
const packedSchema = z.array(z.object({ name: z.string(), files: z.array(z.object({ path: z.string() })) }));

it('the tarball of each package has the built files, and no notes of the compiler', async () => {
  const { stdout } = await promisify(execFile)(
    'npm',
    ['pack', '--dry-run', '--json', '--ignore-scripts', ...folders],
    // In the checkout itself, npm would take the folders for its workspaces.
    { cwd: tmpdir() },
  );
  const packed = packedSchema.parse(JSON.parse(stdout));
  expect(packed).toHaveLength(folders.length);
  for (const { name, files } of packed) {
    const paths = files.map(({ path }) => path);
    expect([name, paths.some((path) => path.startsWith('dist/'))]).toEqual([name, true]);
    expect([name, paths.filter((path) => path.endsWith('.tsbuildinfo'))]).toEqual([name, []]);
  }
});
