import { expect, it } from 'vitest';
import { definitionOf, defineProblems, problemsWith, releasedProblems } from './problem.catalogue.js';
import { Problem } from './problem.error.js';

const full = { status: 409, title: 'Full', remedy: 'Wait.' };
const shopProblems = defineProblems('shop', { full });

it('a problem of a feature is thrown by its declaration', () => {
  const { code, definition } = new Problem(shopProblems.full);
  expect([code, definition]).toEqual(['shop:full', { ...full, code: 'shop:full' }]);
});

it('an undeclared code does not compile', () => {
  // @ts-expect-error: the core has no such code.
  expect(new Problem('made_up').definition.status).toBeUndefined();
  // @ts-expect-error: a feature's code isn't thrown by its name.
  expect(new Problem('shop:full').definition.status).toBeUndefined();
  // @ts-expect-error: only a declaration makes a code.
  expect(new Problem({ ...full, code: 'shop:empty' }).code).toBe('shop:empty');
  // @ts-expect-error: the feature declares no such problem.
  expect(() => new Problem(shopProblems.empty)).toThrow(TypeError);
});

it('a comparison with an undeclared code does not compile', () => {
  const { code } = new Problem('conflict');
  // @ts-expect-error: no code of the core, and none that a declaration made.
  expect(code === 'conflct').toBe(false);
  expect(code === 'conflict').toBe(true);
});

it('the problems of a program are the core’s and then those of its features', () => {
  const all = problemsWith([{ problems: shopProblems }]);
  expect(all.map(({ code }) => code)).toEqual(expect.arrayContaining(['validation_failed', 'not_ready']));
  expect(all.at(-1)).toEqual(definitionOf(shopProblems.full));
});

it.each(['conflict', 'till full', ''])('%j can’t be the code of a feature’s problem', (name) => {
  expect(() => releasedProblems({ [name]: full })).toThrow(TypeError);
});
