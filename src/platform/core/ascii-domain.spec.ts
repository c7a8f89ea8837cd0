import { expect, it } from 'vitest';
import { withAsciiDomain } from './ascii-domain.js';

it.each([
  // Fullwidth letters and stops, a soft hyphen and capitals are spellings of one domain (UTS 46).
  ['x@\uFF43\uFF4F.test', 'x@co.test'],
  ['X.y@CO\u3002test', 'X.y@co.test'],
  ['x@c\u00ADo.test', 'x@co.test'],
  ['x@b\u00FCcher.example', 'x@xn--bcher-kva.example'],
  ['x@B\u00DCCHER.example', 'x@xn--bcher-kva.example'],
  ['x@xn--bcher-kva.example', 'x@xn--bcher-kva.example'],
  ['"a@b"@co.test', '"a@b"@co.test'],
])('%s has the domain of %s', (given, expected) => {
  expect(withAsciiDomain(given)).toBe(expected);
});

it.each([
  '',
  'x',
  '@co.test',
  'x@',
  'x@a b',
  'x@co.test/path',
  'x@co.test:25',
  'x@%63o.test',
  'x@xn--a\uFFFD',
])('%j has none, and stays', (given) => {
  expect(withAsciiDomain(given)).toBe(given);
});
