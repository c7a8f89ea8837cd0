// Holds what comes from outside to the rules in supply-chain.mjs: each package-lock.json, each go.mod. Reads files alone, so it
// works offline; whether a pinned version has become known as weak is `npm audit`'s and `govulncheck`'s to report, and what they have
// reported of the Go modules is assessed in docker/advisories.json.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import semver from 'semver';
import { advisoryProblems } from './advisories.mjs';
import { root } from './prepare.mjs';
import {
  argued,
  arguedAs,
  engineProblems,
  goProblems,
  licenceProblems,
  lockProblems,
  manifestProblems,
} from './supply-chain.mjs';

const problems = [];
const tell = (file, found) => problems.push(...found.map((problem) => `${file}: ${problem}`));
const readText = (path) => readFileSync(join(root, path), 'utf8');
const readJson = (path) => JSON.parse(readText(path));

const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
}).split('\0');
const named = (name) =>
  tracked.filter((path) => (path === name || path.endsWith(`/${name}`)) && existsSync(join(root, path)));

/** What an installed package says itself; an old one may have a list. */
function installedLicence(folder) {
  const file = join(root, folder, 'package.json');
  if (!existsSync(file)) {
    return undefined;
  }
  const { license, licenses = [] } = JSON.parse(readFileSync(file, 'utf8'));
  const said = license?.type ?? license;
  return said ?? (licenses.length > 0 ? licenses.map(({ type }) => type).join(' OR ') : undefined);
}

const manifests = named('package.json');
let packages = 0;
const usedArguments = new Set();
for (const path of manifests) {
  tell(path, manifestProblems(readJson(path)));
  if (readJson('package.json').workspaces.includes(dirname(path))) {
    continue; // In the product's own lock file.
  }
  const lockPath = join(dirname(path), 'package-lock.json');
  if (!existsSync(join(root, lockPath))) {
    tell(path, ['has no package-lock.json beside it']);
    continue;
  }
  const lock = readJson(lockPath);
  const folder = dirname(lockPath);
  // Nothing of bench/ is in the image; its packages are held to what development may use.
  const isProduct = folder === '.';
  const held = isProduct
    ? lock
    : {
        ...lock,
        packages: Object.fromEntries(
          Object.entries(lock.packages).map(([name, entry]) => [name, { ...entry, dev: true }]),
        ),
      };
  const found = lockProblems(held);
  tell(lockPath, found);
  tell(
    lockPath,
    licenceProblems(held, (name) => installedLicence(join(folder, name))),
  );
  const entries = Object.entries(lock.packages).filter(([name]) => name !== '');
  packages += entries.length;
  for (const [name, { hasInstallScript }] of entries) {
    if (hasInstallScript === true) {
      usedArguments.add(arguedAs(name.slice(name.lastIndexOf('node_modules/') + 13)));
    }
  }
  if (isProduct) {
    tell(lockPath, engineProblems(lock, semver.minVersion(readJson(path).engines.node).version));
    // Of what is in the image, the package itself must have been read.
    const image = entries.filter(([, { dev, optional }]) => dev !== true && optional !== true);
    const missing = image.filter(([name]) => !existsSync(join(root, name, 'package.json')));
    tell(
      lockPath,
      missing.map(([name]) => `${name} isn't installed, so its licence wasn't read`),
    );
  }
}
tell(
  'scripts/supply-chain.mjs',
  [...argued.keys()]
    .filter((name) => !usedArguments.has(name))
    .map((name) => `${name} is argued for and has no install script`),
);

const modules = named('go.mod');
for (const path of modules) {
  const sums = join(dirname(path), 'go.sum');
  tell(path, goProblems(readText(path), existsSync(join(root, sums)) ? readText(sums) : undefined));
}
const advisories = readJson('docker/advisories.json');
const shipped = modules.filter((path) => /^docker\/(?:kratos|hydra|mailpit)\/go\.mod$/.test(path));
tell('docker/advisories.json', advisoryProblems(advisories, shipped.map(readText)));
// The image must be installed from the lock file alone, and without running anything of a package's.
const installs = readText('docker/Dockerfile').match(/npm (?:ci|prune|install|i)\b.*/g) ?? [];
tell(
  'docker/Dockerfile',
  installs.some((line) => line.startsWith('npm ci ')) ? [] : ['nothing is installed by `npm ci`'],
);
tell(
  'docker/Dockerfile',
  installs
    .filter((line) => !/^npm (?:ci|prune) /.test(line) || !line.includes(' --ignore-scripts'))
    .map((line) => `\`${line}\` isn't \`npm ci\` or \`npm prune\` with \`--ignore-scripts\``),
);
if (
  manifests.length < 2 ||
  modules.length < 4 ||
  packages < 100 ||
  installs.length === 0 ||
  advisories.length < 30
) {
  problems.push(
    `only ${manifests.length} manifests, ${modules.length} Go modules, ${packages} packages seen`,
  );
}

process.stderr.write(problems.map((problem) => `${problem}\n`).join(''));
process.stdout.write(
  `supply chain: ${packages} packages, ${modules.length} Go modules, ${advisories.length} advisories, ${problems.length} problems\n`,
);
process.exitCode = problems.length > 0 ? 1 : 0;
