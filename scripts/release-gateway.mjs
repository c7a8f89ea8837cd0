// The gateway's package: its programs and entry points joined with the packages that they need, in the versions of the lock file. What is
// installed is what was tested (docs/adr/0016-supply-chain.md).
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { checkoutFilter } from './bundle.mjs';
import { apart, joinEntryPoints, shared } from './join-gateway.mjs';
import { root } from './prepare.mjs';
import { licences } from './release-licences.mjs';

const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
/** Packages that come in the tarball, beside what was joined. */
const bundled = [...apart, 'pg'];
/** What the package has of the checkout. */
const parts = [
  'LICENSE',
  'CHANGELOG.md',
  '.env.example',
  'dist',
  'docker/kratos',
  'docker/hydra',
  ...['lock', 'progress', 'die-with-parent', 'preflight'].map((name) => `scripts/${name}.mjs`),
];
/** What only builds the programs. */
const leftOut = new Set(['go.mod', 'go.sum']);
/** Of dist: programs, which are joined already, what pages send, texts and types. */
const keptOfDist = /^(?:(?:launcher\/|cli\/)?main\.js|pages\/assets\/.*|.*\.json|.*\.d\.ts)$/;

/**
 * Writes the package's files into a folder.
 * @param manifest package.json of the checkout. @param optional packages of one platform.
 */
export async function writeGateway(folder, manifest, optional) {
  const isOfCheckout = checkoutFilter();
  const dist = join(root, 'dist');
  for (const part of parts) {
    cpSync(join(root, part), join(folder, part), {
      recursive: true,
      filter: (source) =>
        isOfCheckout(source) &&
        !leftOut.has(basename(source)) &&
        (!source.startsWith(`${dist}/`) ||
          !basename(source).includes('.') ||
          keptOfDist.test(source.slice(dist.length + 1))),
    });
  }
  await joinEntryPoints(join(folder, 'dist'));
  bundled.forEach((name) => copyPackage(name, folder));
  cpSync(join(root, 'scripts', 'release-readme.md'), join(folder, 'README.md'));
  writeFileSync(join(folder, 'LICENSES.txt'), licences(productionPackages()));
  writeFileSync(
    join(folder, 'bom.cdx.json'),
    execFileSync(process.execPath, [join(root, 'scripts', 'write-sbom.mjs')], { maxBuffer: 2 ** 26 }),
  );
  const text = JSON.stringify(packageManifest(manifest, optional), undefined, 2);
  writeFileSync(join(folder, 'package.json'), `${text}\n`);
}

function packageManifest(manifest, optional) {
  const { name, version, description, license, repository, type, bin, exports, engines } = manifest;
  return {
    name,
    version,
    description,
    license,
    repository,
    type,
    bin,
    exports,
    engines,
    dependencies: Object.fromEntries(bundled.map((each) => [each, lock[`node_modules/${each}`].version])),
    bundleDependencies: bundled,
    // npm installs nothing for a package that comes in another's tarball.
    optionalDependencies: { ...optional, ...lock['node_modules/libsql'].optionalDependencies },
    // Who runs the programs alone needs none of them.
    peerDependencies: Object.fromEntries(shared.map((each) => [each, manifest.dependencies[each]])),
    peerDependenciesMeta: Object.fromEntries(shared.map((each) => [each, { optional: true }])),
  };
}

/** Copies a package with all that it needs, except for native libraries, which come for the platform at the installation. */
function copyPackage(name, folder) {
  const path = `node_modules/${name}`;
  if (existsSync(join(folder, path))) {
    return;
  }
  if (lock[path] === undefined || lock[`${path}/node_modules`] !== undefined) {
    throw new Error(`${name} isn't at the top of the lock file`);
  }
  mkdirSync(join(folder, path), { recursive: true });
  cpSync(join(root, path), join(folder, path), {
    recursive: true,
    filter: (source) => basename(source) !== 'node_modules' || source === join(root, path),
  });
  const needed = Object.keys(lock[path].dependencies ?? {});
  const wanted = Object.keys(lock[path].optionalDependencies ?? {}).filter(
    (other) => lock[`node_modules/${other}`].cpu === undefined,
  );
  for (const other of [...needed, ...wanted]) {
    if (lock[`${path}/node_modules/${other}`] !== undefined) {
      throw new Error(`${name} has a ${other} of its own in the lock file`);
    }
    copyPackage(other, folder);
  }
}

/** The packages that the programs and the entry points were joined with, and those beside them. */
function productionPackages() {
  return Object.entries(lock)
    .filter(
      ([path, { dev, devOptional, link, optional }]) =>
        path.startsWith('node_modules/') && !dev && !devOptional && !link && !optional,
    )
    .map(([path, { name, version, license }]) => ({
      name: name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version,
      license: license ?? 'MIT',
      folder: join(root, path),
    }));
}
