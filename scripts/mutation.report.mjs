// What came of mutants: reports/ has it from each run in full, mutation.results.json what lived, docs/internals/mutation.md the table.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

const folder = 'reports';
const document = 'docs/internals/mutation.md';
const stored = 'scripts/mutation.results.json';
const [begin, end] = ['<!-- results -->\n', '<!-- end of results -->'];
const nameOf = (file) => join(folder, `mutation.${file.replaceAll('/', '.')}.json`);
const digestOf = (file) => createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16);
const readStored = () => (existsSync(stored) ? JSON.parse(readFileSync(stored, 'utf8')) : {});

/** What was changed where: the same in the next run, as long as the file is. */
export const identity = ({ mutatorName, replacement, location: { start, end: stop } }) =>
  `${start.line + 1}:${start.column + 1}-${stop.line + 1}:${stop.column + 1} ${mutatorName} ${replacement}`;

/** Keeps what came of a file's mutants: `{file, seconds, mutants: [{id, mutatorName, location, replacement, state, by}]}`. */
export function keep(found) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(nameOf(found.file), JSON.stringify({ ...found, digest: digestOf(found.file) }));
}

/** @returns identities of the mutants of a file that lived the last time, while the file is what it was then. */
export function readAlive(file) {
  const found = resultOf(file);
  return found?.digest === digestOf(file) ? new Set(found.alive.map(([name]) => name)) : undefined;
}

/** The latest result of a file: of this checkout's own runs, else the stored one. */
function resultOf(file) {
  if (!existsSync(nameOf(file))) {
    return readStored()[file];
  }
  const { digest, mutants } = JSON.parse(readFileSync(nameOf(file), 'utf8'));
  const alive = mutants.filter(({ state }) => state !== 'killed');
  return {
    digest,
    mutants: mutants.length,
    alive: alive.map((mutant) => [identity(mutant), mutant.state]).sort(),
  };
}

function rowOf({ title, mutants, alive }) {
  const count = (state) => alive.filter(([, found]) => found === state).length;
  const killed = mutants - alive.length;
  const score = ((100 * killed) / mutants).toFixed(1);
  return `| ${title} | ${mutants} | ${killed} | ${count('survived')} | ${count('not covered')} | ${score}% |`;
}

/** Stores the results and writes the table anew, if there are results of all files. @returns whether there are. */
export async function writeTable(files) {
  const results = Object.fromEntries(files.map((file) => [file, resultOf(file)]));
  if (Object.values(results).includes(undefined)) {
    return false;
  }
  writeFileSync(stored, await pretty(JSON.stringify(results), stored));
  const wingOf = (file) => file.split('/').slice(0, 2).join('/');
  const sums = [...new Set(files.map(wingOf))].map((name) => {
    const within = files.filter((file) => wingOf(file) === name).map((file) => results[file]);
    return {
      title: `**${name}/**`,
      mutants: within.reduce((sum, { mutants }) => sum + mutants, 0),
      alive: within.flatMap(({ alive }) => alive),
    };
  });
  const table = [
    '| what | mutants | killed | survived | not reached | score |',
    '| --- | --: | --: | --: | --: | --: |',
    ...sums.map(rowOf),
    ...files.map((file) => rowOf({ title: `\`${file}\``, ...results[file] })),
  ].join('\n');
  const text = readFileSync(document, 'utf8');
  const [head] = text.split(begin);
  const [, tail] = text.split(end);
  writeFileSync(document, await pretty(`${head}${begin}\n${table}\n\n${end}${tail}`, document));
  return true;
}

async function pretty(text, filepath) {
  return format(text, { ...(await resolveConfig(filepath)), filepath });
}
