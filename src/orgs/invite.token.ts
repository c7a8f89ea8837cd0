import { createHash, randomBytes } from 'node:crypto';

/** A new token of an invite: 32 random bytes. */
export function newInviteToken(): string {
  return randomBytes(32).toString('base64url');
}

/** What is stored of it. It has as much entropy as the hash, so nothing slower is needed. */
export function hashOfInvite(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
