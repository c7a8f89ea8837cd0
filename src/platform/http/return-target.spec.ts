import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { safeReturnTo } from './return-target.js';

const origin = 'https://auth.example.test';

const attacks = [
  '//evil.test',
  '///evil.test',
  '////evil.test',
  '/\\evil.test',
  '\\/evil.test',
  '\\\\evil.test',
  '/\\/evil.test',
  '/\t/evil.test',
  '/\n/evil.test',
  '/\r\n/evil.test',
  '\t//evil.test',
  ' //evil.test',
  '/ /evil.test/..//evil.test',
  '/%09/evil.test',
  '/%0a/evil.test',
  '/%0d%0aLocation:%20https://evil.test',
  '/%2Fevil.test',
  '/%2f%2fevil.test',
  '/%5cevil.test',
  '/%5C%5Cevil.test',
  '/%252fevil.test',
  '/%25252fevil.test',
  '/%2525252fevil.test',
  '/%252525252fevil.test',
  '/%255cevil.test',
  '/.//evil.test',
  '/..//evil.test',
  '/a/..//evil.test',
  '/%2e%2e//evil.test',
  '/a/%2e%2e%2f%2fevil.test',
  '/.%2f/evil.test',
  'https://evil.test',
  'HTTPS://evil.test',
  'https:evil.test',
  'https:/evil.test',
  'http:///evil.test',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'java\tscript:alert(1)',
  'data:text/html,x',
  'vbscript:x',
  'file:///etc/passwd',
  'blob:https://auth.example.test/x',
  '@evil.test',
  '/@evil.test',
  'user@evil.test',
  '/user@evil.test',
  '//user@evil.test',
  '%2F%2Fevil.test',
  '/./\\evil.test',
  'docs',
  '/docs\r\nset-cookie: planted=1',
  '/docs%0d%0aset-cookie:%20planted=1',
  'https://auth.example.test@evil.test',
  'https://auth.example.test.evil.test',
  'evil.test',
  './evil',
  '../evil',
  '?a=b',
  '#a',
  '',
  '/\u0000',
  '/\u00A0/evil.test',
  '/\u3000/evil.test',
  '/\u200B/evil.test',
  '/\uFEFF/evil.test',
  '/\u2028/evil.test',
  '/\u202E/evil.test',
  '/%E2%80%A8/evil.test',
  '/%',
  '/%zz',
  '/%ff',
  '/%c0%af/evil.test',
  `/${'a'.repeat(4000)}`,
  `/${'%25'.repeat(10)}2fevil.test`,
];

const loops = [
  '/auth/login',
  '/auth/login?return_to=/auth/login',
  '/auth/signup',
  '/auth/logout',
  '/auth/callback?code=x&state=y',
  '/ui/login?flow=1',
  '/ui/registration',
  '/auth/login/',
  '/auth/./login',
  '/x/../auth/login',
  '/auth/%6cogin',
  '/auth/%256cogin',
];

const paths = [
  '/',
  '/docs',
  '/docs?x=1',
  '/docs?next=https://example.test/a#b',
  '/a/b/c.html',
  '/a?q=%20b',
  '/caf%C3%A9',
  '/auth/loginish',
  '/ui/settings?flow=1',
  '/a;b=c,d:e',
];

describe('safeReturnTo', () => {
  it.each(attacks)('%j becomes / [W01]', (value) => {
    expect(safeReturnTo(value, origin)).toBe('/');
  });

  it.each(loops)('%j, which would start over or end the session, becomes /', (value) => {
    expect(safeReturnTo(value, origin)).toBe('/');
  });

  it.each(paths)('%j is kept', (value) => {
    expect(safeReturnTo(value, origin)).toBe(value);
  });

  it.each([undefined, null, 1, {}, [], ['/a'], ['/a', '//evil.test'], true])(
    '%j, not a text, becomes /',
    (value) => {
      expect(safeReturnTo(value, origin)).toBe('/');
    },
  );

  it('whatever is given, the result is a path with one slash first that stays on this origin [W01]', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '/',
        '//',
        '\\',
        '%2f',
        '%5c',
        '%252f',
        '%09',
        '\t',
        '\n',
        '.',
        '..',
        '@',
        ':',
        '?',
        '#',
        '&',
        '=',
        '%',
        'evil.test',
        'https:',
        'javascript:',
        ' ',
        '\u00A0',
        '\u3000',
        '\uFF0F',
        '\u2044',
        '%E3%80%80',
        ';',
        '[',
        ']',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    );
    const candidate = fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(
        fc.oneof(
          candidate,
          candidate.map((text) => `/${text}`),
          fc.string(),
          fc.webUrl(),
        ),
        (value) => {
          let target = safeReturnTo(value, origin);
          expect(target).toMatch(/^\/(?![/\\])/);
          expect(target).toMatch(/^[\x21-\x7E]+$/);
          for (let round = 0; round < 5; round += 1) {
            expect(target).toMatch(/^\/(?![/\\])/);
            expect(new URL(target, `${origin}/`).origin).toBe(origin);
            target = decodeURIComponent(target);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('is stable: what it gave it gives again', () => {
    fc.assert(
      fc.property(fc.webPath(), fc.webQueryParameters(), (path, query) => {
        const target = safeReturnTo(`${path}?${query}`, origin);
        expect(safeReturnTo(target, origin)).toBe(target);
      }),
    );
  });
});
