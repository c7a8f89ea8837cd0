import { describe, expect, it } from 'vitest';
import { problemCatalogue } from '../../platform/errors/problem.catalogue.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { claimsMap } from '../../platform/config/claims-map.parser.js';
import { mapClaims, parseExtraClaims } from './claims.mapper.js';

const profile = {
  department: 'Engines',
  locale: 'en-GB',
  nothing: null,
  tags: ['a', 'b'],
  address: { country: 'UK' },
};

function map(entries: readonly string[], scope: readonly string[] = []): unknown {
  return mapClaims(claimsMap.parse(entries), profile, scope);
}

describe('mapped claims', () => {
  it('are copied by their path, whatever kind they are', () => {
    expect(map(['unit=department', 'country=address.country', 'tags=tags'])).toEqual({
      unit: 'Engines',
      country: 'UK',
      tags: ['a', 'b'],
    });
  });

  it('with a scope are copied only when it was granted', () => {
    expect(map(['unit=department@profile'], ['openid'])).toEqual({});
    expect(map(['unit=department@profile'], ['openid', 'profile'])).toEqual({ unit: 'Engines' });
  });

  it('that the profile lacks are left out; inherited keys are never followed', () => {
    expect(map(['a=missing', 'b=nothing', 'c=address.city.name', 'd=__proto__', 'e=toString'])).toEqual({});
    expect(map(['a=nothing.at.all', 'b=department.length', 'c=address.country.length'])).toEqual({});
  });

  it.each([
    ['an object', { claim: { nested: true } }],
    ['a list of numbers', { claim: [1] }],
    ['a text of 1,025 characters', { claim: 'x'.repeat(1025) }],
    ['a list of 101 entries', { claim: Array.from({ length: 101 }, () => 'x') }],
    ['a reserved name', { sub: 'somebody else' }],
    ['a name with a blank', { 'a b': 'x' }],
  ])('%s is claims_rejected', (_case, claims) => {
    const parse = (): unknown => parseExtraClaims(claims);
    expect(parse).toThrow(Problem);
    expect(parse).toThrow(problemCatalogue.claims_rejected.title);
  });
});

describe('own claims', () => {
  it('may be texts of 1,024 characters, numbers, truths, and lists of a hundred texts of that length', () => {
    const text = 'x'.repeat(1024);
    const claims = { text, count: 1.5, yes: true, list: Array.from({ length: 100 }, () => text) };
    expect(parseExtraClaims(claims)).toEqual(claims);
  });

  it('are refused with the beginning of their name', () => {
    const name = 'x'.repeat(65);
    expect(() => parseExtraClaims({ [name]: {} })).toThrow(
      expect.objectContaining({
        reason: 'claims_rejected',
        detail: expect.stringContaining(`The claim "${'x'.repeat(64)}" has`),
      }),
    );
  });
});

describe('CLAIMS_MAP', () => {
  it.each([
    ['sub=id'],
    ['org=team'],
    ['email=mail'],
    ['no-path='],
    ['=path'],
    ['a b=c'],
    ['x'.repeat(65) + '=c'],
  ])('%s is refused at the start', (entry) => {
    expect(claimsMap.safeParse([entry]).success).toBe(false);
  });

  it('one claim from two places is refused', () => {
    expect(claimsMap.safeParse(['a=b', 'a=c']).success).toBe(false);
  });
});
