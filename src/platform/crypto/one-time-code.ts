import { createHash, randomBytes } from 'node:crypto';

/** A new code that is good once, in a redirect or in the link of an invite: 43 characters of base64url. */
export function newCode(): string {
  return randomBytes(32).toString('base64url');
}

/** What is stored of a code, in hex. A plain hash: 256 random bits need no slow one. */
export function codeHash(code: string): string {
  return createHash('sha256').update(code).digest('hex');
}
