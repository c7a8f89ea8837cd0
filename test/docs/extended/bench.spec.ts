import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { newSecret, providerEnv } from '../../../src/testing.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'vestibule-bench-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('the benchmark fills a database for the gateway that was built', () => {
  const env = {
    ...providerEnv.oidc,
    PUBLIC_URL: 'https://auth.example.test',
    DATABASE_URL: `file:${join(folder, 'bench.db')}`,
    SECRETS: newSecret(),
  };
  const program = `
    import { fill } from './bench/own/fill.mjs';
    const made = await fill(${JSON.stringify(env)}, ${JSON.stringify(folder)}, 3);
    process.stdout.write(JSON.stringify(made));
  `;
  const made = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: root });
  expect(JSON.parse(made.toString())).toMatchObject({
    sub: expect.any(String),
    key: expect.stringMatching(/^vst_/),
  });
  expect(readFileSync(join(folder, 'cookies'), 'utf8').trim().split('\n')).toHaveLength(3);
});
