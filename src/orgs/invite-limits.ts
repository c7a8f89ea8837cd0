import type { FastifyRequest } from 'fastify';
import { type Judge, type LimitCheck, addressCheck } from '../directory/rate-limit/rate-limits.js';

/** Counts only invites that were made; the others sent no mail. */
export const invitesMade: Judge = ({ statusCode }) => (statusCode < 400 ? 'success' : 'void');

/**
 * The counts of an invite that is about to be made: per user, per network address and per mailbox. A revoked invite still counts.
 * @param email the folded address that it is for. A link without an address counts only for the user and the network address.
 */
export function inviteChecks(
  request: FastifyRequest,
  senderId: string,
  email: string | undefined,
): LimitCheck[] {
  const checks: LimitCheck[] = [
    addressCheck(request, 'invite-address', 'keep'),
    { policy: 'invite-sender', key: `user:${senderId}`, onSuccess: 'keep' },
  ];
  return email === undefined
    ? checks
    : [...checks, { policy: 'invite-recipient', key: `recipient:${email}`, onSuccess: 'keep' }];
}
