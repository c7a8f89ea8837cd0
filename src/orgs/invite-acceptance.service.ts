import { Injectable } from '@nestjs/common';
import { MailboxProof } from '../auth/mailbox.proof.js';
import { InviteRedemption, type Redeemed } from './invite.redemption.js';
import type { Caller } from './org.access.js';

/** Accepts invites by their token for a person who is logged in. */
@Injectable()
export class InviteAcceptance {
  readonly #redemption: InviteRedemption;
  readonly #mailbox: MailboxProof;

  constructor(redemption: InviteRedemption, mailbox: MailboxProof) {
    this.#redemption = redemption;
    this.#mailbox = mailbox;
  }

  /**
   * Redeems an invite; a token that was mailed to the caller's own address verifies it.
   * @throws {Problem} as {@link InviteRedemption.redeem}, and `provider_unavailable`.
   */
  async accept(caller: Caller, token: string): Promise<Redeemed> {
    return this.#redemption.redeem(caller, token, (email) =>
      this.#mailbox.accept(caller.principal, email, caller.origin),
    );
  }
}
