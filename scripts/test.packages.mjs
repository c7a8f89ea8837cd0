// The packages for other services, built, and the frameworks and runtimes in which tests run them.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm, root } from './prepare.mjs';

const services = join(root, 'test', 'services');

/** @throws {PrepareError} what npm or the compiler report. */
export async function bringPackages(progress) {
  const stamp = join(services, 'node_modules', '.vestibule-installed');
  const lock = createHash('sha256')
    .update(readFileSync(join(services, 'package-lock.json')))
    .digest('hex');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefix', services];
    await npm(['ci', ...options], 'installing frameworks for the tests', progress);
    writeFileSync(stamp, lock);
  }
  await npm(['run', '--silent', 'build:packages'], 'building the packages for other services', progress);
}
