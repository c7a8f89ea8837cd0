import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { checkout } from '../journeys/started.vestibule.js';
import { goEnvironment } from '../support/cached.part.js';

import { blockRunBy } from '../support/document.blocks.js';
import { writeService } from '../support/service.program.js';

const run = promisify(execFile);
const spec = 'test/packages/languages.spec.ts';

it(
  'the tests of the Go module pass, and `go vet` and `gofmt` find nothing',
  { timeout: 600_000 },
  async () => {
    const options = { cwd: join(checkout, 'packages/go'), env: goEnvironment() };
    const { stdout } = await run('go', ['test', '-count=1', '-parallel=16', '-v', './...'], options);
    expect(stdout.match(/^ *--- PASS/gm)?.length ?? 0).toBeGreaterThan(45);
    expect(stdout).not.toMatch(/--- (?:FAIL|SKIP)/);
    await run('go', ['vet', './...'], options);
    expect((await run('gofmt', ['-l', '.'], options)).stdout).toBe('');
  },
);

it('the tests of the Python package pass', { timeout: 600_000 }, async () => {
  const { stderr } = await run(inject('pythonPath'), ['-m', 'unittest', 'discover', '-s', 'tests', '-v'], {
    cwd: join(checkout, 'packages/python'),
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  expect(Number(/^Ran (\d+) tests/m.exec(stderr)?.[1])).toBeGreaterThan(35);
  expect(stderr).toMatch(/^OK$/m);
});

describe('the test of a service that the README prints', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-languages-'));

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('passes in Go', { timeout: 600_000 }, async () => {
    const env = writeService('go', folder, 'package service\n');
    const head = `package service\n\nimport (\n\t"testing"\n\n\tvestibule "github.com/vestibule-auth/vestibule/packages/go"\n\t"github.com/vestibule-auth/vestibule/packages/go/vestibuletest"\n)\n\n`;
    writeFileSync(join(folder, 'main_test.go'), head + blockRunBy('packages/go/README.md', spec, 'test'));
    const { stdout } = await run('go', ['test', '-v', '.'], {
      cwd: folder,
      env: { ...env, CGO_ENABLED: '0' },
    });
    expect(stdout).toContain('--- PASS: TestAdmin');
  });

  it('passes in Python', async () => {
    const program = `${blockRunBy('packages/python/README.md', spec, 'test')}print(claims["roles"])\n`;
    const env = writeService('flask', folder, program);
    const { stdout } = await run(inject('pythonPath'), ['service.py'], { cwd: folder, env });
    expect(stdout).toBe("['admin']\n");
  });
});
