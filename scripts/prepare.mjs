// Brings a checkout to the state in which dist/ can run: dependencies installed, sources built. Plain JavaScript without
// dependencies, because it runs before there are any.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitForLock } from './lock.mjs';
import { examineMachine, unreachableHost } from './preflight.mjs';
import { createProgress } from './progress.mjs';
import { tie, tied } from './die-with-parent.mjs';
import { writeBuildVersion } from './version.mjs';

/** The checkout that this file belongs to. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A failure that is explained by its message alone. */
export class PrepareError extends Error {}

/** @throws {PrepareError} when this Node is older than package.json's `engines` asks for. */
export function checkNode(version = process.versions.node) {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const wanted = engines.node.replace('>=', '').split('.').map(Number);
  const found = version.split('.').map(Number);
  const difference = wanted.map((part, index) => (found[index] ?? 0) - part).find((part) => part !== 0) ?? 0;
  if (difference < 0) {
    throw new PrepareError(
      `Vestibule needs Node ${engines.node}; this is Node ${version}. Install a newer one from https://nodejs.org and start again.`,
    );
  }
}

/**
 * Installs and builds what isn't up to date. One process at a time in a checkout; the others wait and say so.
 * @param builds whether the sources are built too: a spec beside its source needs no build.
 * @param everything whether the packages for tests and checks are installed too. A start works without them.
 */
export async function prepare({ everything, builds = true, progress = createProgress() }) {
  checkNode();
  if (builds ? isReady(everything) : isInstalled(everything)) {
    if (builds) {
      writeBuildVersion();
    }
    return;
  }
  const release = await waitForLock(join(root, '.prepare.lock'), ({ pid }) =>
    progress.line(
      `waiting for another start in this folder (process ${pid}) to finish installing and building`,
    ),
  );
  let warmUp;
  try {
    if (!everything && !isReady(everything)) {
      const { problem, notice, goEnvironment } = await examineMachine(root, {
        installs: !isInstalled(everything),
      });
      if (problem !== undefined) {
        throw new PrepareError(problem);
      }
      if (notice !== undefined) {
        progress.line(notice);
      }
      warmUp = goEnvironment === undefined ? undefined : compilePrograms(goEnvironment);
    }
    if (!isInstalled(everything)) {
      await install(everything, progress);
    }
    if (builds && !isBuilt()) {
      await npm(['run', '--silent', 'build'], 'building Vestibule', progress);
    }
    if (builds) {
      writeBuildVersion();
      linkCommand();
    }
  } finally {
    warmUp?.kill();
    release();
  }
}

async function install(everything, progress) {
  const [command, ...first] = npmCommand();
  const ping = [...first, 'ping', '--fetch-retries=0', '--fetch-timeout=5000'];
  const unreachable = await unreachableHost(command, ping, { cwd: root });
  if (unreachable !== undefined) {
    progress.line(
      `The package registry can't be reached (${unreachable}): only packages in npm's cache can be installed.`,
    );
  }
  const options = [
    ...(unreachable === undefined ? [] : ['--offline']),
    ...(everything ? [] : ['--workspaces=false']),
  ];
  await npm(
    ['ci', '--include=dev', '--no-audit', '--no-fund', ...options],
    'installing dependencies',
    progress,
  );
  writeFileSync(installStamp, installation(everything));
}

/** Links the command line among the packages: `npx @vestibule-auth/vestibule` runs this one, and asks no registry for it. */
function linkCommand() {
  const bin = join(root, 'node_modules', '.bin');
  mkdirSync(bin, { recursive: true });
  rmSync(join(bin, 'vestibule'), { force: true });
  symlinkSync('../../dist/cli/main.js', join(bin, 'vestibule'));
  chmodSync(join(root, 'dist', 'cli', 'main.js'), 0o755);
}

const installStamp = join(root, 'node_modules', '.vestibule-installed');
const buildStamp = join(root, 'dist', '.vestibule-built');

const holds = (stamp, text) => existsSync(stamp) && readFileSync(stamp, 'utf8') === text;
const installation = (everything) => `${lockHash()}${everything ? ' with tools' : ''}`;
const isInstalled = (everything) =>
  holds(installStamp, installation(true)) ||
  (!everything && holds(installStamp, installation(false))) ||
  isInstalledByHand();
const isBuilt = () =>
  existsSync(join(root, 'dist', 'launcher', 'main.js')) && holds(buildStamp, sourceHash());

const isReady = (everything) =>
  isInstalled(everything) && isBuilt() && existsSync(join(root, 'node_modules', '.bin', 'vestibule'));

/** Whether `npm ci` or `npm install` has been run here: npm's own record has each package in the version of the lock file. */
function isInstalledByHand() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) {
    return false;
  }
  const packagesOf = (path) => JSON.parse(readFileSync(path, 'utf8')).packages;
  const installed = packagesOf(record);
  const fits = ({ os, cpu }) =>
    (os ?? [process.platform]).includes(process.platform) && (cpu ?? [process.arch]).includes(process.arch);
  return (
    Object.entries(packagesOf(join(root, 'package-lock.json'))).every(
      ([path, { version, integrity, optional }]) =>
        path === '' ||
        optional ||
        (path in installed && installed[path].version === version && installed[path].integrity === integrity),
    ) && Object.values(installed).every(fits)
  );
}

/** Native packages differ by platform, so a folder shared by two kinds of machine is installed again. */
function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(`${process.platform}-${process.arch}`)
    .digest('hex');
}

/** Notes that dist was built from sources with this hash. */
export function noteBuild(hash) {
  writeFileSync(buildStamp, hash);
}

/** @returns {string} a hash of all that dist is built from. */
export function sourceHash() {
  const hash = createHash('sha256').update(lockHash());
  const settings = [
    'nest-cli.json',
    'package.json',
    'scripts/build.mjs',
    'scripts/join-gateway.mjs',
    'tsconfig.json',
    'tsconfig.build.json',
  ];
  const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const path of [...settings.map((name) => join(root, name)), ...sources]) {
    hash
      .update(`${path.slice(root.length)}\0`)
      .update(readFileSync(path))
      .update('\0');
  }
  return hash.digest('hex');
}

function npmCommand() {
  const script = process.env.npm_execpath;
  return script?.endsWith('.js') ? [process.execPath, script] : ['npm'];
}

/**
 * Lets Go download all modules and compile Kratos while npm installs and TypeScript compiles, which leave a core idle. What is there
 * when they end is in Go's cache, where the launcher's own builds take it from.
 */
function compilePrograms(environment) {
  const list = 'go list -deps -mod=readonly -trimpath -gcflags=all=-dwarf=false -tags=sqlite';
  const download = ['hydra', 'mailpit'].map((name) => `(cd ../${name} && ${list} tool) & `).join('');
  const wrapped = tied('/bin/sh', ['-c', `${download}${list} -export tool; wait`]);
  const child = spawn(wrapped.command, wrapped.args, {
    cwd: join(root, 'docker', 'kratos'),
    env: { ...environment, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    detached: true,
  });
  tie(child);
  // What goes wrong in it goes wrong again in the launcher's build, which explains it.
  child.on('error', () => {});
  const kill = () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      try {
        process.kill(-child.pid, 'SIGTERM');
      } catch {
        // It has just ended.
      }
    }
  };
  return { kill };
}

/** `prepare`, for a program's start: a failure is explained in plain words and ends the process. */
export async function prepareOrExit(options) {
  try {
    await prepare(options);
  } catch (error) {
    if (!(error instanceof PrepareError)) {
      throw error;
    }
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** Runs npm quietly; what it said is shown only when it fails. @throws {PrepareError} then. */
export async function npm(args, label, progress) {
  const step = progress.step(label);
  const [command, ...first] = npmCommand();
  const wrapped = tied(command, [...first, ...args]);
  const options = { cwd: root, stdio: ['ignore', 'pipe', 'pipe', 'pipe'], detached: true };
  const child = spawn(wrapped.command, wrapped.args, options);
  tie(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const outcome = await new Promise((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? undefined : `ended with ${signal ?? `code ${code}`}`),
    );
  });
  if (outcome !== undefined) {
    step.failed();
    throw new PrepareError(
      `${output.trimEnd()}\n\n${label}: npm ${args.join(' ')} ${outcome}; its output is above.`,
    );
  }
  step.done();
}
