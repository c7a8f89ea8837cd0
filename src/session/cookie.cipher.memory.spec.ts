import { randomBytes } from 'node:crypto';
import { expect, it, vi } from 'vitest';
import { CookieCipher } from './cookie.cipher.js';

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

it('an opened token is not left in the memory of the library, nor one that was sealed', () => {
  const cipher = new CookieCipher([randomBytes(32)]);
  const token = randomBytes(300).toString('hex');
  const isThere = (bytes: string | Buffer): boolean | undefined => created.memory?.().includes(bytes);
  const sealed = cipher.seal(token);
  const nonce = Buffer.from(sealed.split('.')[2] ?? '', 'base64url');
  expect([isThere(token), isThere(nonce)]).toEqual([false, true]);
  expect(cipher.open(sealed)).toBe(token);
  // The end too: what is left of a longer one.
  expect([isThere(token.slice(0, 100)), isThere(token.slice(-100)), isThere(nonce)]).toEqual([
    false,
    false,
    true,
  ]);
});
