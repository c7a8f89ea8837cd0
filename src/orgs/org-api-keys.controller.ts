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
import { RequireRecentLogin } from '../session/step-up.decorators.js';
import {
  createdOrgKeySchema,
  orgKeyBodyProperties,
  orgKeyBodySchema,
  orgKeyListSchema,
} from './org-api-keys.schemas.js';
import { OrgApiKeysService } from './org-api-keys.service.js';

/** API keys of an organisation; each has a service account of its own. */
@ApiTags('api keys')
@ApiCookieAuth()
@ApiBearerAuth()
@ApiSecurity('apiKey')
@ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } })
@Controller('api/v1/orgs/:id/api-keys')
export class OrgApiKeysController {
  readonly #keys: OrgApiKeysService;

  constructor(keys: OrgApiKeysService) {
    this.#keys = keys;
  }

  @Post()
  @RequireScope('keys:write')
  @RequireRecentLogin()
  @ApiOperation({
    summary: 'Make an API key of an organisation',
    description:
      'For owners and admins. The key acts as a service account that belongs to this organisation alone. It is shown in this answer and never again.',
  })
  @ApiBody({ schema: { type: 'object', required: ['name', 'scope'], properties: orgKeyBodyProperties } })
  @ApiResponse({ status: 201, description: 'Made.', standardSchema: createdOrgKeySchema })
  @ApiProblems(
    'reauthentication_required',
    'validation_failed',
    'unauthenticated',
    'insufficient_scope',
    'forbidden',
    'cross_site_request',
    'not_found',
    'conflict',
    'unsupported_media_type',
  )
  async create(
    @Param('id') orgId: string,
    @Body({ schema: orgKeyBodySchema }) body: z.output<typeof orgKeyBodySchema>,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof createdOrgKeySchema>> {
    const { role, ...wish } = body;
    const { id, created } = await this.#keys.create(principal, orgId, { wish, role }, originOf(request));
    void reply.header('location', `/api/v1/orgs/${id}/api-keys/${created.id}`);
    return { ...created, role };
  }

  @Get()
  @RequireScope('keys:read')
  @ApiOperation({
    summary: 'API keys of an organisation',
    description: 'For owners and admins. Oldest first, without revoked ones.',
  })
  @ApiQuery({ name: 'limit', required: false, schema: { type: 'integer', minimum: 1, maximum: 100 } })
  @ApiQuery({ name: 'cursor', required: false, schema: { type: 'string' } })
  @ApiResponse({ status: 200, description: 'One page.', standardSchema: orgKeyListSchema })
  @ApiProblems('validation_failed', 'unauthenticated', 'insufficient_scope', 'forbidden', 'not_found')
  async list(
    @Param('id') orgId: string,
    @Query({ schema: pageQuerySchema }) page: z.output<typeof pageQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof orgKeyListSchema>> {
    return orgKeyListSchema.parse(await this.#keys.list(principal, orgId, page));
  }

  @Delete(':keyId')
  @HttpCode(204)
  @RequireScope('keys:write')
  @ApiOperation({
    summary: 'Revoke an API key of an organisation',
    description: 'For owners and admins. It is refused at once, and its service account goes out of use.',
  })
  @ApiParam({ name: 'keyId', schema: { type: 'string', format: 'uuid' } })
  @ApiResponse({ status: 204, description: 'Revoked.' })
  @ApiProblems('unauthenticated', 'insufficient_scope', 'forbidden', 'cross_site_request', 'not_found')
  async revoke(
    @Param('id') orgId: string,
    @Param('keyId') keyId: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.#keys.revoke(principal, orgId, keyId, originOf(request));
  }
}
