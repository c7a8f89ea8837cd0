import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cachedPart, goEnvironment } from '../support/cached.part.js';
import { quickGoBuild } from '../support/go.program.js';

const run = promisify(execFile);
const checkout = fileURLToPath(new URL('../..', import.meta.url));
const nodeVersion = '24.22.3';
const npmVersion = '11.21.2';

/** Debian's packages whose programs stand for those of the images. */
const packages = ['postgresql-15', 'redis-server', 'nginx-light', 'wget'];
/** What no program needs here: a third of the size. PostgreSQL does without its compiler. */
const leftOut = [
  '/usr/share/doc/*',
  '/usr/share/man/*',
  '/usr/share/locale/*',
  '/usr/lib/*/libLLVM*',
  '*/llvmjit*',
];

/** What images are made from, made once on this machine and kept in the cache where Kratos and Hydra are. */
export interface ContainerParts {
  /** A tar file with the root of a Debian. */
  readonly root: string;
  /** Node and npm, as in /usr/local. */
  readonly node: string;
  /** A cache of npm with the packages of package-lock.json. */
  readonly npm: string;
  /** Docker Compose. */
  readonly compose: string;
}

/** Brings them: what is missing is downloaded from Debian, the npm registry and Go's module proxy. */
export async function bringContainerParts(): Promise<ContainerParts> {
  const lockFile = await readFile(join(checkout, 'package-lock.json'));
  const goModule = fileURLToPath(new URL('compose-plugin/', import.meta.url));
  const modules = await Promise.all(['go.mod', 'go.sum'].map((name) => readFile(join(goModule, name))));
  return {
    root: await cachedPart('containers-debian', [packages.join(), leftOut.join()], makeRoot),
    node: await cachedPart('containers-node', [nodeVersion, npmVersion], makeNode),
    npm: await cachedPart('containers-npm', [lockFile], makeNpmCache),
    compose: await cachedPart('containers-docker-compose', [quickGoBuild.join(), ...modules], (to) =>
      buildCompose(goModule, to),
    ),
  };
}

async function makeRoot(to: string): Promise<void> {
  const options = [
    '--variant=minbase',
    '--format=tar',
    '--dpkgopt=force-unsafe-io',
    ...leftOut.map((path) => `--dpkgopt=path-exclude=${path}`),
    `--include=${packages.join()}`,
  ];
  await nice('mmdebstrap', [...options, 'bookworm', to]);
}

async function makeNode(to: string): Promise<void> {
  const npm = join(to, 'lib/node_modules/npm');
  await mkdir(npm, { recursive: true });
  await unpack(`node-linux-${process.arch}@${nodeVersion}`, to, ['package/bin']);
  await unpack(`npm@${npmVersion}`, npm, []);
}

async function unpack(spec: string, to: string, parts: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-parts-'));
  try {
    const { stdout } = await nice('npm', ['pack', '--silent', '--pack-destination', folder, spec]);
    await nice('tar', ['-xzf', join(folder, stdout.trim()), '-C', to, '--strip-components=1', ...parts]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeNpmCache(to: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-parts-'));
  try {
    for (const name of ['package.json', 'package-lock.json']) {
      await cp(join(checkout, name), join(folder, name));
    }
    const options = ['--include=dev', '--workspaces=false', '--ignore-scripts', '--no-audit', '--no-fund'];
    await nice('npm', ['ci', ...options, '--cache', to], folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function buildCompose(cwd: string, to: string): Promise<void> {
  const options = [...quickGoBuild, '-ldflags=-s -w', '-o', to];
  await nice('go', ['build', ...options, 'github.com/docker/compose/v2/cmd'], cwd);
}

/** Runs a program with less right to the processor than the tests have. */
async function nice(
  program: string,
  args: readonly string[],
  cwd = '/',
): Promise<{ readonly stdout: string }> {
  return run('nice', ['-n', '10', program, ...args], { cwd, env: goEnvironment(), maxBuffer: 2 ** 26 });
}
