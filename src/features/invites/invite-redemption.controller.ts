import { Body } from '@nestjs/common';
import type { z } from 'zod';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import type { Caller } from '../../session/principal.js';
import { InviteRedemption } from './invite-redemption.js';
import { OwnLogins } from '../../orgs/own-logins.js';
import { redeemedSchema, redemptionSchema } from './invite.schemas.js';
import { MailboxProof } from './mailbox-proof.js';

/** The route by which an invited user redeems an invite. */
@ApiController('api/v1/invites', { tag: 'account' })
export class InviteRedemptionController {
  constructor(
    private readonly redemption: InviteRedemption,
    private readonly mailbox: MailboxProof,
    private readonly logins: OwnLogins,
  ) {}

  @ApiRoute('POST', 'redeem', {
    scope: 'orgs:write',
    summary: 'Accept an invite',
    description:
      'If the invite was mailed to the address of the caller’s session, accepting it verifies that address. A member who already has a higher role keeps it. The active organisation doesn’t change: use `POST /api/v1/orgs/{id}/switch`.',
    answer: { description: 'Accepted.', schema: redeemedSchema },
    problems: ['forbidden', 'email_unverified', 'gone', 'provider_unavailable'],
  })
  async redeem(
    @Body({ schema: redemptionSchema }) { token }: z.output<typeof redemptionSchema>,
    @CurrentCaller() caller: Caller,
  ): Promise<z.output<typeof redeemedSchema>> {
    await this.logins.require(caller.principal);
    return this.redemption.redeem(caller, token, (email) => this.mailbox.accept(caller, email));
  }
}
