import { Body, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { RateLimits } from '../../directory/rate-limit/rate-limits.js';
import { type PageQuery, pageQuerySchema } from '../../platform/http/page-cursor.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import type { Caller } from '../../session/principal.js';
import { AccountInvites } from './account-invites.service.js';
import { inviteChecks, invitesMade } from './invite-limits.js';
import {
  accountInviteListSchema,
  createdAccountInviteSchema,
  newAccountInviteSchema,
} from './invite.schemas.js';

/** The routes with which administrators invite people to an account alone. */
@ApiController('api/v1/invites', { tag: 'users', role: 'admin', problems: ['database_unavailable'] })
export class AccountInvitesController {
  constructor(
    private readonly invites: AccountInvites,
    private readonly limits: RateLimits,
  ) {}

  @ApiRoute('POST', '', {
    scope: 'users:write',
    summary: 'Invite someone to create an account',
    description:
      'The invite gives access to no organisation. Only the holder of the e-mail address can accept it. With a mail server, the link is mailed; otherwise this response has it, once. Returns 409 if the address already has an account, or if nobody could sign up with the invite: its domain isn’t in `EMAIL_DOMAINS`, or with `SIGNUP=closed` it can’t be mailed.',
    answer: {
      status: 201,
      description: 'Created.',
      schema: createdAccountInviteSchema,
      headers: ['Location'],
    },
    problems: ['conflict', 'rate_limited'],
  })
  async create(
    @Body({ schema: newAccountInviteSchema }) { email }: z.output<typeof newAccountInviteSchema>,
    @CurrentCaller() caller: Caller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof createdAccountInviteSchema>> {
    const checks = inviteChecks(request, caller.principal, email);
    await this.limits.take(reply, checks, invitesMade);
    const invite = await this.invites.create(caller, email, request.headers['accept-language']);
    void reply.header('location', `/api/v1/invites/${invite.id}`).header('cache-control', 'no-store');
    return invite;
  }

  @ApiRoute('GET', '', {
    scope: 'users:read',
    summary: 'List the invites to create an account',
    description: 'Invites without an organisation, newest first. Their links aren’t shown again.',
    answer: { description: 'One page of invites.', schema: accountInviteListSchema },
  })
  async list(
    @Query({ schema: pageQuerySchema }) query: PageQuery,
  ): Promise<z.output<typeof accountInviteListSchema>> {
    return this.invites.list(query);
  }

  @ApiRoute('DELETE', ':inviteId', {
    scope: 'users:write',
    summary: 'Revoke an invite to create an account',
    description: 'The link of the invite can’t be used any more.',
    ids: { inviteId: 'Id of the invite.' },
    answer: { description: 'Revoked.' },
    problems: ['not_found', 'gone'],
  })
  async revoke(@Param('inviteId') id: string, @CurrentCaller() caller: Caller): Promise<void> {
    await this.invites.revoke(caller, id);
  }
}
