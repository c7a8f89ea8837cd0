import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiCookieAuth,
  ApiOperation,
  ApiParam,
  ApiQuery,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { originOf } from '../auth/request.origin.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { pageQuerySchema } from '../http/page.cursor.js';
import { CurrentUser, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { createdInviteSchema, inviteListSchema, newInviteSchema } from './invite.schemas.js';
import { InviteLimits } from './invite.limits.js';
import { InvitesService } from './invites.service.js';
import {
  cursorParameter,
  inviteIdParameter,
  limitParameter,
  newInviteProperties,
  orgIdParameter,
} from './org.parameters.js';

/** Invites to an organisation. */
@ApiTags('orgs')
@ApiCookieAuth()
@ApiBearerAuth()
@ApiSecurity('apiKey')
@ApiParam(orgIdParameter)
@Controller('api/v1/orgs/:id/invites')
export class InvitesController {
  readonly #invites: InvitesService;
  readonly #limits: InviteLimits;

  constructor(invites: InvitesService, limits: InviteLimits) {
    this.#invites = invites;
    this.#limits = limits;
  }

  @Post()
  @RequireScope('orgs:write')
  @ApiOperation({
    summary: 'Invite a person',
    description:
      'For owners and admins. With `email` only the holder of this address can accept, and where there is a mail server the link is mailed: that takes a caller with a verified address. Otherwise the link is in this answer, once.',
  })
  @ApiBody({ schema: { type: 'object', properties: newInviteProperties } })
  @ApiResponse({
    status: 201,
    description: 'Made.',
    standardSchema: createdInviteSchema,
    headers: { Location: { schema: { type: 'string' } } },
  })
  @ApiProblems(
    'validation_failed',
    'unauthenticated',
    'insufficient_scope',
    'forbidden',
    'email_unverified',
    'cross_site_request',
    'not_found',
    'conflict',
    'unsupported_media_type',
    'rate_limited',
  )
  async create(
    @Param('id') org: string,
    @Body({ schema: newInviteSchema }) body: z.output<typeof newInviteSchema>,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof createdInviteSchema>> {
    await this.#limits.admit(request, reply, { senderId: principal.user.id, email: body.email });
    const { 'accept-language': accepted } = request.headers;
    const invite = await this.#invites.create({ principal, origin: originOf(request) }, org, body, accepted);
    void reply
      .header('location', `/api/v1/orgs/${org.toLowerCase()}/invites/${invite.id}`)
      .header('cache-control', 'no-store');
    return invite;
  }

  @Get()
  @RequireScope('orgs:read')
  @ApiOperation({
    summary: 'Invites of an organisation',
    description: 'Newest first, for owners and admins. Their links are not told again.',
  })
  @ApiQuery(limitParameter)
  @ApiQuery(cursorParameter)
  @ApiResponse({ status: 200, description: 'One page.', standardSchema: inviteListSchema })
  @ApiProblems('validation_failed', 'unauthenticated', 'insufficient_scope', 'forbidden', 'not_found')
  async list(
    @Param('id') org: string,
    @Query({ schema: pageQuerySchema }) query: z.output<typeof pageQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof inviteListSchema>> {
    return this.#invites.list(principal, org, query);
  }

  @Delete(':inviteId')
  @HttpCode(204)
  @RequireScope('orgs:write')
  @ApiOperation({ summary: 'Revoke an invite', description: 'For owners and admins.' })
  @ApiParam(inviteIdParameter)
  @ApiResponse({ status: 204, description: 'Revoked.' })
  @ApiProblems(
    'unauthenticated',
    'insufficient_scope',
    'forbidden',
    'cross_site_request',
    'not_found',
    'gone',
  )
  async revoke(
    @Param('id') org: string,
    @Param('inviteId') invite: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.#invites.revoke({ principal, origin: originOf(request) }, { org, invite });
  }
}
