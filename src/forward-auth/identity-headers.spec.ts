import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerText } from './identity-headers.js';

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));

describe('headerText', () => {
  it('is printable ASCII that begins and ends with no blank, whatever the text is', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const encoded = headerText(text);
        expect(encoded).toMatch(/^[\x20-\x7E]*$/);
        expect(encoded.trim()).toBe(encoded);
        expect(() => new Headers({ 'x-auth-name': encoded })).not.toThrow();
      }),
      { numRuns: 2000 },
    );
  });

  it('gives the text back, with U+FFFD for halves of characters', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(decodeURIComponent(headerText(text))).toBe(Buffer.from(text).toString());
      }),
      { numRuns: 2000 },
    );
  });

  it('takes two texts for one never', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (one, other) => {
        expect(headerText(one) === headerText(other)).toBe(
          Buffer.from(one).toString() === Buffer.from(other).toString(),
        );
      }),
    );
  });
});
