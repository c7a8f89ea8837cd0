import { hkdfSync, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { CompactEncrypt, compactDecrypt } from 'jose';
import { describe, expect, it } from 'vitest';
import { PurposeCipher, deriveCredential } from './purpose-cipher.js';

const newSecret = () => new Uint8Array(randomBytes(32));
const secret = newSecret();
const cipher = new PurposeCipher([secret], 'test');

describe('PurposeCipher', () => {
  it('opens what it sealed, whatever the text', async () => {
    await fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 5000 }), (text) => {
        expect(cipher.decrypt(cipher.encrypt(text))).toBe(text);
      }),
    );
  });

  it('seals one text differently each time', async () => {
    expect(cipher.encrypt('a')).not.toBe(cipher.encrypt('a'));
  });

  it('opens nothing that was changed at any place, to any character', async () => {
    const sealed = cipher.encrypt('{"a":1}');
    await fc.assert(
      fc.asyncProperty(
        fc.nat(sealed.length - 1),
        fc.string({ unit: 'binary', maxLength: 3 }),
        fc.nat(3),
        async (index, inserted, removed) => {
          const changed = sealed.slice(0, index) + inserted + sealed.slice(index + removed);
          fc.pre(changed !== sealed);
          expect(cipher.decrypt(changed)).toBeUndefined();
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('never throws, whatever it is given', async () => {
    const [header = ''] = cipher.encrypt('a').split('.');
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.boolean(), async (text, ours) => {
        expect(cipher.decrypt(ours ? `${header}.${text}` : text)).toBeUndefined();
      }),
    );
  });

  it('opens nothing of another purpose or another secret', async () => {
    const sealed = cipher.encrypt('a');
    expect(await new PurposeCipher([secret], 'other').decrypt(sealed)).toBeUndefined();
    expect(await new PurposeCipher([newSecret()], 'test').decrypt(sealed)).toBeUndefined();
  });

  it('the first secret seals, all open; a secret that was taken away opens nothing', async () => {
    const next = newSecret();
    const old = cipher.encrypt('old');
    const rotated = new PurposeCipher([next, secret], 'test');
    expect(rotated.decrypt(old)).toBe('old');
    const fresh = rotated.encrypt('fresh');
    expect(cipher.decrypt(fresh)).toBeUndefined();
    expect(await new PurposeCipher([next], 'test').decrypt(fresh)).toBe('fresh');
    expect(await new PurposeCipher([next], 'test').decrypt(old)).toBeUndefined();
  });

  it.each([{ zip: 'DEF' }, { crit: ['exp'], exp: 1 }, { typ: 'JWT' }])(
    'a JWE with a header that is not ours (%j) is not opened, even when the key is right',
    async (extra) => {
      const sealed = cipher.encrypt('a');
      const [header = ''] = sealed.split('.');
      const ours: unknown = JSON.parse(Buffer.from(header, 'base64url').toString());
      const forged = Buffer.from(JSON.stringify(Object.assign({}, ours, extra))).toString('base64url');
      expect(cipher.decrypt([forged, ...sealed.split('.').slice(1)].join('.'))).toBeUndefined();
    },
  );

  it('a JWE with a key of its own (alg dir, guessed kid) is not opened', async () => {
    const [header = ''] = cipher.encrypt('a').split('.');
    const ours: unknown = JSON.parse(Buffer.from(header, 'base64url').toString());
    const kid: unknown = typeof ours === 'object' && ours !== null ? Reflect.get(ours, 'kid') : undefined;
    const forged = await new CompactEncrypt(new TextEncoder().encode('a'))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: String(kid) })
      .encrypt(newSecret());
    expect(forged.startsWith(`${header}.`)).toBe(true);
    expect(cipher.decrypt(forged)).toBeUndefined();
  });

  it('writes the standard format: jose opens what it seals, and it opens what jose sealed with its key', async () => {
    const key = new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(), 'vestibule/test/encryption', 32));
    const sealed = cipher.encrypt('from here');
    const { plaintext, protectedHeader } = await compactDecrypt(sealed, key);
    expect(new TextDecoder().decode(plaintext)).toBe('from here');
    const jose = await new CompactEncrypt(new TextEncoder().encode('from jose'))
      .setProtectedHeader({ ...protectedHeader, alg: 'dir', enc: 'A256GCM' })
      .encrypt(key);
    expect(cipher.decrypt(jose)).toBe('from jose');
  });

  it('a JWE with an encrypted key, or with more or fewer parts, is not opened', () => {
    const [header, , ...others] = cipher.encrypt('a').split('.');
    const variants = [
      [header, 'AAAA', ...others],
      [header, '', ...others, ''],
      [header, ...others],
      [header, '', ...others.slice(0, -1)],
    ];
    expect(cipher.decrypt([header, '', ...others].join('.'))).toBe('a');
    expect(variants.map((parts) => cipher.decrypt(parts.join('.')))).toEqual(variants.map(() => undefined));
  });

  it('tells what the first secret sealed', () => {
    const next = newSecret();
    const rotated = new PurposeCipher([next, secret], 'test');
    expect(
      [cipher.encrypt('a'), rotated.encrypt('a'), 'a'].map((sealed) => rotated.isSealedByFirst(sealed)),
    ).toEqual([false, true, false]);
  });

  it('needs a secret', () => {
    expect(() => new PurposeCipher([], 'test')).toThrow(RangeError);
  });
});

describe('PurposeCipher codes', () => {
  it('holds for the text it was made of and for no other', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, other) => {
        const code = cipher.sign(text);
        expect(code).toMatch(/^[\w-]{43}$/);
        expect(cipher.verify(text, code)).toBe(true);
        expect(cipher.verify(other, code)).toBe(other === text);
      }),
    );
  });

  it('does not hold after any change, also not one that decodes to the same bytes', () => {
    const code = cipher.sign('a');
    fc.assert(
      fc.property(fc.nat(42), fc.string({ maxLength: 2 }), (index, inserted) => {
        const changed = code.slice(0, index) + inserted + code.slice(index + 1);
        fc.pre(changed !== code);
        expect(cipher.verify('a', changed)).toBe(false);
      }),
    );
    const twins = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
      .map((character) => code.slice(0, -1) + character)
      .filter((twin) => twin !== code);
    expect(twins.filter((twin) => cipher.verify('a', twin))).toEqual([]);
    expect(cipher.verify('a', `${code}=`)).toBe(false);
  });

  it('holds under an older secret, not under another purpose', () => {
    const code = cipher.sign('a');
    expect(new PurposeCipher([newSecret(), secret], 'test').signAll('a')[1]).toBe(code);
    expect(new PurposeCipher([newSecret(), secret], 'test').verify('a', code)).toBe(true);
    expect(new PurposeCipher([secret], 'other').verify('a', code)).toBe(false);
  });
});

describe('deriveCredential', () => {
  it('is stable for a secret and purpose, and differs between them', () => {
    const credential = deriveCredential(secret, 'hydra');
    expect(credential).toMatch(/^[0-9a-f]{64}$/);
    expect(deriveCredential(secret, 'hydra')).toBe(credential);
    expect(deriveCredential(secret, 'kratos')).not.toBe(credential);
    expect(deriveCredential(newSecret(), 'hydra')).not.toBe(credential);
  });
});
