import { Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCookieAuth,
  ApiOperation,
  ApiParam,
  ApiQuery,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { originOf } from '../auth/request.origin.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { pageQuerySchema } from '../http/page.cursor.js';
import { CurrentUser, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { InviteRedemption } from './invite.redemption.js';
import { redeemedSchema, waitingInvitesSchema } from './invite.schemas.js';
import { MyInvites } from './my-invites.service.js';
import { cursorParameter, inviteIdParameter, limitParameter } from './org.parameters.js';

const idParameter = { ...inviteIdParameter, name: 'id' };

/** Invites that wait for the caller. */
@ApiTags('account')
@ApiCookieAuth()
@ApiBearerAuth()
@ApiSecurity('apiKey')
@Controller('api/v1/me/invites')
export class MyInvitesController {
  readonly #invites: MyInvites;
  readonly #redemption: InviteRedemption;

  constructor(invites: MyInvites, redemption: InviteRedemption) {
    this.#invites = invites;
    this.#redemption = redemption;
  }

  @Get()
  @RequireScope('orgs:read')
  @ApiOperation({
    summary: 'Invites that wait for me',
    description:
      "Open ones for the caller's e-mail address, newest first. An address that isn't verified, as of the last login, has none.",
  })
  @ApiQuery(limitParameter)
  @ApiQuery(cursorParameter)
  @ApiResponse({ status: 200, description: 'One page.', standardSchema: waitingInvitesSchema })
  @ApiProblems('validation_failed', 'unauthenticated', 'insufficient_scope', 'forbidden')
  async list(
    @Query({ schema: pageQuerySchema }) query: z.output<typeof pageQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof waitingInvitesSchema>> {
    return this.#invites.list(principal, query);
  }

  @Post(':id/accept')
  @HttpCode(200)
  @RequireScope('orgs:write')
  @ApiOperation({
    summary: 'Accept an invite that waits for me',
    description:
      'As with its link (`POST /api/v1/invites/redeem`), which the holder of the verified address doesn’t need. A member with a higher role keeps it. The active organisation stays; `POST /api/v1/orgs/{id}/switch` changes it.',
  })
  @ApiParam(idParameter)
  @ApiResponse({ status: 200, description: 'A member now.', standardSchema: redeemedSchema })
  @ApiProblems(
    'unauthenticated',
    'insufficient_scope',
    'forbidden',
    'email_unverified',
    'cross_site_request',
    'not_found',
    'gone',
  )
  async accept(
    @Param('id') id: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
  ): Promise<z.output<typeof redeemedSchema>> {
    return this.#redemption.accept({ principal, origin: originOf(request) }, id);
  }

  @Post(':id/decline')
  @HttpCode(204)
  @RequireScope('orgs:write')
  @ApiOperation({
    summary: 'Decline an invite that waits for me',
    description: 'It can’t be used any more; the organisation sees it as revoked.',
  })
  @ApiParam(idParameter)
  @ApiResponse({ status: 204, description: 'Declined.' })
  @ApiProblems(
    'unauthenticated',
    'insufficient_scope',
    'forbidden',
    'email_unverified',
    'cross_site_request',
    'not_found',
    'gone',
  )
  async decline(
    @Param('id') id: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.#redemption.decline({ principal, origin: originOf(request) }, id);
  }
}
