// Mutation testing (docs/internals/mutation.md): `npm run mutation -- [--again] [FILE…]`. The mutants are Stryker's, switched on one after
// the other in one process: its own runner starts a process for each, which takes longer than the tests.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { Instrumenter } from '@stryker-mutator/instrumenter';
import { createVitest } from 'vitest/node';
import { apart, leftOut, plan } from './mutation.plan.mjs';
import { identity, keep, readAlive, writeTable } from './mutation.report.mjs';
import { createProgress } from './progress.mjs';
import { bringPrograms } from './test.programs.mjs';

/** Nearly all texts are reasons for the log and details for people (docs/internals/mutation.md). */
const excludedMutations = ['StringLiteral'];
const silent = new Proxy(
  {},
  { get: (_target, name) => (String(name).startsWith('is') ? () => false : () => undefined) },
);
/** No mutant has this id. */
const control = '999999';
const root = process.cwd();

/** What the OpenAPI document says in words, and nothing else. */
const description = /^\{\s*description:\s*(['"`])(?:(?!\1)[^])*\1,?\s*\}$/;

async function instrument(file) {
  const name = join(root, file);
  const text = readFileSync(name, 'utf8');
  const { files, mutants } = await new Instrumenter(silent).instrument(
    [{ name, mutate: true, content: text }],
    { excludedMutations, ignorers: [], plugins: null, noHeader: false },
  );
  const lines = text.split('\n');
  const offset = ({ line, column }) =>
    lines.slice(0, line).reduce((sum, { length }) => sum + length + 1, column);
  const counts = ({ status, location: { start, end } }) =>
    status !== 'Ignored' && !description.test(text.slice(offset(start), offset(end)));
  return { content: files[0].content, mutants: mutants.filter(counts) };
}

function newSandbox() {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-mutation-'));
  for (const name of ['src', 'test', 'scripts', 'docker', 'package.json', 'tsconfig.json', 'dist']) {
    if (existsSync(name)) {
      cpSync(name, join(folder, name), { recursive: true });
    }
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** Runs copies of specs in one process, each with its mutant. @returns for each mutant whether all tests passed. */
async function run(sandbox, wanted, { isStatic = false } = {}) {
  const outcomes = new Map();
  const copies = wanted.map(({ spec, id }) => {
    const copy = spec.replace(/\.spec\.(tsx?)$/, `.m${id}.spec.$1`);
    cpSync(join(sandbox, spec), join(sandbox, copy));
    return copy;
  });
  const isSound = wanted[0]?.id === '';
  const reporter = {
    onTestModuleEnd: (module) => {
      const id = /\.m(\d*)\.spec/.exec(module.moduleId)?.[1] ?? '';
      const failed = [...module.children.allTests('failed')].map(({ fullName }) => fullName);
      const errors = [...module.children.allSuites()].flatMap((suite) => suite.errors());
      const isGood = module.state() !== 'failed';
      const known = outcomes.get(id) ?? { isGood: true, by: [] };
      const by = [...known.by, ...failed];
      outcomes.set(id, {
        isGood: known.isGood && isGood,
        by: isGood ? by : [...by, ...[...module.errors(), ...errors].map(({ message }) => message)],
      });
    },
  };
  const vitest = await createVitest('test', {
    config: false,
    root: sandbox,
    watch: false,
    globals: false,
    pool: 'forks',
    isolate: false,
    bail: isStatic ? 1 : 0,
    maxWorkers: 1,
    fileParallelism: false,
    include: copies,
    // Kratos and Hydra take seconds to start: all copies of a process share them (scripts/mutation.stack.mjs).
    alias: [
      { find: /^(?:\.\.\/)+support\/stack\.js$/, replacement: join(sandbox, 'scripts/mutation.stack.mjs') },
    ],
    globalSetup: ['test/support/global.setup.ts'],
    setupFiles: ['test/support/needs.setup.ts', 'scripts/mutation.setup.mjs'],
    testNamePattern: new RegExp(`^(?!.*(?:${leftOut.join('|')})).*$`),
    testTimeout: isSound ? 30_000 : 10_000,
    hookTimeout: isSound ? 60_000 : 30_000,
    dangerouslyIgnoreUnhandledErrors: true,
    passWithNoTests: true,
    expect: { requireAssertions: true },
    onConsoleLog: () => false,
    reporters: [reporter],
  });
  vitest.provide('databaseKinds', ['sqlite', 'postgres']);
  vitest.provide('isStatic', isStatic);
  vitest.provide('coverageFile', join(sandbox, 'coverage.jsonl'));
  try {
    await vitest.start();
  } finally {
    await vitest.close();
    copies.forEach((copy) => rmSync(join(sandbox, copy)));
  }
  return outcomes;
}

function readCoverage(sandbox) {
  const covering = new Map();
  const statics = new Set();
  for (const line of readFileSync(join(sandbox, 'coverage.jsonl'), 'utf8').trim().split('\n')) {
    const { static: atImport = {}, perTest = {} } = JSON.parse(line);
    Object.keys(atImport).forEach((id) => statics.add(id));
    for (const [path, hits] of Object.entries(perTest)) {
      const spec = relative(sandbox, path).replace('.m.spec', '.spec');
      Object.keys(hits).forEach((id) => covering.set(id, (covering.get(id) ?? new Set()).add(spec)));
    }
  }
  return { covering, statics };
}

async function mutate(sandbox, file, specs) {
  const began = performance.now();
  const { content, mutants } = await instrument(file);
  const original = readFileSync(join(sandbox, file), 'utf8');
  writeFileSync(join(sandbox, file), content);
  rmSync(join(sandbox, 'coverage.jsonl'), { force: true });
  // What the run before killed stays killed: tests that were added since take nothing from that.
  const alive = isAgain ? readAlive(file) : undefined;
  const stateOf = (mutant) => (alive?.has(identity(mutant)) === false ? 'killed' : 'survived');
  const results = new Map(mutants.map((mutant) => [mutant.id, { state: stateOf(mutant), by: [] }]));
  const note = (outcomes) => {
    for (const [id, { isGood, by }] of outcomes) {
      if (!isGood && id !== control) results.set(id, { state: 'killed', by });
    }
  };
  try {
    const sound = (
      await run(
        sandbox,
        specs.map((spec) => ({ spec, id: '' })),
      )
    ).get('');
    if (sound?.isGood !== true) {
      throw new Error(`${file}: the specs fail without a mutant: ${sound?.by.join('; ')}`);
    }
    const { covering, statics } = readCoverage(sandbox);
    if (apart.has(file)) {
      covering.forEach((_specs, id) => statics.add(id));
    }
    const isAlive = ({ id }) => results.get(id).state === 'survived';
    // The strongest first, alone; what it leaves is for the others.
    for (const round of [specs.slice(0, 1), specs.slice(1)]) {
      const copies = mutants
        .filter((mutant) => isAlive(mutant) && !statics.has(mutant.id))
        .flatMap(({ id }) =>
          round.filter((spec) => covering.get(id)?.has(spec)).map((spec) => ({ spec, id })),
        );
      for (let start = 0; start < copies.length; start += 60) {
        const some = copies.slice(start, start + 60);
        // The last one has no mutant: it passes, or those before have left something behind and count for nothing.
        const outcomes = await run(sandbox, [...some, { spec: some[0].spec, id: control }]);
        if (outcomes.get(control)?.isGood !== true) {
          throw new Error(`${file}: mutants disturb each other: ${outcomes.get(control)?.by.join('; ')}`);
        }
        note(outcomes);
      }
    }
    // What is worked out at an import, or once at a start, needs a process of its own, which takes seconds.
    for (const { id } of mutants.filter((mutant) => isAlive(mutant) && statics.has(mutant.id))) {
      const copies = specs.slice(0, 2).map((spec) => ({ spec, id }));
      note(await run(sandbox, copies, { isStatic: true }));
    }
    for (const { id } of mutants.filter(isAlive)) {
      if (!covering.has(id) && !statics.has(id)) results.set(id, { state: 'not covered', by: [] });
    }
  } finally {
    writeFileSync(join(sandbox, file), original);
  }
  return { file, mutants, results, seconds: Math.round((performance.now() - began) / 1000) };
}

function report({ file, mutants, results, seconds }) {
  const lines = readFileSync(file, 'utf8').split('\n');
  const killed = mutants.filter(({ id }) => results.get(id).state === 'killed').length;
  const rows = mutants
    .filter(({ id }) => results.get(id).state !== 'killed')
    .map(({ id, mutatorName, replacement, location: { start, end } }) => {
      const from = lines[start.line]?.slice(start.column, start.line === end.line ? end.column : undefined);
      return `  ${start.line + 1}:${start.column + 1} ${results.get(id).state} ${mutatorName}: ${from} → ${replacement.replaceAll(/\s+/g, ' ').slice(0, 100)}`;
    });
  const score = ((100 * killed) / mutants.length).toFixed(1);
  return [`${file}: ${mutants.length} mutants, ${killed} killed, ${score} %, ${seconds} s`, ...rows].join(
    '\n',
  );
}

const isAgain = process.argv.includes('--again');
const wanted = process.argv.slice(2).filter((word) => word !== '--again');
const files = wanted.length === 0 ? Object.keys(plan) : wanted;
bringPrograms(createProgress());
// Each start of the tests adds some.
process.setMaxListeners(0);
const sandbox = newSandbox();
let isVoid = false;
try {
  for (const file of files) {
    let outcome;
    try {
      outcome = await mutate(sandbox, file, plan[file] ?? []);
    } catch (error) {
      process.stdout.write(`${error}\n`);
      isVoid = true;
      continue;
    }
    process.stdout.write(`${report(outcome)}\n`);
    const { results, mutants, seconds } = outcome;
    keep({ file, seconds, mutants: mutants.map((mutant) => ({ ...mutant, ...results.get(mutant.id) })) });
  }
} finally {
  rmSync(sandbox, { recursive: true, force: true });
}
if (await writeTable(Object.keys(plan))) {
  process.stdout.write('docs/internals/mutation.md is written\n');
}
// vitest has its own code for tests that failed, as they should.
process.exit(isVoid ? 1 : 0);
