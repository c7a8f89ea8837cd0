import { hkdfSync, randomBytes } from 'node:crypto';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newSecret } from '../../test/support/gateway.js';
import { CookieCipher } from './cookie.cipher.js';

const bytesOf = (secret: string): Uint8Array => new Uint8Array(Buffer.from(secret, 'hex'));
const [secret, next] = [bytesOf(newSecret()), bytesOf(newSecret())];
const cipher = new CookieCipher([secret]);
const text = fc.oneof(fc.stringMatching(/^[\w.-]{0,3000}$/), fc.string({ unit: 'binary', maxLength: 1000 }));

/** What RFC 7516 asks for, by another implementation of the cipher. */
function sealElsewhere(text: string, header: string, key = keyOf(secret)): string {
  const nonce = randomBytes(24);
  const sealed = Buffer.from(
    xchacha20poly1305(key, nonce, Buffer.from(header, 'ascii')).encrypt(Buffer.from(text)),
  );
  const segments = [nonce, sealed.subarray(0, -16), sealed.subarray(-16)];
  return [header, '', ...segments.map((bytes) => bytes.toString('base64url'))].join('.');
}

function keyOf(of: Uint8Array): Uint8Array {
  const info = 'vestibule/session-cookie/xchacha20poly1305';
  return new Uint8Array(hkdfSync('sha256', of, new Uint8Array(), info, 32));
}

const headerOf = (sealed: string): string => sealed.slice(0, sealed.indexOf('.'));
const ours = headerOf(cipher.seal(''));

describe('CookieCipher', () => {
  it('opens what it sealed, and knows how long that is', () => {
    fc.assert(
      fc.property(text, (held) => {
        const sealed = cipher.seal(held);
        expect(cipher.open(sealed)).toBe(held);
        expect(sealed).toHaveLength(cipher.sealedLength(held));
      }),
    );
  });

  it('seals one token differently each time', () => {
    expect(cipher.seal('a')).not.toBe(cipher.seal('a'));
  });

  it('writes JWE compact with XC20P: another implementation opens what it seals, and the other way round', () => {
    const sealed = cipher.seal('from here');
    const [header = '', encryptedKey, ...rest] = sealed.split('.');
    const [nonce = Buffer.of(), text = Buffer.of(), tag = Buffer.of()] = rest.map((segment) =>
      Buffer.from(segment, 'base64url'),
    );
    expect(encryptedKey).toBe('');
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({
      alg: 'dir',
      enc: 'XC20P',
      kid: expect.stringMatching(/^[\w-]{8}$/),
    });
    const opened = xchacha20poly1305(keyOf(secret), nonce, Buffer.from(header)).decrypt(
      Buffer.concat([text, tag]),
    );
    expect(Buffer.from(opened).toString()).toBe('from here');
    expect(cipher.open(sealElsewhere('from elsewhere', ours))).toBe('from elsewhere');
  });

  it('opens nothing that was changed at any place, to any character', () => {
    const sealed = cipher.seal('e30.e30.e30');
    fc.assert(
      fc.property(
        fc.nat(sealed.length - 1),
        fc.string({ unit: 'binary', maxLength: 3 }),
        fc.nat(3),
        (index, inserted, removed) => {
          const changed = sealed.slice(0, index) + inserted + sealed.slice(index + removed);
          fc.pre(changed !== sealed);
          expect(cipher.open(changed)).toBeUndefined();
        },
      ),
      { numRuns: 1000 },
    );
    expect(cipher.open(sealed)).toBe('e30.e30.e30');
  });

  it('opens one spelling of each cookie, with each character that decodes to the same', () => {
    // Bits of every kind at the end of every segment, and both characters that base64 spells otherwise.
    for (const length of [1, 2, 3, 4, 5, 6, 500]) {
      const sealed = cipher.seal('?'.repeat(length));
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
        // Decoders overlook foreign characters, one or four.
        ...[...'A-+= éŁ€', '    ', '===='].flatMap((characters) => [
          ...changedInEach((segment) => characters + segment),
          ...changedInEach((segment) => segment.slice(0, 1) + characters + segment.slice(1)),
          ...changedInEach((segment) => segment + characters),
        ]),
        ...[...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].flatMap((character) =>
          changedInEach((segment) => segment.slice(0, -1) + character),
        ),
      ].filter((twin) => twin !== sealed);
      expect(twins.filter((twin) => cipher.open(twin) !== undefined)).toEqual([]);
    }
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, isOurs) => {
        expect(cipher.open(isOurs ? `${ours}..${text}` : text)).toBeUndefined();
      }),
    );
    for (const length of [0, 1, 54, 55, 56, 57, 5000, 16_384, 21_846, 100_000]) {
      expect(cipher.open(`${ours}..${'A'.repeat(length)}`)).toBeUndefined();
      expect(
        cipher.open(`${ours}..${'A'.repeat(32)}.${'A'.repeat(length)}.${'A'.repeat(22)}`),
      ).toBeUndefined();
    }
  });

  it('a JWE with an encrypted key, or with more or fewer parts, is not opened', () => {
    for (const text of ['', 'a']) {
      const [header = '', , ...others] = cipher.seal(text).split('.');
      const variants = [
        [header, 'AAAA', ...others],
        [header, '', ...others, ''],
        [header, '', '', ...others],
        [header, ...others],
        [header, '', ...others.slice(0, -1)],
        [header, '', ...others.filter((segment) => segment !== '')].concat(text === '' ? [] : ['']),
      ];
      expect(cipher.open([header, '', ...others].join('.'))).toBe(text);
      expect(variants.map((parts) => cipher.open(parts.join('.')))).toEqual(variants.map(() => undefined));
    }
  });

  it.each([{ zip: 'DEF' }, { crit: ['exp'], exp: 1 }, { typ: 'JWT' }, { enc: 'C20P' }])(
    'a JWE with a header that is not ours (%j) is not opened, even when the key is right',
    (extra) => {
      const known: unknown = JSON.parse(Buffer.from(ours, 'base64url').toString());
      const forged = Buffer.from(JSON.stringify(Object.assign({}, known, extra))).toString('base64url');
      expect(cipher.open(sealElsewhere('a', forged))).toBeUndefined();
    },
  );

  it('a JWE under our header by another key is not opened', () => {
    expect(cipher.open(sealElsewhere('a', ours, randomBytes(32)))).toBeUndefined();
  });

  it('the first secret seals, all open; a secret that was taken away opens nothing', () => {
    const old = cipher.seal('old');
    const rotated = new CookieCipher([next, secret]);
    const fresh = rotated.seal('fresh');
    expect([rotated.open(old), rotated.open(fresh)]).toEqual(['old', 'fresh']);
    expect(cipher.open(fresh)).toBeUndefined();
    expect([new CookieCipher([next]).open(fresh), new CookieCipher([next]).open(old)]).toEqual([
      'fresh',
      undefined,
    ]);
  });

  it('seals what has 16,384 characters, and nothing longer', () => {
    const longest = 'x'.repeat(16_384);
    expect(cipher.open(cipher.seal(longest))).toBe(longest);
    expect(() => cipher.seal(`${longest}x`)).toThrow(RangeError);
    expect(cipher.open(sealElsewhere(`${longest}x`, ours))).toBeUndefined();
  });

  it('needs a secret', () => {
    expect(() => new CookieCipher([])).toThrow(RangeError);
  });
});
