import { hkdfSync, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { CompactEncrypt, compactDecrypt } from 'jose';
import { describe, expect, it } from 'vitest';
import { SecretBox, deriveCredential } from './secret.box.js';

const newSecret = () => new Uint8Array(randomBytes(32));
const secret = newSecret();
const box = new SecretBox([secret], 'test');

describe('SecretBox', () => {
  it('opens what it sealed, whatever the text', async () => {
    await fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 5000 }), (text) => {
        expect(box.open(box.seal(text))).toBe(text);
      }),
    );
  });

  it('seals one text differently each time', async () => {
    expect(box.seal('a')).not.toBe(box.seal('a'));
  });

  it('opens nothing that was changed at any place, to any character', async () => {
    const sealed = box.seal('{"a":1}');
    await fc.assert(
      fc.asyncProperty(
        fc.nat(sealed.length - 1),
        fc.string({ unit: 'binary', maxLength: 3 }),
        fc.nat(3),
        async (index, inserted, removed) => {
          const changed = sealed.slice(0, index) + inserted + sealed.slice(index + removed);
          fc.pre(changed !== sealed);
          expect(box.open(changed)).toBeUndefined();
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('never throws, whatever it is given', async () => {
    const [header = ''] = box.seal('a').split('.');
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.boolean(), async (text, ours) => {
        expect(box.open(ours ? `${header}.${text}` : text)).toBeUndefined();
      }),
    );
  });

  it('opens nothing of another purpose or another secret', async () => {
    const sealed = box.seal('a');
    expect(await new SecretBox([secret], 'other').open(sealed)).toBeUndefined();
    expect(await new SecretBox([newSecret()], 'test').open(sealed)).toBeUndefined();
  });

  it('the first secret seals, all open; a secret that was taken away opens nothing', async () => {
    const next = newSecret();
    const old = box.seal('old');
    const rotated = new SecretBox([next, secret], 'test');
    expect(rotated.open(old)).toBe('old');
    const fresh = rotated.seal('fresh');
    expect(box.open(fresh)).toBeUndefined();
    expect(await new SecretBox([next], 'test').open(fresh)).toBe('fresh');
    expect(await new SecretBox([next], 'test').open(old)).toBeUndefined();
  });

  it.each([{ zip: 'DEF' }, { crit: ['exp'], exp: 1 }, { typ: 'JWT' }])(
    'a JWE with a header that is not ours (%j) is not opened, even when the key is right',
    async (extra) => {
      const sealed = box.seal('a');
      const [header = ''] = sealed.split('.');
      const ours: unknown = JSON.parse(Buffer.from(header, 'base64url').toString());
      const forged = Buffer.from(JSON.stringify(Object.assign({}, ours, extra))).toString('base64url');
      expect(box.open([forged, ...sealed.split('.').slice(1)].join('.'))).toBeUndefined();
    },
  );

  it('a JWE with a key of its own (alg dir, guessed kid) is not opened', async () => {
    const [header = ''] = box.seal('a').split('.');
    const ours: unknown = JSON.parse(Buffer.from(header, 'base64url').toString());
    const kid: unknown = typeof ours === 'object' && ours !== null ? Reflect.get(ours, 'kid') : undefined;
    const forged = await new CompactEncrypt(new TextEncoder().encode('a'))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: String(kid) })
      .encrypt(newSecret());
    expect(forged.startsWith(`${header}.`)).toBe(true);
    expect(box.open(forged)).toBeUndefined();
  });

  it('writes the standard format: jose opens what it seals, and it opens what jose sealed with its key', async () => {
    const key = new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(), 'vestibule/test/encryption', 32));
    const sealed = box.seal('from here');
    const { plaintext, protectedHeader } = await compactDecrypt(sealed, key);
    expect(new TextDecoder().decode(plaintext)).toBe('from here');
    const jose = await new CompactEncrypt(new TextEncoder().encode('from jose'))
      .setProtectedHeader({ ...protectedHeader, alg: 'dir', enc: 'A256GCM' })
      .encrypt(key);
    expect(box.open(jose)).toBe('from jose');
  });

  it('a JWE with an encrypted key, or with more or fewer parts, is not opened', () => {
    const [header, , ...others] = box.seal('a').split('.');
    const variants = [
      [header, 'AAAA', ...others],
      [header, '', ...others, ''],
      [header, ...others],
      [header, '', ...others.slice(0, -1)],
    ];
    expect(box.open([header, '', ...others].join('.'))).toBe('a');
    expect(variants.map((parts) => box.open(parts.join('.')))).toEqual(variants.map(() => undefined));
  });

  it('tells what the first secret sealed', () => {
    const next = newSecret();
    const rotated = new SecretBox([next, secret], 'test');
    expect([box.seal('a'), rotated.seal('a'), 'a'].map((sealed) => rotated.isSealedByFirst(sealed))).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('needs a secret', () => {
    expect(() => new SecretBox([], 'test')).toThrow(RangeError);
  });
});

describe('SecretBox codes', () => {
  it('holds for the text it was made of and for no other', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, other) => {
        const code = box.sign(text);
        expect(code).toMatch(/^[\w-]{43}$/);
        expect(box.verify(text, code)).toBe(true);
        expect(box.verify(other, code)).toBe(other === text);
      }),
    );
  });

  it('does not hold after any change, also not one that decodes to the same bytes', () => {
    const code = box.sign('a');
    fc.assert(
      fc.property(fc.nat(42), fc.string({ maxLength: 2 }), (index, inserted) => {
        const changed = code.slice(0, index) + inserted + code.slice(index + 1);
        fc.pre(changed !== code);
        expect(box.verify('a', changed)).toBe(false);
      }),
    );
    const twins = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
      .map((character) => code.slice(0, -1) + character)
      .filter((twin) => twin !== code);
    expect(twins.filter((twin) => box.verify('a', twin))).toEqual([]);
    expect(box.verify('a', `${code}=`)).toBe(false);
  });

  it('holds under an older secret, not under another purpose', () => {
    const code = box.sign('a');
    expect(new SecretBox([newSecret(), secret], 'test').verify('a', code)).toBe(true);
    expect(new SecretBox([secret], 'other').verify('a', code)).toBe(false);
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
