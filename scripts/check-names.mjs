// Holds that a file of src is named after what it has: `noun.role.ts` with a role of this list, or a noun whose words are hyphenated.
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';

/** What a file can be besides a noun. */
const roles = new Set([
  'cache',
  'catalogue',
  'check',
  'client',
  'controller',
  'decorators',
  'docs',
  'error',
  'feature',
  'filter',
  'findings',
  'form',
  'gate',
  'guard',
  'mapper',
  'migration',
  'module',
  'page',
  'pages',
  'parser',
  'policy',
  'port',
  'probe',
  'program',
  'provider',
  'query',
  'repository',
  'schema',
  'schemas',
  'service',
  'settings',
  'store',
  'strategy',
  'variables',
  'view',
]);
const word = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

/** Whether a name, without its ending, is one of the two. */
function isNamed(name) {
  const [noun, role, ...more] = name.split('.');
  return more.length === 0 && word.test(noun) && (role === undefined || roles.has(role));
}

const files = readdirSync('src', { recursive: true }).filter(
  // A declaration file is named after the package that it declares.
  (path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts'),
);
const wrong = files.filter((path) => !isNamed(basename(path).replace(/(?:\.spec)?\.tsx?$/, '')));
for (const path of wrong) {
  console.error(`src/${path}: name it noun.role.ts with a role of scripts/check-names.mjs, or hyphenate it`);
}
console.log(`names: ${files.length} files, ${wrong.length} wrong`);
process.exitCode = files.length < 500 || wrong.length > 0 ? 1 : 0;
