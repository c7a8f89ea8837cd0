import { Controller, Delete, Get, HttpCode, Param, Query, Req } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCookieAuth,
  ApiOperation,
  ApiParam,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { keyListSchema } from '../api-keys/api-key.schemas.js';
import { originOf } from '../auth/request.origin.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { pageQuerySchema } from '../http/page.cursor.js';
import { CurrentUser, RequireRole, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { PersonAccess } from './person-access.service.js';

/** Somebody's own API keys, for administrators. */
@ApiTags('users')
@ApiCookieAuth()
@ApiBearerAuth()
@ApiSecurity('apiKey')
@ApiParam({ name: 'id', description: 'Id of the user.', schema: { type: 'string', format: 'uuid' } })
@RequireRole('admin')
@Controller('api/v1/users/:id/api-keys')
export class PersonKeysController {
  readonly #access: PersonAccess;

  constructor(access: PersonAccess) {
    this.#access = access;
  }

  @Get()
  @RequireScope('users:read')
  @ApiOperation({
    summary: 'A user’s API keys',
    description:
      'Oldest first, without revoked ones. Keys of an organisation are at `GET /api/v1/orgs/{id}/api-keys`.',
  })
  @ApiResponse({ status: 200, description: 'One page.', standardSchema: keyListSchema })
  @ApiProblems(
    'validation_failed',
    'unauthenticated',
    'forbidden',
    'insufficient_scope',
    'not_found',
    'database_unavailable',
  )
  async list(
    @Param('id') id: string,
    @Query({ schema: pageQuerySchema }) page: z.output<typeof pageQuerySchema>,
  ): Promise<z.output<typeof keyListSchema>> {
    return this.#access.keysOf(id, page);
  }

  @Delete(':keyId')
  @HttpCode(204)
  @RequireScope('users:write')
  @ApiOperation({
    summary: 'Revoke one of a user’s API keys',
    description: 'It is refused at once, and so are the tokens that it was exchanged for.',
  })
  @ApiParam({ name: 'keyId', description: 'Id of the key.', schema: { type: 'string', format: 'uuid' } })
  @ApiResponse({ status: 204, description: 'Revoked.' })
  @ApiProblems(
    'unauthenticated',
    'forbidden',
    'insufficient_scope',
    'cross_site_request',
    'not_found',
    'database_unavailable',
  )
  async revoke(
    @Param('id') id: string,
    @Param('keyId') keyId: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.#access.revokeKey(id, keyId, { principal, origin: originOf(request) });
  }
}
