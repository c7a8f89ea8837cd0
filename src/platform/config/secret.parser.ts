import { z } from 'zod';

const minimumBytes = 32;
/** 32 random bytes have about 30 distinct values. A random source never yields fewer than this. */
const minimumDistinctBytes = 16;
/** Longest distance, in bytes, at which a repeating pattern is looked for. */
const longestLag = 8;

/**
 * One secret of `SECRETS`: at least 32 random bytes in hex, base64 or base64url → the bytes.
 * Texts that can't be random (too short, repetitive, sentences, placeholders) are refused; the value is never echoed.
 */
export const secret = z.string().transform((text, context) => {
  // Hex of odd length has been truncated. Parsed as base64, it would count as more bytes than it has.
  const bytes = /^[0-9a-f]+$/i.test(text)
    ? Buffer.from(text.length % 2 === 0 ? text : '', 'hex')
    : /^[A-Za-z0-9+/_-]+={0,2}$/.test(text)
      ? Buffer.from(text, 'base64url')
      : undefined;
  if (bytes === undefined || bytes.length < minimumBytes) {
    context.addIssue(
      'each entry must be at least 32 random bytes in hex or base64: `openssl rand -base64 32`',
    );
    return z.NEVER;
  }
  if (
    new Set(bytes).size < minimumDistinctBytes ||
    isPattern(bytes) ||
    /change|secret|example|password/i.test(text)
  ) {
    context.addIssue('an entry is not random: make one with `openssl rand -base64 32`');
    return z.NEVER;
  }
  return new Uint8Array(bytes);
});

/** Whether bytes count up or down, or repeat. In random bytes, most differences at a given distance are distinct. */
function isPattern(bytes: Buffer): boolean {
  return Array.from({ length: longestLag }, (_, index) => index + 1).some((lag) => {
    const distances = [...bytes.subarray(lag)].map((byte, index) => (byte - (bytes[index] ?? 0) + 256) % 256);
    return new Set(distances).size * 2 < distances.length;
  });
}
