import fc from 'fast-check';
import { expect, it } from 'vitest';
import { claimsForm } from '../tokens/claims.schema.js';
import { parseCookieText, cookieTextOf, tokenInCookie } from './decrypted-cookie.js';

const segment = fc.stringMatching(/^[\w-]{1,120}$/);

it('what a cookie holds says in which form the claims are, and gives the token back', () => {
  fc.assert(
    fc.property(
      segment,
      fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
      segment,
      (header, claims, signature) => {
        const payload = JSON.stringify(claims);
        const token = `${header}.${Buffer.from(payload).toString('base64url')}.${signature}`;
        const opened = parseCookieText(cookieTextOf(token));
        expect(opened).toEqual({ form: claimsForm, header, signature, payload });
        expect(tokenInCookie(opened)).toBe(token);
        expect(parseCookieText(cookieTextOf(token, 'another')).form).toBe('another');
      },
    ),
  );
});
