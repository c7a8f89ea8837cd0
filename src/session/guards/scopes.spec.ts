import { describe, expect, it } from 'vitest';
import { covers, scopeTokens, uncovered } from './scopes.js';

describe('a scope', () => {
  it('has tokens between any blanks (RFC 6749 section 3.3)', () => {
    expect([scopeTokens(''), scopeTokens('a'), scopeTokens(' a  b ')]).toEqual([[], ['a'], ['a', 'b']]);
  });

  it.each([
    ['keys:read', 'keys:read', true],
    ['app:x keys:read', 'keys:read', true],
    ['api', 'keys:read', true],
    ['app:x api', 'app:y', true],
    ['keys:write', 'keys:read', false],
    ['keys:read2', 'keys:read', false],
    ['', 'keys:read', false],
    ['  ', '', false],
    ['', '', false],
    ['a b', 'a b', false],
    [' a  b ', 'b', true],
    ['apis my-api api:x', 'keys:read', false],
  ])('%j covers %j: %s', (scope, required, isCovered) => {
    expect(covers(scope, required)).toBe(isCovered);
  });

  it('leaves uncovered what it does not have, in the order asked for', () => {
    expect(uncovered('b', ['c', 'b', 'a'])).toEqual(['c', 'a']);
    expect(uncovered('api', ['c', 'b', 'a'])).toEqual([]);
  });
});
