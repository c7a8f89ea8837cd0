// Counts the lines of the source without specs, views and texts, and holds that no feature grows beyond what one reads in an afternoon.
import { readFileSync, readdirSync } from 'node:fs';
import { sep } from 'node:path';

/** The largest feature, in lines. */
const largest = 5500;
/** Wings that are neither core nor a provider, pages, and what puts all of them together. */
const others = new Set(['app', 'features', 'cli', 'launcher', 'doctor', 'pages']);

const counted = readdirSync('src', { recursive: true })
  .map((path) => path.split(sep))
  .filter((path) => /\.tsx?$/.test(path.at(-1)))
  .filter((path) => !path.includes('test') && !path.includes('locales'))
  .filter((path) => !/\.spec\.tsx?$|\.view\.tsx?$|-texts\.ts$/.test(path.at(-1)))
  .map((path) => ({ path, lines: readFileSync(['src', ...path].join('/'), 'utf8').split('\n').length - 1 }));

function sum(files) {
  return files.reduce((total, { lines }) => total + lines, 0);
}

const names = new Set(counted.flatMap(({ path: [wing, name] }) => (wing === 'features' ? [name] : [])));
const features = [...names].toSorted().map((name) => ({
  name,
  lines: sum(counted.filter(({ path: [wing, folder] }) => wing === 'features' && folder === name)),
}));
const core = counted.filter(({ path: [wing, file] }) => file !== undefined && !others.has(wing));
const rows = [
  ['core and providers', sum(core)],
  ...features.map(({ name, lines }) => [`feature ${name}`, lines]),
];
for (const [name, lines] of [...rows, ['all source', sum(counted)]]) {
  console.log(`${name.padEnd(28)} ${String(lines).padStart(6)}`);
}
const tooLarge = features.filter(({ lines }) => lines > largest);
for (const { name, lines } of tooLarge) {
  console.error(
    `The feature ${name} has ${lines} lines; ${largest} are the most: split it, or fold what it does twice.`,
  );
}
process.exitCode = features.length === 0 || tooLarge.length > 0 ? 1 : 0;
