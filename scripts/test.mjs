// `npm test`: brings everything that the tests need, then runs all of them (arguments go to vitest).
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PrepareError, prepare, root } from './prepare.mjs';
import { createProgress } from './progress.mjs';
import { bringPrograms } from './test.programs.mjs';

try {
  const progress = createProgress();
  await prepare(progress);
  const { findBinaries } = await import(pathToFileURL(join(root, 'dist/embedded/binary.store.js')).href);
  await findBinaries(['kratos', 'hydra', 'mailpit'], process.env, progress);
  const programs = bringPrograms(progress);
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-outcome-'));
  const outcome = join(folder, 'failed');
  const env = { ...process.env, ...programs, VESTIBULE_TEST_OUTCOME: outcome };
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const runner = spawn(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
    cwd: root,
    env,
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => runner.kill(signal));
  }
  runner.on('exit', (code) => {
    // Both must say so: a library that ends the process takes the exit code with it.
    const noneFailed = existsSync(outcome) && readFileSync(outcome, 'utf8') === '0';
    process.exitCode = noneFailed ? (code ?? 1) : 1;
    rmSync(folder, { recursive: true, force: true });
  });
} catch (error) {
  // Both kinds say in their message what is missing and how to get it.
  if (!(error instanceof PrepareError) && error?.name !== 'LaunchError') {
    throw error;
  }
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
