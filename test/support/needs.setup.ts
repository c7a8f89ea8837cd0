import { expect, inject } from 'vitest';
import { needsOf } from '../../scripts/test.needs.mjs';
import { missingPrograms, programs } from '../../scripts/test.programs.mjs';

// Before each file: what it needs is there, or all that is missing is named.
const needs = needsOf(expect.getState().testPath ?? '');
const absent = new Set(inject('missingPrograms'));
const missing = programs.filter(
  (program) => program.needs.some((need) => needs.has(need)) && absent.has(program.variable),
);
if (missing.length > 0) {
  throw new Error(`${missingPrograms(missing)}\n\`npm test\` installs them where apt may.`);
}
const starter = inject('postgresStarterUrl');
if (needs.has('postgresUrl') && starter !== '') {
  const answer = await fetch(starter);
  if (!answer.ok) {
    throw new Error(await answer.text());
  }
}
