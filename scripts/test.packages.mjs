// The packages for other services, built, and the frameworks and runtimes in which tests run them.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PrepareError, npmCommand, root } from './prepare.mjs';

const services = join(root, 'test', 'services');

/** @throws {PrepareError} what npm or the compiler report. */
export function bringPackages(progress) {
  const stamp = join(services, 'node_modules', '.vestibule-installed');
  const lock = createHash('sha256')
    .update(readFileSync(join(services, 'package-lock.json')))
    .digest('hex');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefix', services];
    npm(['ci', ...options], 'installing frameworks for the tests', progress);
    writeFileSync(stamp, lock);
  }
  npm(['run', '--silent', 'build:packages'], 'building the packages for other services', progress);
}

function npm(args, label, progress) {
  const step = progress.step(label);
  const [command, ...first] = npmCommand();
  const { status, stdout, stderr } = spawnSync(command, [...first, ...args], { cwd: root, encoding: 'utf8' });
  if (status !== 0) {
    step.failed();
    throw new PrepareError(
      `${stdout}${stderr}\n${label}: npm ${args.join(' ')} failed; its output is above.`,
    );
  }
  step.done();
}
