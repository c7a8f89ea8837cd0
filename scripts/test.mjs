// `npm test`: brings everything that the tests need, then runs all of them (arguments go to vitest).
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PrepareError, prepare, root } from './prepare.mjs';
import { createProgress } from './progress.mjs';

const chromiumPaths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Chromium for the browser tests: a path in CHROMIUM, one that's installed, or Debian's package where apt may. */
function findChromium(progress) {
  const known = () => [process.env.CHROMIUM, ...chromiumPaths].find((path) => path && existsSync(path));
  if (known() === undefined && spawnSync('apt-get', ['--version']).status === 0) {
    const step = progress.step('installing Chromium for the browser tests');
    const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    for (const words of [
      ['update', '-qq'],
      ['install', '-y', '-qq', 'chromium'],
    ]) {
      const [command, ...args] = [...prefix, 'apt-get', ...words];
      spawnSync(command, args, { env, stdio: 'ignore' });
    }
    (known() === undefined ? step.failed : step.done).call(step);
  }
  const path = known();
  if (path === undefined) {
    throw new PrepareError(
      'The browser tests need Chromium. Install the package chromium, or set CHROMIUM to the path of one.',
    );
  }
  return path;
}

try {
  const progress = createProgress();
  await prepare(progress);
  const { findBinaries } = await import(pathToFileURL(join(root, 'dist/embedded/binary.store.js')).href);
  await findBinaries(['kratos', 'hydra', 'mailpit'], process.env, progress);
  const env = { ...process.env, CHROMIUM: findChromium(progress) };
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
    process.exitCode = code ?? 1;
  });
} catch (error) {
  // Both kinds say in their message what is missing and how to get it.
  if (!(error instanceof PrepareError) && error?.name !== 'LaunchError') {
    throw error;
  }
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
