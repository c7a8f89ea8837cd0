// `npm test`: brings everything that the tests need, then runs all of them (arguments go to vitest).
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PrepareError, prepare, root } from './prepare.mjs';
import { createProgress } from './progress.mjs';
import { bringPackages } from './test.packages.mjs';
import { bringPrograms } from './test.programs.mjs';

const neededBytes = 8 * 2 ** 30;

try {
  const progress = createProgress();
  await prepare({ everything: true, progress });
  await bringPackages(progress);
  const { findBinaries } = await import(pathToFileURL(join(root, 'dist/launcher/binary.store.js')).href);
  await findBinaries(['kratos', 'hydra', 'mailpit'], process.env, progress);
  const programs = bringPrograms(progress);
  const folder = mkdtempSync(join(temporaryRoot(), 'vestibule-'));
  // Servers that refuse to run as root must get to their own folders in it.
  chmodSync(folder, 0o711);
  const outcome = join(folder, 'failed');
  const env = { ...process.env, ...programs, TMPDIR: folder, VESTIBULE_TEST_OUTCOME: outcome };
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

/**
 * Where the tests keep their databases: in memory if there is room for them, because making and dropping a database is mostly work of
 * the file system. Programs must be allowed to run there.
 */
function temporaryRoot() {
  const memory = '/dev/shm';
  if (process.env.TMPDIR || !existsSync(memory)) {
    return tmpdir();
  }
  const { bavail, bsize } = statfsSync(memory);
  if (bavail * bsize < neededBytes || freemem() < neededBytes) {
    return tmpdir();
  }
  const folder = mkdtempSync(join(memory, 'vestibule-'));
  const script = join(folder, 'script');
  writeFileSync(script, '#!/bin/sh\n', { mode: 0o700 });
  const mayRun = spawnSync(script).status === 0;
  rmSync(folder, { recursive: true });
  return mayRun ? memory : tmpdir();
}
