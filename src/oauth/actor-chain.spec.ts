import { describe, expect, it } from 'vitest';
import { delegate } from './actor-chain.js';
import { OAuthError } from './oauth.error.js';

describe('delegate', () => {
  it('nobody acts, nobody new acts', () => {
    expect(delegate(undefined, undefined)).toBeUndefined();
    expect(delegate({ sub: 'a', act: { sub: 'b' } }, undefined)).toEqual({ sub: 'a', act: { sub: 'b' } });
  });

  it('the current actor is outermost, then those behind it, then those of the subject', () => {
    expect(delegate(undefined, { sub: 'a' })).toStrictEqual({ sub: 'a' });
    expect(delegate({ sub: 'c' }, { sub: 'a', act: { sub: 'b' } })).toEqual({
      sub: 'a',
      act: { sub: 'b', act: { sub: 'c' } },
    });
  });

  it('six in a row are too many', () => {
    const five = ['b', 'c', 'd', 'e', 'f'].reduceRight<{ sub: string } | undefined>(
      (act, sub) => (act === undefined ? { sub } : { sub, act }),
      undefined,
    );
    expect(delegate(five, undefined)).toEqual(five);
    expect(() => delegate(five, { sub: 'a' })).toThrow(OAuthError);
  });
});
