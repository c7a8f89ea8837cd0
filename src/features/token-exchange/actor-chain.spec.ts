import { describe, expect, it } from 'vitest';
import { delegate } from './actor-chain.js';
import { newId } from '../../platform/core/identifier.js';
import { OAuthError } from '../../session/tokens/oauth.error.js';

describe('delegate', () => {
  it('nobody acts, nobody new acts', () => {
    expect(delegate(undefined, undefined)).toBeUndefined();
    expect(delegate({ sub: 'a', act: { sub: 'b' } }, undefined)).toEqual({ sub: 'a', act: { sub: 'b' } });
  });

  it('the current actor is outermost, then those behind it, then those of the subject', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((sub) => ({ sub, sid: newId(), jti: newId() }));
    if (a === undefined || b === undefined || c === undefined) {
      throw new Error('no actors');
    }
    expect(delegate(undefined, a)).toStrictEqual(a);
    expect(delegate(c, { ...a, act: b })).toStrictEqual({ ...a, act: { ...b, act: c } });
  });

  it('actors of before the sessions and ids of their tokens were named stay', () => {
    const a = { sub: 'a', sid: newId(), jti: newId() };
    expect(delegate({ sub: 'b', act: { sub: 'c' } }, a)).toStrictEqual({
      ...a,
      act: { sub: 'b', act: { sub: 'c' } },
    });
  });

  it('six in a row are too many', () => {
    const five = ['b', 'c', 'd', 'e', 'f'].reduceRight<{ sub: string } | undefined>(
      (act, sub) => (act === undefined ? { sub } : { sub, act }),
      undefined,
    );
    expect(delegate(five, undefined)).toEqual(five);
    expect(() => delegate(five, { sub: 'a', sid: newId(), jti: newId() })).toThrow(OAuthError);
  });
});
