import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiCookieAuth,
  ApiOperation,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { originOf } from '../auth/request.origin.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { CurrentUser, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { InviteAcceptance } from './invite-acceptance.service.js';
import { redeemedSchema, redemptionSchema } from './invite.schemas.js';
import { redemptionProperties } from './org.parameters.js';

/** Invites from the side of the invited. */
@ApiTags('orgs')
@ApiCookieAuth()
@ApiBearerAuth()
@ApiSecurity('apiKey')
@Controller('api/v1/invites')
export class InviteRedemptionController {
  readonly #acceptance: InviteAcceptance;

  constructor(acceptance: InviteAcceptance) {
    this.#acceptance = acceptance;
  }

  @Post('redeem')
  @HttpCode(200)
  @RequireScope('orgs:write')
  @ApiOperation({
    summary: 'Accept an invite',
    description:
      'An invite that was mailed verifies the address it was mailed to, when the caller’s session has that address. A member with a higher role keeps it. The active organisation stays; `POST /api/v1/orgs/{id}/switch` changes it.',
  })
  @ApiBody({ schema: { type: 'object', required: ['token'], properties: redemptionProperties } })
  @ApiResponse({ status: 200, description: 'A member now.', standardSchema: redeemedSchema })
  @ApiProblems(
    'validation_failed',
    'unauthenticated',
    'insufficient_scope',
    'forbidden',
    'email_unverified',
    'cross_site_request',
    'gone',
    'unsupported_media_type',
    'provider_unavailable',
  )
  async redeem(
    @Body({ schema: redemptionSchema }) { token }: z.output<typeof redemptionSchema>,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
  ): Promise<z.output<typeof redeemedSchema>> {
    return this.#acceptance.accept({ principal, origin: originOf(request) }, token);
  }
}
