import { Controller, Get, HttpCode, Post, Req } from '@nestjs/common';
import {
  ApiBearerAuth,
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
import { CurrentUser, RequireRole, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { signingKeysSchema } from './signing-keys.schemas.js';
import { SigningKeys } from './signing-keys.service.js';

type Answer = z.output<typeof signingKeysSchema>;

/** The keys that sign tokens, for administrators. */
@ApiTags('signing keys')
@ApiCookieAuth()
@ApiBearerAuth()
@ApiSecurity('apiKey')
@RequireRole('admin')
@Controller('api/v1/signing-keys')
export class SigningKeysController {
  readonly #keys: SigningKeys;

  constructor(keys: SigningKeys) {
    this.#keys = keys;
  }

  @Get()
  @RequireScope('signing-keys:read')
  @ApiOperation({
    summary: 'The keys that sign tokens',
    description:
      'With their states, until they are forgotten. Public halves that verify are at `/.well-known/jwks.json`; private ones never leave the database.',
  })
  @ApiResponse({ status: 200, description: 'The keys.', standardSchema: signingKeysSchema })
  @ApiProblems('unauthenticated', 'forbidden', 'insufficient_scope', 'database_unavailable')
  async list(): Promise<Answer> {
    return { items: await this.#keys.list(), nextCursor: null };
  }

  @Post('rotate')
  @HttpCode(200)
  @RequireScope('signing-keys:write')
  @ApiOperation({
    summary: 'Rotate the signing keys',
    description: 'The next key signs from now on, as with `vestibule keys rotate`; nobody is logged out.',
  })
  @ApiResponse({ status: 200, description: 'Rotated.', standardSchema: signingKeysSchema })
  @ApiProblems(
    'unauthenticated',
    'forbidden',
    'insufficient_scope',
    'cross_site_request',
    'conflict',
    'database_unavailable',
  )
  async rotate(@CurrentUser() principal: Principal, @Req() request: FastifyRequest): Promise<Answer> {
    return { items: await this.#keys.rotate(principal, originOf(request)), nextCursor: null };
  }
}
