import { Param, Query } from '@nestjs/common';
import type { z } from 'zod';
import { type PageQuery, pageQuerySchema } from '../platform/http/page.cursor.js';
import { CurrentUser } from '../session/guards/access.decorators.js';
import { CurrentCaller } from '../session/guards/caller.decorator.js';
import { ApiController, ApiRoute } from '../session/guards/api.route.js';
import type { Caller, Principal } from '../session/principal.js';
import { InviteRedemption, type Redeemed } from './invite.redemption.js';
import { redeemedSchema, waitingInvitesSchema } from './invite.schemas.js';
import { InvitesService } from './invites.service.js';

/** The routes by which callers see, accept and decline invites for their own address. */
@ApiController('api/v1/me/invites', { tag: 'account' })
export class MyInvitesController {
  readonly #invites: InvitesService;
  readonly #redemption: InviteRedemption;

  constructor(invites: InvitesService, redemption: InviteRedemption) {
    this.#invites = invites;
    this.#redemption = redemption;
  }

  @ApiRoute('GET', '', {
    scope: 'orgs:read',
    summary: 'Invites that wait for me',
    description:
      "Open ones for the caller's e-mail address, newest first. An address that isn't verified, as of the last login, has none.",
    answer: { description: 'One page.', schema: waitingInvitesSchema },
    problems: ['forbidden'],
  })
  async list(
    @Query({ schema: pageQuerySchema }) query: PageQuery,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof waitingInvitesSchema>> {
    return this.#invites.listWaiting(principal, query);
  }

  @ApiRoute('POST', ':id/accept', {
    scope: 'orgs:write',
    summary: 'Accept an invite that waits for me',
    description:
      'As with its link (`POST /api/v1/invites/redeem`), which the holder of the verified address doesn’t need. A member with a higher role keeps it. The active organisation stays; `POST /api/v1/orgs/{id}/switch` changes it.',
    ids: { id: 'Id of the invite.' },
    answer: { description: 'A member now.', schema: redeemedSchema },
    problems: ['forbidden', 'email_unverified', 'not_found', 'gone'],
  })
  async accept(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<Redeemed> {
    return this.#redemption.accept(caller, id);
  }

  @ApiRoute('POST', ':id/decline', {
    scope: 'orgs:write',
    summary: 'Decline an invite that waits for me',
    description: 'It can’t be used any more; the organisation sees it as revoked.',
    ids: { id: 'Id of the invite.' },
    answer: { description: 'Declined.' },
    problems: ['forbidden', 'email_unverified', 'not_found', 'gone'],
  })
  async decline(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<void> {
    await this.#redemption.decline(caller, id);
  }
}
