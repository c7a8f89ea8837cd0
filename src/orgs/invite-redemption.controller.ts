import { Body } from '@nestjs/common';
import type { z } from 'zod';
import { CurrentCaller } from '../session/guards/caller.decorator.js';
import { ApiController, ApiRoute } from '../session/guards/api.route.js';
import type { Caller } from '../session/principal.js';
import { MailboxProof } from '../accounts/mailbox.proof.js';
import { InviteRedemption } from './invite.redemption.js';
import { redeemedSchema, redemptionSchema } from './invite.schemas.js';

/** The route by which an invited user redeems an invite. */
@ApiController('api/v1/invites', { tag: 'orgs' })
export class InviteRedemptionController {
  readonly #redemption: InviteRedemption;
  readonly #mailbox: MailboxProof;

  constructor(redemption: InviteRedemption, mailbox: MailboxProof) {
    this.#redemption = redemption;
    this.#mailbox = mailbox;
  }

  @ApiRoute('POST', 'redeem', {
    scope: 'orgs:write',
    summary: 'Accept an invite',
    description:
      'An invite that was mailed verifies the address it was mailed to, when the caller’s session has that address. A member with a higher role keeps it. The active organisation stays; `POST /api/v1/orgs/{id}/switch` changes it.',
    answer: { description: 'A member now.', schema: redeemedSchema },
    problems: ['forbidden', 'email_unverified', 'gone', 'provider_unavailable'],
  })
  async redeem(
    @Body({ schema: redemptionSchema }) { token }: z.output<typeof redemptionSchema>,
    @CurrentCaller() caller: Caller,
  ): Promise<z.output<typeof redeemedSchema>> {
    return this.#redemption.redeem(caller, token, (email) => this.#mailbox.accept(caller, email));
  }
}
