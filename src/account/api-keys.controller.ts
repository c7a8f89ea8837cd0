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
import {
  createdKeySchema,
  keyBodyProperties,
  keyBodySchema,
  keyListSchema,
} from '../api-keys/api-key.schemas.js';
import { ApiKeysService } from '../api-keys/api-keys.service.js';
import { originOf } from '../auth/request.origin.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { pageQuerySchema } from '../http/page.cursor.js';
import { CurrentUser, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { RequireRecentLogin } from '../session/step-up.decorators.js';

/** The caller's own API keys. */
@ApiTags('api keys')
@ApiCookieAuth()
@ApiBearerAuth()
@ApiSecurity('apiKey')
@Controller('api/v1/api-keys')
export class ApiKeysController {
  readonly #keys: ApiKeysService;

  constructor(keys: ApiKeysService) {
    this.#keys = keys;
  }

  @Post()
  @RequireScope('keys:write')
  @RequireRecentLogin()
  @ApiOperation({
    summary: 'Make an API key',
    description:
      'The key acts as the caller, within its scope. It is shown in this answer and never again. Nobody can make a key that covers more than what they call with.',
  })
  @ApiBody({ schema: { type: 'object', required: ['name', 'scope'], properties: keyBodyProperties } })
  @ApiResponse({ status: 201, description: 'Made.', standardSchema: createdKeySchema })
  @ApiProblems(
    'reauthentication_required',
    'validation_failed',
    'unauthenticated',
    'insufficient_scope',
    'forbidden',
    'cross_site_request',
    'conflict',
    'unsupported_media_type',
  )
  async create(
    @Body({ schema: keyBodySchema }) body: z.output<typeof keyBodySchema>,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof createdKeySchema>> {
    const created = await this.#keys.create(principal, body, originOf(request));
    void reply.header('location', `/api/v1/api-keys/${created.id}`);
    return created;
  }

  @Get()
  @RequireScope('keys:read')
  @ApiOperation({ summary: 'My API keys', description: 'Oldest first, without revoked ones.' })
  @ApiQuery({ name: 'limit', required: false, schema: { type: 'integer', minimum: 1, maximum: 100 } })
  @ApiQuery({ name: 'cursor', required: false, schema: { type: 'string' } })
  @ApiResponse({ status: 200, description: 'One page.', standardSchema: keyListSchema })
  @ApiProblems('validation_failed', 'unauthenticated', 'insufficient_scope', 'database_unavailable')
  async list(
    @Query({ schema: pageQuerySchema }) page: z.output<typeof pageQuerySchema>,
    @CurrentUser() { claims }: Principal,
  ): Promise<z.output<typeof keyListSchema>> {
    return this.#keys.list({ userId: claims.sub }, page);
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireScope('keys:write')
  @ApiOperation({
    summary: 'Revoke one of my API keys',
    description: 'It is refused at once, and so are the tokens that it was exchanged for.',
  })
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } })
  @ApiResponse({ status: 204, description: 'Revoked.' })
  @ApiProblems('unauthenticated', 'insufficient_scope', 'cross_site_request', 'not_found')
  async revoke(
    @Param('id') id: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.#keys.revoke(principal, { userId: principal.claims.sub }, id, originOf(request));
  }
}
