import { hkdfSync, randomBytes } from 'node:crypto';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newSecret } from '../../../test/support/gateway.js';
import { CookieCipher } from './cookie-cipher.js';

const bytesOf = (secret: string): Uint8Array => new Uint8Array(Buffer.from(secret, 'hex'));
const [secret, next] = [bytesOf(newSecret()), bytesOf(newSecret())];
const cipher = new CookieCipher([secret]);
const text = fc.oneof(fc.stringMatching(/^[\w.-]{0,3000}$/), fc.string({ unit: 'binary', maxLength: 1000 }));

/** Encrypts as a cookie is, with another implementation of the cipher. */
function encryptElsewhere(text: string, kid: string, key = keyOf(secret)): string {
  const nonce = randomBytes(24);
  const encrypted = xchacha20poly1305(key, nonce, Buffer.from(`${kid}.`)).encrypt(Buffer.from(text));
  return `${kid}.${Buffer.concat([nonce, encrypted]).toString('base64url')}`;
}

function keyOf(of: Uint8Array): Uint8Array {
  const info = 'vestibule/session-cookie/xchacha20poly1305';
  return new Uint8Array(hkdfSync('sha256', of, new Uint8Array(), info, 32));
}

const kidOf = (encrypted: string): string => encrypted.slice(0, encrypted.indexOf('.'));
const ours = kidOf(cipher.encrypt(''));

describe('CookieCipher', () => {
  it('opens what it sealed, and knows how long that is', () => {
    fc.assert(
      fc.property(text, (held) => {
        const sealed = cipher.encrypt(held);
        expect(cipher.decrypt(sealed)).toBe(held);
        expect(sealed).toHaveLength(cipher.encryptedLength(held));
      }),
    );
  });

  it('seals one token differently each time', () => {
    expect(cipher.encrypt('a')).not.toBe(cipher.encrypt('a'));
  });

  it('writes kid.base64url(nonce | ciphertext | tag): another implementation opens what it seals, and the other way round', () => {
    const sealed = cipher.encrypt('from here');
    expect(sealed).toMatch(/^[\w-]{8}\.[\w-]+$/);
    const bytes = Buffer.from(sealed.slice(9), 'base64url');
    const opened = xchacha20poly1305(
      keyOf(secret),
      bytes.subarray(0, 24),
      Buffer.from(sealed.slice(0, 9)),
    ).decrypt(bytes.subarray(24));
    expect(Buffer.from(opened).toString()).toBe('from here');
    expect(cipher.decrypt(encryptElsewhere('from elsewhere', ours))).toBe('from elsewhere');
  });

  it('opens nothing that was changed at any place, to any character', () => {
    const sealed = cipher.encrypt('e30.e30.e30');
    fc.assert(
      fc.property(
        fc.nat(sealed.length - 1),
        fc.string({ unit: 'binary', maxLength: 3 }),
        fc.nat(3),
        (index, inserted, removed) => {
          const changed = sealed.slice(0, index) + inserted + sealed.slice(index + removed);
          fc.pre(changed !== sealed);
          expect(cipher.decrypt(changed)).toBeUndefined();
        },
      ),
      { numRuns: 1000 },
    );
    expect(cipher.decrypt(sealed)).toBe('e30.e30.e30');
  });

  it('opens one spelling of each cookie, with each character that decodes to the same', () => {
    // Bits of every kind at the end of every segment, and both characters that differ in base64.
    for (const length of [1, 2, 3, 4, 5, 6, 500]) {
      const sealed = cipher.encrypt('?'.repeat(length));
      const segments = sealed.split('.');
      const changedInEach = (change: (segment: string) => string): string[] =>
        segments.map((segment, index) => segments.with(index, change(segment)).join('.'));
      const twins = [
        sealed.replaceAll('-', '+'),
        sealed.replaceAll('_', '/'),
        `${sealed}=`,
        `${sealed}\n`,
        // The low byte of Ł is that of A.
        sealed.replaceAll('A', 'Ł'),
        // Decoders ignore foreign characters, whether one or four.
        ...[...'A-+= éŁ€', '    ', '===='].flatMap((characters) => [
          ...changedInEach((segment) => characters + segment),
          ...changedInEach((segment) => segment.slice(0, 1) + characters + segment.slice(1)),
          ...changedInEach((segment) => segment + characters),
        ]),
        ...[...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].flatMap((character) =>
          changedInEach((segment) => segment.slice(0, -1) + character),
        ),
      ].filter((twin) => twin !== sealed);
      expect(twins.filter((twin) => cipher.decrypt(twin) !== undefined)).toEqual([]);
    }
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, isOurs) => {
        expect(cipher.decrypt(isOurs ? `${ours}.${text}` : text)).toBeUndefined();
      }),
    );
    for (const length of [0, 1, 53, 54, 55, 5000, 21_846, 21_900, 100_000]) {
      expect(cipher.decrypt(`${ours}.${'A'.repeat(length)}`)).toBeUndefined();
    }
  });

  it('what is shorter than nonce and tag, has more parts, or is a JWE, is not opened', () => {
    const sealed = cipher.encrypt('a');
    const variants = [
      sealed.slice(0, 9 + 53),
      `${sealed}.`,
      `${sealed}.AAAA`,
      sealed.replace('.', '..'),
      sealed.replace('.', ''),
      `.${sealed}`,
      sealed.slice(9),
      `eyJhbGciOiJkaXIiLCJlbmMiOiJYQzIwUCJ9..${sealed.slice(9)}`,
    ];
    expect(variants.map((variant) => cipher.decrypt(variant))).toEqual(variants.map(() => undefined));
  });

  it('the key id is authenticated: the right key under another id opens nothing', () => {
    const [first, second] = [new CookieCipher([secret]), new CookieCipher([next])];
    const other = kidOf(second.encrypt(''));
    const bytes = first.encrypt('a').slice(9);
    expect(new CookieCipher([secret, next]).decrypt(`${other}.${bytes}`)).toBeUndefined();
    expect(cipher.decrypt(encryptElsewhere('a', other))).toBeUndefined();
  });

  it('what another key encrypted under our id is not opened', () => {
    expect(cipher.decrypt(encryptElsewhere('a', ours, randomBytes(32)))).toBeUndefined();
  });

  it('the first secret seals, all open; a secret that was taken away opens nothing', () => {
    const old = cipher.encrypt('old');
    const rotated = new CookieCipher([next, secret]);
    const fresh = rotated.encrypt('fresh');
    expect([rotated.decrypt(old), rotated.decrypt(fresh)]).toEqual(['old', 'fresh']);
    expect(cipher.decrypt(fresh)).toBeUndefined();
    expect([new CookieCipher([next]).decrypt(fresh), new CookieCipher([next]).decrypt(old)]).toEqual([
      'fresh',
      undefined,
    ]);
  });

  it('seals what has 16,384 characters, and nothing longer', () => {
    const longest = 'x'.repeat(16_384);
    expect(cipher.decrypt(cipher.encrypt(longest))).toBe(longest);
    expect(() => cipher.encrypt(`${longest}x`)).toThrow(RangeError);
    expect(cipher.decrypt(encryptElsewhere(`${longest}x`, ours))).toBeUndefined();
  });

  it('needs a secret', () => {
    expect(() => new CookieCipher([])).toThrow(RangeError);
  });
});
