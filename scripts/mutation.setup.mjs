// Runs in the tests' process, before each copy of a spec: `x.m17.spec.ts` has mutant 17 switched on, `x.m.spec.ts` none.
import { appendFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, inject } from 'vitest';

const path = globalThis.__vitest_worker__.filepath;
const mutant = /\.m(\d*)\.spec\.tsx?$/.exec(path)?.[1] ?? '';
const namespace = (globalThis.__stryker__ ??= {});
/** Mutants that a test of this process has found. */
const killed = (globalThis.__killed__ ??= new Set());

namespace.activeMutant = inject('isStatic') && mutant !== '' ? mutant : undefined;
// A mutant that loops ends with an error.
namespace.hitCount = 0;
namespace.hitLimit = mutant === '' ? undefined : 200_000;

beforeAll(() => {
  if (mutant === '') {
    namespace.currentTestId = path;
  } else {
    namespace.activeMutant = mutant;
  }
});

beforeEach(({ skip }) => {
  // One failure is enough.
  skip(killed.has(mutant));
});

afterEach(({ task }) => {
  if (mutant !== '' && task.result?.state === 'fail') {
    killed.add(mutant);
  }
});

afterAll(() => {
  namespace.activeMutant = undefined;
  namespace.currentTestId = undefined;
  if (mutant === '') {
    appendFileSync(inject('coverageFile'), `${JSON.stringify({ path, ...namespace.mutantCoverage })}\n`);
  }
});
