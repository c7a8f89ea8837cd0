// Holds names and prose to the field's own words: scripts/words.json lists what isn't written any more, and what is written instead.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const { names, prose } = JSON.parse(readFileSync(new URL('words.json', import.meta.url), 'utf8'));
const rules = [
  ...Object.entries(names).map(([word, instead]) => ({ word, instead, flags: 'g' })),
  ...Object.entries(prose).map(([word, instead]) => ({ word, instead, flags: 'gi' })),
].map(({ word, instead, flags }) => ({ word, instead, pattern: new RegExp(`\\b${word}\\b`, flags) }));

const roots = [
  'src',
  'test',
  'docs',
  'examples',
  'packages',
  'scripts',
  'docker',
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
];
const files = execFileSync('git', ['ls-files', '--', ...roots], { encoding: 'utf8' })
  .split('\n')
  .filter((name) => /\.(?:[mc]?[jt]sx?|md|ya?ml|html)$/.test(name) && existsSync(name));
let found = 0;
for (const name of files) {
  for (const [index, line] of readFileSync(name, 'utf8').split('\n').entries()) {
    for (const { word, instead, pattern } of rules) {
      if (line.search(pattern) !== -1) {
        process.stderr.write(`${name}:${index + 1}: "${word}"; write "${instead}"\n`);
        found += 1;
      }
    }
  }
}
process.stdout.write(`words: ${files.length} files, ${found} old words\n`);
process.exitCode = found > 0 || files.length === 0 ? 1 : 0;
