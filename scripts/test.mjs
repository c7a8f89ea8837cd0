// `npm test [-- --lane NAME | --feature NAME] [ARGUMENT…]`: brings what the tests of a lane (test/lanes.json) or of a feature need, then runs
// them. All other arguments go to vitest. One that names files runs these, whichever lane they are in.
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PrepareError, prepare, root } from './prepare.mjs';
import { createProgress } from './progress.mjs';
import { needsOf } from './test.needs.mjs';
import { bringPackages } from './test.packages.mjs';
import { bringPrograms } from './test.programs.mjs';

const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const neededBytes = 8 * 2 ** 30;
/** Options of vitest that take the next argument. */
const valued =
  /^(?:-[tcru]|--(?:testNamePattern|config|root|update|exclude|project|reporter|outputFile|dir|shard|maxWorkers|retry|bail|testTimeout|hookTimeout))$/;

try {
  const progress = createProgress();
  const { lane, words } = readArguments(process.argv.slice(2));
  process.env.VESTIBULE_TEST_LANE = lane;
  await prepare({ everything: true, builds: false, progress });
  const files = selectedFiles(words);
  // Specs beside their source need no build, no packages of services, and nothing of Ory's.
  if (files.some((file) => /(?:^|\/)test\//.test(relative(root, file)))) {
    await prepare({ everything: true, progress });
    await bringPackages(progress);
    const { findBinaries } = await import(pathToFileURL(join(root, 'dist/launcher/binary.store.js')).href);
    await findBinaries(['kratos', 'hydra', 'mailpit'], process.env, progress);
  }
  bringPrograms(progress, new Set(files.flatMap((file) => [...needsOf(file)])));
  const folder = mkdtempSync(join(temporaryRoot(), 'vestibule-'));
  // Servers that refuse to run as root must get to their own folders in it.
  chmodSync(folder, 0o711);
  const outcome = join(folder, 'failed');
  const env = { ...process.env, TMPDIR: folder, VESTIBULE_TEST_OUTCOME: outcome };
  const runner = spawn(process.execPath, [vitest, 'run', ...words], {
    cwd: root,
    env,
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => runner.kill(signal));
  }
  runner.on('exit', (code) => {
    // Both must say so: a library that ends the process takes the exit code with it.
    const noneFailed = existsSync(outcome) && readFileSync(outcome, 'utf8') === '0';
    process.exitCode = noneFailed ? (code ?? 1) : 1;
    rmSync(folder, { recursive: true, force: true });
  });
} catch (error) {
  // Both kinds say in their message what is missing and how to get it.
  if (!(error instanceof PrepareError) && error?.name !== 'LaunchError') {
    throw error;
  }
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

/** @returns which lane runs, and what vitest is told. @throws {PrepareError} for a lane or a feature that isn't there. */
function readArguments(given) {
  const ofLane = takeOption(given, 'lane');
  const ofFeature = takeOption(ofLane.words, 'feature');
  const { value: feature, words } = ofFeature;
  if (feature !== undefined) {
    const features = readdirSync(join(root, 'src/features'));
    requireKnown('feature', feature, features);
    return { lane: 'all', words: [...foldersOf(feature), ...words] };
  }
  const lane = ofLane.value;
  if (lane === undefined) {
    return { lane: words.some(namesFiles) ? 'all' : 'essential', words };
  }
  const lanes = JSON.parse(readFileSync(join(root, 'test/lanes.json'), 'utf8'));
  const known = Object.entries(lanes).map(([name, { about }]) => `${name}: ${about}`);
  requireKnown('lane', lane, Object.keys(lanes), known);
  return { lane, words };
}

/** An option of ours, as `--name value` or `--name=value`. @returns its value, if it is there, and the other words. */
function takeOption(given, name) {
  const at = given.findLastIndex((word) => word === `--${name}` || word.startsWith(`--${name}=`));
  if (at === -1) {
    return { value: undefined, words: given };
  }
  const [, joined] = given[at].split('=');
  return {
    value: joined ?? given[at + 1] ?? '',
    words: given.toSpliced(at, joined === undefined ? 2 : 1),
  };
}

function requireKnown(kind, name, names, lines = names) {
  if (!names.includes(name)) {
    const list = lines.map((line) => `  ${line}`).join('\n');
    throw new PrepareError(`There is no ${kind} "${name}". These are:\n${list}`);
  }
}

/** The folders with the tests of a feature, and of those that its manifest needs. */
function foldersOf(feature) {
  const folder = `src/features/${feature}/`;
  const manifest = readFileSync(join(root, folder, `${feature}.feature.ts`), 'utf8');
  const [, needs = ''] = /\bneeds: \[([^\]]*)\]/.exec(manifest) ?? [];
  return [folder, ...[...needs.matchAll(/'([^']+)'/g)].map(([, need]) => `src/features/${need}/`)];
}

/** Whether an argument is part of a file's path, rather than an option or its value, as in `-t title`. */
function namesFiles(word, index, words) {
  return !word.startsWith('-') && !valued.test(words[index - 1] ?? '');
}

/** The files that vitest would run. None if it doesn't take the arguments, which it then says when it runs. */
function selectedFiles(words) {
  const named = words.filter(namesFiles);
  if (named.length > 0 && named.every((word) => /\.spec\.tsx?$/.test(word) && existsSync(join(root, word)))) {
    // Vitest takes a second to say so itself.
    return named;
  }
  const { stdout } = spawnSync(process.execPath, [vitest, 'list', ...words, '--filesOnly', '--json'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 24,
  });
  try {
    return JSON.parse(stdout).map(({ file }) => file);
  } catch {
    return [];
  }
}

/**
 * Where the tests keep their databases: in memory if there is room for them, because making and dropping a database is mostly work of
 * the file system. Programs must be allowed to run there.
 */
function temporaryRoot() {
  const memory = '/dev/shm';
  if (process.env.TMPDIR || !existsSync(memory)) {
    return tmpdir();
  }
  const { bavail, bsize } = statfsSync(memory);
  if (bavail * bsize < neededBytes || freemem() < neededBytes) {
    return tmpdir();
  }
  const folder = mkdtempSync(join(memory, 'vestibule-'));
  const script = join(folder, 'script');
  writeFileSync(script, '#!/bin/sh\n', { mode: 0o700 });
  const mayRun = spawnSync(script).status === 0;
  rmSync(folder, { recursive: true });
  return mayRun ? memory : tmpdir();
}
