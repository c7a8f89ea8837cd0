import { expect, it } from 'vitest';
import { newId } from '../../platform/core/identifier.js';
import { isNamed } from './org-reference.js';

const id = newId();

it('an organisation is named by its id, in any case, and by its slug', () => {
  const org = { id, slug: 'engines' };
  expect([id, id.toUpperCase(), 'engines'].map((text) => isNamed(org, text))).toEqual([true, true, true]);
  expect([newId(), 'engine', 'Engines', ''].map((text) => isNamed(org, text))).toEqual([
    false,
    false,
    false,
    false,
  ]);
});

it('a slug that reads like another organisation’s id names nothing', () => {
  expect(isNamed({ id: newId(), slug: id }, id)).toBe(false);
});
