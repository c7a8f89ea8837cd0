import { createHmac } from 'node:crypto';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** Seconds that a code is good for. */
const step = 30;

/**
 * The code that an authenticator app shows (RFC 6238: SHA-1, six digits, 30 seconds).
 * @param secret in Base32, as the settings page shows it.
 */
export function totpCode(secret: string, milliseconds = Date.now()): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(milliseconds / 1000 / step)));
  const mac = createHmac('sha1', decodeBase32(secret)).update(counter).digest();
  // RFC 4226 section 5.3: four bytes from where the last one points to, without the sign.
  const start = (mac.at(-1) ?? 0) & 0xf;
  const number = mac.readUInt32BE(start) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

function decodeBase32(text: string): Buffer {
  const bits = [...text.replaceAll(/[=\s]/g, '').toUpperCase()]
    .map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0'))
    .join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
