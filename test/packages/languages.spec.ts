import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, it } from 'vitest';
import { checkout } from '../journeys/started.vestibule.js';
import { goEnvironment } from '../support/cached.part.js';

const run = promisify(execFile);

it(
  'the tests of the Go module pass, and `go vet` and `gofmt` find nothing',
  { timeout: 600_000 },
  async () => {
    const options = { cwd: join(checkout, 'packages/go'), env: goEnvironment() };
    const { stdout } = await run('go', ['test', '-count=1', '-v', './...'], options);
    expect(stdout.match(/^ *--- PASS/gm)?.length ?? 0).toBeGreaterThan(25);
    expect(stdout).not.toMatch(/--- (?:FAIL|SKIP)/);
    await run('go', ['vet', './...'], options);
    expect((await run('gofmt', ['-l', '.'], options)).stdout).toBe('');
  },
);

it('the tests of the Python package pass', async () => {
  const { stderr } = await run(inject('pythonPath'), ['-m', 'unittest', 'discover', '-s', 'tests', '-v'], {
    cwd: join(checkout, 'packages/python'),
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  expect(Number(/^Ran (\d+) tests/m.exec(stderr)?.[1])).toBeGreaterThan(8);
  expect(stderr).toMatch(/^OK$/m);
});
