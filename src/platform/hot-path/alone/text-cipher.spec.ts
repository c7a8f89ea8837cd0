import { randomBytes } from 'node:crypto';
import { expect, it, vi } from 'vitest';
import { TextCipher } from '../text-cipher.js';

const created = vi.hoisted((): { memory?: () => Buffer } => ({}));

vi.mock('libsodium', async (importOriginal) => {
  const { default: createSodium } = await importOriginal<typeof import('libsodium')>();
  return {
    default: async () => {
      const sodium = await createSodium();
      created.memory = () => Buffer.from(sodium.HEAPU8.buffer);
      return sodium;
    },
  };
});

it('leaves no text in the memory of the library, whether it was encrypted or decrypted', () => {
  const cipher = new TextCipher(randomBytes(32), 'kid.');
  const text = randomBytes(300).toString('hex');
  const isThere = (bytes: string | Buffer): boolean | undefined => created.memory?.().includes(bytes);
  const encrypted = cipher.encrypt(text);
  const nonce = Buffer.from(encrypted, 'base64url').subarray(0, 24);
  expect([isThere(text), isThere(nonce)]).toEqual([false, true]);
  expect(cipher.decrypt(encrypted)).toBe(text);
  // The end too: what is left of a longer one.
  expect([isThere(text.slice(0, 100)), isThere(text.slice(-100)), isThere(nonce)]).toEqual([
    false,
    false,
    true,
  ]);
});

it('needs no more of that memory, however often and for however long a text, and refuses what has no room', () => {
  const cipher = new TextCipher(randomBytes(32), 'kid.');
  const size = created.memory?.().length;
  const longest = 'x'.repeat(16_384);
  for (let count = 0; count < 2000; count += 1) {
    expect(cipher.decrypt(cipher.encrypt(longest))).toBe(longest);
    expect(cipher.decrypt('A'.repeat(40_000))).toBeUndefined();
    expect(() => cipher.encrypt(`${longest}x`)).toThrow(RangeError);
  }
  expect(created.memory?.().length).toBe(size);
  expect(cipher.decrypt(cipher.encrypt('text'))).toBe('text');
});

it('keeps apart what ciphers with other keys encrypt in turns', () => {
  const [one, other] = [new TextCipher(randomBytes(32), 'one.'), new TextCipher(randomBytes(32), 'another.')];
  const [ofOne, ofOther] = [one.encrypt('of one'), other.encrypt('of the other')];
  expect([one.decrypt(ofOther), other.decrypt(ofOne)]).toEqual([undefined, undefined]);
  expect([one.decrypt(ofOne), other.decrypt(ofOther)]).toEqual(['of one', 'of the other']);
});

it('takes a key of 32 bytes, and at most as many that are authenticated', () => {
  expect(() => new TextCipher(randomBytes(31), '')).toThrow(RangeError);
  expect(() => new TextCipher(randomBytes(32), 'x'.repeat(33))).toThrow(RangeError);
  const cipher = new TextCipher(randomBytes(32), 'x'.repeat(32));
  expect(cipher.decrypt(cipher.encrypt('text'))).toBe('text');
});
