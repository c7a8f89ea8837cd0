import { createHash, randomBytes } from 'node:crypto';

/** A new token for an invite: 32 random bytes, as base64url. */
export function newInviteToken(): string {
  return randomBytes(32).toString('base64url');
}

/** The hash of a token, as stored: SHA-256 in hex. The token has as much entropy as the hash, so no slower hash is needed. */
export function hashOfInvite(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
