import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cookieNames, readCookies, readSingleCookie, surplusOf } from './cookie-reader.js';
import { cpuTime } from '../../../test/support/timed.js';

const name = '__Host-vestibule';
const value = fc.stringMatching(/^[\w.-]{1,40}$/);
/** Names that look like ours but aren't, and any text that can precede an equals sign. */
const otherName = fc
  .oneof(
    fc.constantFrom(
      '',
      '__host-vestibule',
      '__Host-vestibule-login.x',
      'vestibule',
      `\u00A0${name}`,
      `${name}\u00A0`,
      `\u2028${name}`,
      `\uFEFF${name}`,
      `\u000B${name}`,
      `"${name}"`,
      `${name}.`,
    ),
    fc.string().map((text) => text.replaceAll(/[;=]/g, '')),
  )
  .filter((text) => text.replaceAll(/^[ \t]+|[ \t]+$/g, '') !== name);
const blanks = fc.stringMatching(/^[ \t]{0,3}$/);

describe('readCookies', () => {
  it('never throws and gives only text that the header holds', () => {
    fc.assert(
      fc.property(fc.option(fc.string({ unit: 'binary' }), { nil: undefined }), (header) => {
        for (const found of readCookies(header, name)) {
          expect(header).toContain(found);
        }
        expect(Array.isArray(readCookies(header, name))).toBe(true);
      }),
    );
  });

  it('gives every value of the name in order, and never a value of another name', () => {
    const pair = fc.oneof(
      fc.record({ name: fc.constant(name), value }),
      fc.record({ name: otherName, value: value.map((text) => `other.${text}`) }),
    );
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 8 }), blanks, (pairs, blank) => {
        const header = pairs.map((entry) => `${blank}${entry.name}${blank}=${blank}${entry.value}`).join(';');
        const expected = pairs.filter((entry) => entry.name === name).map((entry) => entry.value);
        expect(readCookies(header, name)).toEqual(expected);
        expect(readSingleCookie(header, name)).toBe(expected.length === 1 ? expected[0] : undefined);
      }),
      { numRuns: 500 },
    );
  });

  it('finds nothing where only other names are', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(otherName, value), { maxLength: 8 }), (pairs) => {
        expect(readCookies(pairs.map((pair) => pair.join('=')).join('; '), name)).toEqual([]);
      }),
    );
  });

  it('takes a value as it is, with equals signs and without its quotes', () => {
    expect(readCookies(`${name}=a=b==; x=1`, name)).toEqual(['a=b==']);
    expect(readCookies(`${name}="a b"`, name)).toEqual(['a b']);
    expect(readCookies(`${name}=%41`, name)).toEqual(['%41']);
    expect(readCookies(`${name}=`, name)).toEqual(['']);
  });

  it('a name without an equals sign is no cookie', () => {
    expect(readCookies(name, name)).toEqual([]);
    expect(readCookies(`a=1; ${name}; b=2`, name)).toEqual([]);
  });

  it('reads a header of 64 kB of one kind in well under a second', async () => {
    const milliseconds = await cpuTime(() => {
      for (const part of [' ', ';', '=', `${name}=`, '\t', '"']) {
        readCookies(part.repeat(65_536 / part.length) + name, name);
      }
    });
    expect(milliseconds).toBeLessThan(2000);
  });
});

describe('cookieNames', () => {
  it('lists the names that start with the prefix', () => {
    const header = 'a=1; vestibule-login.x=2;vestibule-login.y=3; \u00A0vestibule-login.z=4';
    expect(cookieNames(header, 'vestibule-login.')).toEqual(['vestibule-login.x', 'vestibule-login.y']);
    expect(cookieNames(undefined, 'a')).toEqual([]);
  });
});

describe('surplusOf', () => {
  it('names all but the newest, and no more than an answer can delete', () => {
    const names = Array.from({ length: 30 }, (_none, index) => `vestibule-login.${index}`);
    expect(surplusOf(names.slice(0, 5), 3)).toEqual(names.slice(0, 2));
    expect(surplusOf(names.slice(0, 3), 3)).toEqual([]);
    expect(surplusOf(names, 3)).toEqual(names.slice(0, 20));
  });

  it.each([
    `vestibule-login.${'x'.repeat(60)}`,
    'vestibule-login.a b',
    'vestibule-login.\u00E9',
    'vestibule-login.\t',
  ])('leaves out a planted name that would make the answer large, or can’t be written: %j', (planted) => {
    expect(surplusOf([planted, 'vestibule-login.a', 'b', 'c', 'd'], 3)).toEqual(['vestibule-login.a']);
  });
});
