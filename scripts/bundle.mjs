// `npm run bundle -- OUT.tar.gz`: everything that a machine of this platform needs to run Vestibule without a network.
// Two runs on one checkout give the same archive, byte by byte.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { createGzip } from 'node:zlib';
import { PrepareError, prepare, root } from './prepare.mjs';
import { createProgress } from './progress.mjs';
import { buildVersion, writeBuildVersion } from './version.mjs';

/** What a checkout has and a site needs. The launcher in dist uses some of the scripts. */
const parts = [
  'package.json',
  'package-lock.json',
  'LICENSE',
  'README.md',
  'CHANGELOG.md',
  '.env.example',
  'dist',
  'docker',
  'docs',
  'scripts/lock.mjs',
  'scripts/progress.mjs',
  'scripts/die-with-parent.mjs',
  'scripts/preflight.mjs',
];
/** The compiler's notes, Go programs for developers, and what docker/make-secrets.sh has made on this machine. */
const leftOut = new Set([
  '.tsbuildinfo',
  '.vestibule-built',
  'docker/tools',
  'docker/secrets',
  'docker/.env',
]);
const programs = ['kratos', 'hydra', 'mailpit'];

/** In a bundle everything is there: `npm start` goes straight to the launcher. */
const start = `// Everything is in the bundle: nothing is installed or built.
await import('../dist/launcher/main.js');
`;

/**
 * Writes the archive, and its SHA-256 beside it. Needs dist, the installed packages and GNU tar.
 * @param {string} archive
 * @param {{ level?: number, progress?: import('./progress.mjs').Progress }} [options] `level` of the compression: 0 to 9.
 * @returns {Promise<{ path: string, sum: string, folderName: string }>} the archive's absolute path, its SHA-256 in hex, and the one folder in it.
 * @throws {PrepareError} with a message that says what is missing.
 */
export async function makeBundle(archive, { level = 6, progress = createProgress() } = {}) {
  const path = resolve(archive);
  const { name } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const version = buildVersion();
  const target = `${process.platform}-${process.arch}`;
  const folderName = `vestibule-${version}-${target}`;
  if (!existsSync(join(root, 'dist', 'launcher', 'main.js'))) {
    throw new PrepareError('dist is missing: npm run build');
  }
  const binaries = await findPrograms(progress);
  writeBuildVersion();
  const staging = mkdtempSync(join(tmpdir(), 'vestibule-bundle-'));
  const step = progress.step(`bundling ${folderName}`);
  try {
    const folder = join(staging, folderName);
    copyParts(folder);
    copyPackages(folder);
    mkdirSync(join(folder, 'bin'));
    for (const [program, binary] of binaries) {
      cpSync(binary, join(folder, 'bin', program), { dereference: true });
    }
    writeFileSync(join(folder, 'scripts', 'start.mjs'), start);
    cpSync(join(root, 'scripts', 'bundle.install.mjs'), join(folder, 'install.mjs'));
    writeFileSync(
      join(folder, 'BUNDLE.json'),
      `${JSON.stringify({ name, version, platform: process.platform, arch: process.arch, programs }, undefined, 2)}\n`,
    );
    normaliseModes(folder);
    await writeSums(folder);
    await pack(staging, folderName, path, level);
    step.done();
  } catch (error) {
    step.failed();
    throw error;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  const sum = await sha256(path);
  writeFileSync(`${path}.sha256`, `${sum}  ${basename(path)}\n`);
  return { path, sum, folderName };
}

async function findPrograms(progress) {
  const store = await import(pathToFileURL(join(root, 'dist', 'launcher', 'binary.store.js')).href);
  return store.findBinaries(programs, process.env, progress);
}

function copyParts(folder) {
  const isOfCheckout = checkoutFilter();
  for (const part of parts) {
    cpSync(join(root, part), join(folder, part), {
      recursive: true,
      filter: (source) =>
        isOfCheckout(source) && !leftOut.has(relative(root, source)) && !leftOut.has(basename(source)),
    });
  }
}

/**
 * Makes a filter that lets pass what belongs to the checkout, and dist: what else lies there, such as a database or a secret, is not to be
 * handed on. Where the checkout isn't git's, everything passes.
 * @returns {(source: string) => boolean}
 */
export function checkoutFilter() {
  const { status, stdout } = spawnSync('git', ['ls-files', '-z'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) {
    return () => true;
  }
  const built = /^(?:packages\/[\w-]+\/)?dist(?:\/|$)/;
  const known = new Set();
  for (const file of stdout.split('\0').filter((name) => name !== '')) {
    for (let path = file; path !== '.'; path = dirname(path)) {
      known.add(path);
    }
  }
  return (source) => {
    const path = relative(root, source);
    return known.has(path) || built.test(path);
  };
}

/** The packages that aren't for development only, as the lock file says, in the versions that it says. */
function copyPackages(folder) {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  for (const [path, entry] of Object.entries(lock.packages)) {
    const isPackage = path.startsWith('node_modules/') && entry.link !== true;
    const isNeeded = isPackage && entry.dev !== true && entry.devOptional !== true;
    const source = join(root, path);
    if (!isNeeded || (entry.optional === true && !existsSync(source))) {
      continue;
    }
    if (versionIn(source) !== entry.version) {
      throw new PrepareError(`${path} isn't installed as package-lock.json says: npm ci`);
    }
    // Packages inside of a package are entries of their own.
    cpSync(source, join(folder, path), {
      recursive: true,
      filter: (inner) => inner === source || basename(inner) !== 'node_modules',
    });
  }
}

/** @returns undefined where there is no package. Some write a v before their version. */
function versionIn(folder) {
  const manifest = join(folder, 'package.json');
  return existsSync(manifest)
    ? JSON.parse(readFileSync(manifest, 'utf8')).version.replace(/^v/, '')
    : undefined;
}

/** @returns the paths of all files below a folder, sorted, with slashes. */
function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** Anyone who made it, with whatever umask: 0644, and 0755 for programs. */
export function normaliseModes(folder) {
  const programPaths = new Set([
    ...programs.map((program) => join('bin', program)),
    join('dist', 'cli', 'main.js'),
  ]);
  for (const path of filesIn(folder)) {
    const isProgram = programPaths.has(path) || (path.startsWith('docker') && path.endsWith('.sh'));
    chmodSync(join(folder, path), isProgram ? 0o755 : 0o644);
  }
}

/** In the form that `sha256sum -c SHA256SUMS` reads. */
async function writeSums(folder) {
  const lines = [];
  for (const path of filesIn(folder)) {
    lines.push(`${await sha256(join(folder, path))}  ${path}\n`);
  }
  writeFileSync(join(folder, 'SHA256SUMS'), lines.join(''), { mode: 0o644 });
}

async function sha256(path) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function pack(staging, folderName, path, level) {
  const fixed = ['--sort=name', '--format=gnu', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  const options = { cwd: staging, env: { ...process.env, LC_ALL: 'C' }, stdio: ['ignore', 'pipe', 'pipe'] };
  const tar = spawn('tar', [...fixed, '--mode=u=rwX,go=rX', '-cf', '-', folderName], options);
  let said = '';
  tar.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  const ended = new Promise((done) => {
    tar.once('error', (error) => done(error.message));
    tar.once('close', (code) => done(code === 0 ? undefined : said));
  });
  mkdirSync(dirname(path), { recursive: true });
  await pipeline(tar.stdout, createGzip({ level }), createWriteStream(`${path}.part`));
  const problem = await ended;
  if (problem !== undefined) {
    rmSync(`${path}.part`, { force: true });
    throw new PrepareError(`The archive can't be made (it needs GNU tar): ${problem}`);
  }
  renameSync(`${path}.part`, path);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const [archive] = process.argv.slice(2);
    if (archive === undefined) {
      throw new PrepareError('Say where to: npm run bundle -- OUT.tar.gz');
    }
    await prepare({ everything: true });
    const { path, sum, folderName } = await makeBundle(archive);
    process.stdout.write(
      `${path}\n  SHA-256 ${sum} (also in ${basename(path)}.sha256)\n` +
        `  at the site: tar -xzf ${basename(path)} && node ${folderName}/install.mjs\n`,
    );
  } catch (error) {
    // Both kinds say in their message what is missing and how to get it.
    if (!(error instanceof PrepareError) && error?.name !== 'LaunchError') {
      throw error;
    }
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
