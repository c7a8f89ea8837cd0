import { expect, it } from 'vitest';
import { totpCode } from './totp.code.js';

/** RFC 6238, appendix B: the last six digits of its table for SHA-1, whose secret is "12345678901234567890". */
it.each([
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_234_567_890, '005924'],
  [20_000_000_000, '353130'],
])('the code at second %d is %s', (seconds, code) => {
  expect(totpCode('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', seconds * 1000)).toBe(code);
});
