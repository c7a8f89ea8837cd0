// `npm test`: brings everything that the tests need, then runs all of them (arguments go to vitest).
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PrepareError, prepare, root } from './prepare.mjs';
import { createProgress } from './progress.mjs';

/** Programs that tests run: a path in this variable, one that's installed, or Debian's package where apt may. */
const programs = [
  {
    variable: 'CHROMIUM',
    name: 'Chromium',
    package: 'chromium',
    paths: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
  },
  {
    variable: 'REDIS_SERVER',
    name: 'Redis',
    package: 'redis-server',
    paths: ['/usr/bin/redis-server', '/usr/bin/valkey-server', '/usr/local/bin/redis-server'],
  },
  {
    variable: 'NGINX',
    name: 'nginx',
    package: 'nginx',
    paths: ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'],
  },
  {
    variable: 'CADDY',
    name: 'Caddy',
    package: 'caddy',
    paths: ['/usr/bin/caddy', '/usr/local/bin/caddy'],
  },
  {
    variable: 'PG_DUMP',
    name: "PostgreSQL's programs",
    package: 'postgresql',
    paths: [18, 17, 16, 15, 14].map((version) => `/usr/lib/postgresql/${version}/bin/pg_dump`),
  },
];

function findProgram(program, progress) {
  const known = () =>
    [process.env[program.variable], ...program.paths].find((path) => path && existsSync(path));
  if (known() === undefined && spawnSync('apt-get', ['--version']).status === 0) {
    const step = progress.step(`installing ${program.name} for the tests`);
    const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    for (const words of [
      ['update', '-qq'],
      ['install', '-y', '-qq', program.package],
    ]) {
      const [command, ...args] = [...prefix, 'apt-get', ...words];
      spawnSync(command, args, { env, stdio: 'ignore' });
    }
    (known() === undefined ? step.failed : step.done).call(step);
  }
  const path = known();
  if (path === undefined) {
    throw new PrepareError(
      `The tests need ${program.name}. Install the package ${program.package}, or set ${program.variable} to the path of its program.`,
    );
  }
  return path;
}

try {
  const progress = createProgress();
  await prepare(progress);
  const { findBinaries } = await import(pathToFileURL(join(root, 'dist/embedded/binary.store.js')).href);
  await findBinaries(['kratos', 'hydra', 'mailpit'], process.env, progress);
  const found = programs.map((program) => [program.variable, findProgram(program, progress)]);
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-outcome-'));
  const outcome = join(folder, 'failed');
  const env = { ...process.env, ...Object.fromEntries(found), VESTIBULE_TEST_OUTCOME: outcome };
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
