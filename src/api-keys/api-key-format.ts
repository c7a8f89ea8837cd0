import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * The form of keys: `vst_<id>_<secret><checksum>`. The id is a UUID without dashes. The secret is 32 random bytes in base64url.
 * The checksum is the CRC-32 of the preceding text in hex. Prefix and checksum let secret scanners find leaked keys without false
 * alarms. Invented keys are refused without reading the database.
 */
const form = /^(vst_([\da-f]{12}7[\da-f]{3}[89ab][\da-f]{15})_([\w-]{43}))([\da-f]{8})$/;

/** The parts of a key in valid form. */
export interface ParsedApiKey {
  /** UUID of its row. */
  readonly id: string;
  /** SHA-256 of the secret in hex: 256 random bits need no slow hash. */
  readonly secretHash: string;
}

/** The part of a key that lists show. */
export function apiKeyPrefix(id: string): string {
  return `vst_${id.replaceAll('-', '')}`;
}

/** A new key for a row. @returns the key, which is shown once, and the hash, which is stored. */
export function makeApiKey(id: string): { key: string; secretHash: string } {
  const secret = randomBytes(32).toString('base64url');
  const text = `${apiKeyPrefix(id)}_${secret}`;
  return { key: text + checksum(text), secretHash: hashOf(secret) };
}

/** Parses a key; undefined for a text that isn't in the form of our keys. */
export function parseApiKey(text: string): ParsedApiKey | undefined {
  const [, body, id, secret, sum] = form.exec(text) ?? [];
  if (body === undefined || id === undefined || secret === undefined || sum !== checksum(body)) {
    return undefined;
  }
  const dashed = [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20)].join(
    '-',
  );
  return { id: dashed, secretHash: hashOf(secret) };
}

function hashOf(secret: string): string {
  return hash('sha256', secret, 'hex');
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
