import { Body, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { type PageQuery, pageQuerySchema } from '../../platform/http/page-cursor.js';
import { CurrentUser } from '../../session/guards/access.decorators.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import type { Caller, Principal } from '../../session/principal.js';
import {
  createdInviteSchema,
  inviteListSchema,
  invitesWithPower,
  newInviteSchema,
} from '../invites/invite.schemas.js';
import { invitesMade, inviteChecks } from '../invites/invite-limits.js';
import { RateLimits } from '../../directory/rate-limit/rate-limits.js';
import { InvitesService } from './invites.service.js';

/** The routes that manage invites to an organisation. */
@ApiController('api/v1/orgs/:id/invites', {
  tag: 'orgs',
  ids: { id: 'Id of the organisation.' },
  problems: ['reauthentication_required'],
})
export class InvitesController {
  constructor(
    private readonly invites: InvitesService,
    private readonly limits: RateLimits,
  ) {}

  @ApiRoute('POST', '', {
    scope: 'orgs:write',
    recentLogin: invitesWithPower,
    summary: 'Invite someone to an organisation',
    description:
      'For owners and admins. With `email`, only the holder of that address can accept. If there is a mail server, the link is then mailed, for which the caller must have a verified address. Otherwise this response has the link, once. A session needs a recent login for an invite without an address, or for another role than `member`.',
    answer: { status: 201, description: 'Created.', schema: createdInviteSchema, headers: ['Location'] },
    problems: ['forbidden', 'email_unverified', 'not_found', 'conflict', 'rate_limited'],
  })
  async create(
    @Param('id') org: string,
    @Body({ schema: newInviteSchema }) body: z.output<typeof newInviteSchema>,
    @CurrentCaller() caller: Caller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof createdInviteSchema>> {
    const checks = inviteChecks(request, caller.principal, body.email);
    await this.limits.take(reply, checks, invitesMade);
    const invite = await this.invites.create(caller, org, body, request.headers['accept-language']);
    void reply
      .header('location', `/api/v1/orgs/${org.toLowerCase()}/invites/${invite.id}`)
      .header('cache-control', 'no-store');
    return invite;
  }

  @ApiRoute('GET', '', {
    scope: 'orgs:read',
    summary: 'List the invites of an organisation',
    description: 'For owners and admins. Newest first; the links aren’t shown again.',
    answer: { description: 'One page of invites.', schema: inviteListSchema },
    problems: ['forbidden', 'not_found'],
  })
  async list(
    @Param('id') org: string,
    @Query({ schema: pageQuerySchema }) query: PageQuery,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof inviteListSchema>> {
    return this.invites.list(principal, org, query);
  }

  @ApiRoute('DELETE', ':inviteId', {
    scope: 'orgs:write',
    summary: 'Revoke an invite to an organisation',
    description: 'For owners and admins. The link can’t be used any more.',
    ids: { inviteId: 'Id of the invite.' },
    answer: { description: 'Revoked.' },
    problems: ['forbidden', 'not_found', 'gone'],
  })
  async revoke(
    @Param('id') org: string,
    @Param('inviteId') invite: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    await this.invites.revoke(caller, { org, invite });
  }
}
