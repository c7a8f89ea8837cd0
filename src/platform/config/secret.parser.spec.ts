import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { secret } from './secret.parser.js';

describe('secret', () => {
  it('32 or more random bytes are taken in hex, base64 and base64url', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 32, max: 64 }),
        fc.constantFrom('hex', 'base64', 'base64url'),
        (length, encoding) => {
          const bytes = randomBytes(length);
          expect(secret.parse(bytes.toString(encoding))).toEqual(new Uint8Array(bytes));
        },
      ),
    );
  });

  it.each([
    ['nothing', ''],
    ['31 bytes in hex', randomBytes(31).toString('hex')],
    ['31 bytes in base64', randomBytes(31).toString('base64')],
    ['hex that was cut off', randomBytes(32).toString('hex').slice(1)],
    ['a sentence', 'correct horse battery staple correct horse battery staple'],
    ['other characters', `${'a'.repeat(44)}!`],
    ['one byte repeated', '00'.repeat(32)],
    ['one character repeated', 'A'.repeat(44)],
    ['four bytes repeated', 'deadbeef'.repeat(8)],
    ['bytes that count', Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('base64')],
    [
      'bytes that count down',
      Buffer.from(Array.from({ length: 48 }, (_, index) => 255 - index)).toString('hex'),
    ],
    [
      'bytes that count by sevens',
      Buffer.from(Array.from({ length: 40 }, (_, index) => (index * 7) % 256)).toString('hex'),
    ],
    ['the base64 alphabet', 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'],
    ['seven bytes repeated', '0badc0ffee5eed'.repeat(8)],
    ['a placeholder', 'changeme'.repeat(8)],
    ['a placeholder that is varied', 'please-change-this-secret-0123456789-abcdefghijk'],
    ['an example', 'exampleExampleSecretValue0123456789abcdefghijkl'],
    ['a password', 'MySuperPassword0123456789abcdefghijklmnopqrstuvw'],
    ['a line feed inside', `${randomBytes(16).toString('hex')}\n${randomBytes(16).toString('hex')}`],
  ])('%s is refused, and the message does not hold it [W17]', (_what, text) => {
    const { error } = secret.safeParse(text);
    expect(error).toBeDefined();
    expect(text !== '' && error?.message.includes(text)).toBe(false);
  });
});
