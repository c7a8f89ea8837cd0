import type { FastifyRequest } from 'fastify';
import { type Judge, type LimitCheck, addressCheck } from '../../directory/rate-limit/rate-limits.js';
import { mailboxOf } from '../../platform/core/account-identifier.js';
import { type Principal, hasSession } from '../../session/principal.js';

/** Counts only invites that were made; the others sent no mail. */
export const invitesMade: Judge = ({ statusCode }) => (statusCode < 400 ? 'success' : 'void');

/**
 * The counts of an invite that is about to be made: per sender, per network address and per mailbox. A revoked invite still counts.
 * @param email the folded address that it is for. A link without an address counts only for the sender and the network address.
 */
export function inviteChecks(
  request: FastifyRequest,
  sender: Principal,
  email: string | undefined,
): LimitCheck[] {
  const checks: LimitCheck[] = [
    addressCheck(request, 'invite-address', 'keep'),
    ...sendersOf(sender).map((key): LimitCheck => ({ policy: 'invite-sender', key, onSuccess: 'keep' })),
  ];
  return email === undefined
    ? checks
    : [...checks, { policy: 'invite-recipient', key: `recipient:${mailboxOf(email)}`, onSuccess: 'keep' }];
}

/**
 * What a sender counts as: the user, and without a session also the organisation that the credential acts in. Each of an organisation's
 * keys is a user of its own, and would otherwise have a limit of its own.
 */
function sendersOf(sender: Principal): readonly string[] {
  const { sub, org } = sender.claims;
  return hasSession(sender) || org === undefined ? [`user:${sub}`] : [`user:${sub}`, `org:${org.id}`];
}
