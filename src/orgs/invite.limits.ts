import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { accountOf } from '../limits/limit.keys.js';
import { type Judge, type LimitCheck, RateLimits, addressCheck } from '../limits/rate.limits.js';

/** An invite that wasn't made sent no mail. */
const madeOnly: Judge = ({ statusCode }) => (statusCode < 400 ? 'success' : 'void');

/** How many invites one user makes, one address of the network sends, and one mailbox gets over time; revoking them gives none back. */
@Injectable()
export class InviteLimits {
  readonly #limits: RateLimits;

  constructor(limits: RateLimits) {
    this.#limits = limits;
  }

  /**
   * Counts an invite that is about to be made.
   * @param email that it's for; a link without one counts for its maker alone.
   * @throws {Problem} `rate_limited`
   */
  async admit(
    request: FastifyRequest,
    reply: FastifyReply,
    { senderId, email }: { readonly senderId: string; readonly email: string | undefined },
  ): Promise<void> {
    const recipient: LimitCheck[] =
      email === undefined
        ? []
        : [{ policy: 'invite-recipient', key: `recipient:${accountOf(email)}`, onSuccess: 'keep' }];
    const checks: LimitCheck[] = [
      addressCheck(request, 'invite-address', 'keep'),
      { policy: 'invite-sender', key: `user:${senderId}`, onSuccess: 'keep' },
      ...recipient,
    ];
    await this.#limits.take(request, reply, checks, madeOnly);
  }
}
