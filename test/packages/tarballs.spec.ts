import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { z } from 'zod';

const packages = fileURLToPath(new URL('../../packages', import.meta.url));
const names = readdirSync(packages).filter((name) => existsSync(`${packages}/${name}/package.json`));
const packedSchema = z.array(z.object({ files: z.array(z.object({ path: z.string() })) }));

it.each(names)('the tarball of %s has the built files, and no notes of the compiler', async (name) => {
  const { stdout } = await promisify(execFile)('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: `${packages}/${name}`,
  });
  const files = packedSchema
    .parse(JSON.parse(stdout))
    .flatMap((packed) => packed.files.map(({ path }) => path));
  expect(files.some((path) => path.startsWith('dist/'))).toBe(true);
  expect(files.filter((path) => path.endsWith('.tsbuildinfo'))).toEqual([]);
});
