import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocaleFileError, readLocale } from './locale-file.js';
import { english } from './locales/en.js';
import { PageLanguage } from './page-language.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-locale-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The texts of a file with this content; undefined when it's refused. Anything else that is thrown fails the test. */
function read(content: string): ReadonlyMap<string, string> | undefined {
  const path = join(folder, 'fr.json');
  writeFileSync(path, content);
  try {
    return readLocale(path);
  } catch (error) {
    if (error instanceof LocaleFileError) {
      return undefined;
    }
    throw error;
  }
}

const message = fc.oneof(
  fc.string(),
  fc
    .array(
      fc.constantFrom(
        '{',
        '}',
        '{name}',
        '{date}',
        '<',
        '>',
        '<b>',
        '</b>',
        "'",
        '#',
        '{n, plural, one {#} other {#}}',
        'a',
        '{n, select, other {x}}',
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join('')),
);

describe('readLocale', () => {
  it('takes any file, or refuses it with LocaleFileError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (content) => {
        expect([true, false]).toContain(read(content) instanceof Map);
      }),
      { numRuns: 500 },
    );
  });

  it('takes only texts that can be shown with what the English ones get', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(english)), message, (key, text) => {
        const texts = read(JSON.stringify({ [key]: text }));
        const page = new PageLanguage('fr', new Map([[key, { text, tag: 'fr' }]]));
        const values = { name: 'x', date: 'x', n: 1, count: 1 };
        // A text with too few values yields undefined; a page never fails because of it.
        expect(texts === undefined || ['string', 'undefined'].includes(typeof page.find(key, values))).toBe(
          true,
        );
      }),
      { numRuns: 500 },
    );
  });
});
