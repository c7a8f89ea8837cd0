// Brings a checkout to the state in which dist/ can run: dependencies installed, sources built. Plain JavaScript without
// dependencies, because it runs before there are any.
import { spawn, spawnSync } from 'node:child_process';
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
import { missingTool, unreachableRegistry } from './preflight.mjs';
import { createProgress } from './progress.mjs';
import { tie, tied } from './die-with-parent.mjs';

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

/** Installs and builds what isn't up to date. One process at a time in a checkout; the others wait and say so. */
export async function prepare(progress = createProgress()) {
  checkNode();
  if (isInstalled() && isBuilt()) {
    return;
  }
  const release = await waitForLock(join(root, '.prepare.lock'), ({ pid }) =>
    progress.line(
      `waiting for another start in this folder (process ${pid}) to finish installing and building`,
    ),
  );
  try {
    if (!isInstalled()) {
      const missing = missingTool(root);
      if (missing !== undefined) {
        throw new PrepareError(missing);
      }
      const unreachable = unreachableRegistry((args) => {
        const [command, ...first] = npmCommand();
        return spawnSync(command, [...first, ...args], { cwd: root, encoding: 'utf8' });
      });
      if (unreachable !== undefined) {
        progress.line(
          `The package registry can't be reached (${unreachable}): only packages in npm's cache can be installed.`,
        );
      }
      const offline = unreachable === undefined ? [] : ['--offline'];
      await npm(
        ['ci', '--include=dev', '--no-audit', '--no-fund', ...offline],
        'installing dependencies',
        progress,
      );
      writeFileSync(installStamp, lockHash());
    }
    if (!isBuilt()) {
      rmSync(buildStamp, { force: true });
      const hash = sourceHash();
      await npm(['run', '--silent', 'build'], 'building Vestibule', progress);
      mkdirSync(dirname(buildStamp), { recursive: true });
      linkCommand();
      writeFileSync(buildStamp, hash);
    }
  } finally {
    release();
  }
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

const holds = (stamp, hash) => existsSync(stamp) && readFileSync(stamp, 'utf8') === hash;
const isInstalled = () => holds(installStamp, lockHash());
const isBuilt = () =>
  existsSync(join(root, 'dist', 'launcher', 'main.js')) &&
  existsSync(join(root, 'node_modules', '.bin', 'vestibule')) &&
  holds(buildStamp, sourceHash());

/** Native packages differ by platform, so a folder shared by two kinds of machine is installed again. */
function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(`${process.platform}-${process.arch}`)
    .digest('hex');
}

function sourceHash() {
  const hash = createHash('sha256').update(lockHash());
  const settings = [
    'nest-cli.json',
    'package.json',
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

/** Runs npm quietly; what it said is shown only when it fails. */
async function npm(args, label, progress) {
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
