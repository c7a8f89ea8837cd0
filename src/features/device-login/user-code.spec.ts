import { describe, expect, it } from 'vitest';
import { newUserCode, readUserCode, shownUserCode } from './user-code.js';

describe('user codes', () => {
  it('have 8 of the 20 letters, and are shown in two groups', () => {
    const codes = Array.from({ length: 2000 }, () => newUserCode());
    expect(codes.filter((code) => !/^[BCDFGHJKLMNPQRSTVWXZ]{8}$/.test(code))).toEqual([]);
    expect(new Set(codes).size).toBe(codes.length);
    expect(new Set(codes.join('')).size).toBe(20);
    expect(shownUserCode('WDJBMJHT')).toBe('WDJB-MJHT');
  });

  it.each(['WDJB-MJHT', 'wdjbmjht', ' wdjb mjht ', 'WDJB–MJHT', 'W D J B M J H T'])(
    'are read as typed: %j',
    (typed) => {
      expect(readUserCode(typed)).toBe('WDJBMJHT');
    },
  );

  it.each(['', 'WDJB-MJH', 'WDJB-MJHTB', 'WDJB-MJHA', 'WDJB-MJH0', 'WDJB_MJHT', 'ＷDJBMJHT'])(
    'are no other text: %j',
    (typed) => {
      expect(readUserCode(typed)).toBeUndefined();
    },
  );
});
