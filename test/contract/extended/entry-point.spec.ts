import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { z } from 'zod';
import * as entry from '../../../src/index.js';
import * as testing from '../../../src/testing.js';

const checkout = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);

it.each([
  ['@vestibule-auth/vestibule', entry],
  ['@vestibule-auth/vestibule/testing', testing],
])('the built %s exports what its source does', async (name, source) => {
  const program = `import * as all from '${name}'; console.log(JSON.stringify(Object.keys(all)));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: checkout });
  expect(z.array(z.string()).parse(JSON.parse(stdout)).toSorted()).toEqual(Object.keys(source).toSorted());
  expect(Object.keys(source).length).toBeGreaterThan(2);
});

it("an application compiles against the package's types alone", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-types-'));
  try {
    const examples = join(checkout, 'examples', 'notes');
    const project = join(folder, 'tsconfig.json');
    writeFileSync(
      project,
      JSON.stringify({
        extends: join(checkout, 'tsconfig.json'),
        // Without the paths to our source: the types come from where package.json's `exports` says.
        compilerOptions: { paths: {}, rootDir: checkout, typeRoots: [join(checkout, 'node_modules/@types')] },
        include: [],
        files: readdirSync(examples).map((file) => join(examples, file)),
      }),
    );
    const tsc = join(checkout, 'scripts', 'tsc.mjs');
    // Fails with what the compiler says, if it says anything.
    const { stdout } = await run(process.execPath, [tsc, '-p', project, '--noEmit', '--listFiles']);
    expect(stdout).toContain(join(checkout, 'dist', 'index.d.ts'));
    expect(stdout).not.toContain(join(checkout, 'src'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
