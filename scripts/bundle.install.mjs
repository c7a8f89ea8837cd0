// `node install.mjs` in an unpacked bundle: checks that every file is as it was packed, and that its programs run here.
// Writes nothing, and asks nobody.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const read = (path) => readFileSync(join(folder, path), 'utf8');
/** What a run makes in the folder. */
const own = /^(?:\.env$|\.data(?:[/-]|$))/;

const problems = [...checkFiles(), ...checkMachine()];
if (problems.length > 0) {
  const more = problems.length > 20 ? `\n  … and ${problems.length - 20} more` : '';
  const shown = problems.slice(0, 20).map((problem) => `  ${problem}`);
  process.stderr.write(`This bundle can't be used:\n${shown.join('\n')}${more}\n`);
  process.exit(1);
}
process.stdout.write(`All files are as they were packed, and the programs run on this machine.
Start it, with nothing allowed to leave the private network:

  cd ${JSON.stringify(folder)}
  AIR_GAPPED=true node scripts/start.mjs

Settings go into the file .env there or into the environment (docs/configuration.md); docs/production.md tells the rest.
`);

/** Every file against its sum, and no file that has none: it could be loaded all the same. */
function checkFiles() {
  const sums = new Map(
    read('SHA256SUMS')
      .trimEnd()
      .split('\n')
      .map((line) => [line.slice(66), line.slice(0, 64)]),
  );
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => path !== 'SHA256SUMS' && !own.test(path));
  const there = new Set(found);
  return [
    ...[...sums.keys()].filter((path) => !there.has(path)).map((path) => `${path} is missing`),
    ...found.filter((path) => !sums.has(path)).map((path) => `${path} doesn't belong to it`),
    ...found
      .filter((path) => sums.has(path) && sums.get(path) !== sumOf(path))
      .map((path) => `${path} is not as it was packed`),
  ];
}

function sumOf(path) {
  return createHash('sha256')
    .update(readFileSync(join(folder, path)))
    .digest('hex');
}

function checkMachine() {
  const { platform, arch, programs } = JSON.parse(read('BUNDLE.json'));
  if (platform !== process.platform || arch !== process.arch) {
    return [`it was made for ${platform}-${arch}, and this is ${process.platform}-${process.arch}`];
  }
  const { engines } = JSON.parse(read('package.json'));
  const wanted = engines.node.replace('>=', '').split('.').map(Number);
  const node = process.versions.node.split('.').map(Number);
  const difference = wanted.map((part, index) => (node[index] ?? 0) - part).find((part) => part !== 0) ?? 0;
  return [
    ...(difference < 0 ? [`it needs Node ${engines.node}, and this is ${process.versions.node}`] : []),
    ...programs
      .filter((name) => {
        const args = name === 'mailpit' ? ['version', '--no-release-check'] : ['version'];
        return spawnSync(join(folder, 'bin', name), args, { stdio: 'ignore', env: {} }).status !== 0;
      })
      .map(
        (name) =>
          `bin/${name} doesn't run on this machine (another C library, or a file system without programs)`,
      ),
  ];
}
