import { Param, Query } from '@nestjs/common';
import type { z } from 'zod';
import { type PageQuery, pageQuerySchema } from '../../platform/http/page-cursor.js';
import { CurrentUser } from '../../session/guards/access.decorators.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import type { Caller, Principal } from '../../session/principal.js';
import { InviteRedemption, type Redeemed } from '../invites/invite-redemption.js';
import { redeemedSchema, waitingInvitesSchema } from '../invites/invite.schemas.js';
import { InvitesService } from './invites.service.js';
import { OwnLogins } from '../../orgs/own-logins.js';

/** The routes by which callers see, accept and decline invites for their own address. */
@ApiController('api/v1/me/invites', { tag: 'account' })
export class MyInvitesController {
  constructor(
    private readonly invites: InvitesService,
    private readonly redemption: InviteRedemption,
    private readonly logins: OwnLogins,
  ) {}

  @ApiRoute('GET', '', {
    scope: 'orgs:read',
    summary: 'List my open invites',
    description:
      'Invites for the caller’s e-mail address, newest first. Empty if the address wasn’t verified at the last login.',
    answer: { description: 'One page of invites.', schema: waitingInvitesSchema },
    problems: ['forbidden'],
  })
  async list(
    @Query({ schema: pageQuerySchema }) query: PageQuery,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof waitingInvitesSchema>> {
    return this.invites.listWaiting(principal, query);
  }

  @ApiRoute('POST', ':id/accept', {
    scope: 'orgs:write',
    summary: 'Accept one of my open invites',
    description:
      'Works like accepting by the link (`POST /api/v1/invites/redeem`), which the holder of the verified address doesn’t need. A member who already has a higher role keeps it. The active organisation doesn’t change: use `POST /api/v1/orgs/{id}/switch`.',
    ids: { id: 'Id of the invite.' },
    answer: { description: 'Accepted: the caller is now a member.', schema: redeemedSchema },
    problems: ['forbidden', 'email_unverified', 'not_found', 'gone'],
  })
  async accept(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<Redeemed> {
    await this.logins.require(caller.principal);
    return this.redemption.accept(caller, id);
  }

  @ApiRoute('POST', ':id/decline', {
    scope: 'orgs:write',
    summary: 'Decline one of my open invites',
    description: 'The invite can’t be used any more; the organisation sees it as revoked.',
    ids: { id: 'Id of the invite.' },
    answer: { description: 'Declined.' },
    problems: ['forbidden', 'email_unverified', 'not_found', 'gone'],
  })
  async decline(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<void> {
    await this.redemption.decline(caller, id);
  }
}
