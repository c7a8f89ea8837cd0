import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { slugSchema, slugsOf } from './org-slug.js';

it('a slug never has the form of an id', () => {
  expect(slugSchema.safeParse('01980000-0000-7000-8000-000000000000').success).toBe(false);
  expect(slugSchema.safeParse('01980000-0000-7000-8000-00000000000').success).toBe(true);
});

describe('slugsOf', () => {
  it.each([
    ['Analytical Engines', 'analytical-engines'],
    ['  Zoë & Søren’s  Café!! ', undefined],
    ['Zoë & Sons Café', 'zoe-sons-cafe'],
    ['ＡＣＭＥ ①', 'acme-1'],
    ['аpple', undefined],
    ['日本', undefined],
    ['🙂', undefined],
    ['A', undefined],
    ['---', undefined],
    ['01980000-0000-7000-8000-000000000000', undefined],
    ['x'.repeat(200), 'x'.repeat(40)],
    [`${'x'.repeat(39)} y`, 'x'.repeat(39)],
  ])('%j is %j', (name, plain) => {
    expect(slugsOf(name, 'a1b2c3').plain).toBe(plain);
  });

  it('a name in another script never becomes the slug that it resembles', () => {
    expect(slugsOf('аpple', 'a1b2c3')).toEqual({ plain: undefined, unique: 'pple-a1b2c3' });
    expect(slugsOf('日本', 'a1b2c3').unique).toBe('org-a1b2c3');
  });

  it('whatever the name, what comes out is a slug', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (name) => {
        const { plain, unique } = slugsOf(name, 'a1b2c3d4');
        expect(slugSchema.safeParse(unique).success).toBe(true);
        expect(plain === undefined || slugSchema.safeParse(plain).success).toBe(true);
      }),
    );
  });
});

describe('slugSchema', () => {
  it.each(['ab', 'a-b', '42', 'a'.repeat(40)])('takes %j', (slug) => {
    expect(slugSchema.safeParse(slug).success).toBe(true);
  });

  it.each(['', 'a', '-a', 'a-', 'A-b', 'аpple', 'a b', 'a_b', 'ab\n', 'a'.repeat(41), '../x', 'ａb'])(
    'refuses %j',
    (slug) => {
      expect(slugSchema.safeParse(slug).success).toBe(false);
    },
  );
});
