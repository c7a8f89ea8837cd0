import { Controller, Header, Param, Post, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiCookieAuth, ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { originOf } from '../auth/request.origin.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { CurrentUser, RequireRole, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { RequireAuthAge } from '../session/step-up.decorators.js';
import { recoveryAuthAge, recoveryCodeSchema } from './person-access.schemas.js';
import { PersonAccess } from './person-access.service.js';

/** The way back in for people who get no mail. */
@ApiTags('users')
@ApiCookieAuth()
@ApiBearerAuth()
@RequireRole('admin')
@Controller('api/v1/users/:id/recovery')
export class PersonRecoveryController {
  readonly #access: PersonAccess;

  constructor(access: PersonAccess) {
    this.#access = access;
  }

  @Post()
  @RequireScope('users:write')
  @RequireAuthAge(recoveryAuthAge)
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'Make a recovery code for a user',
    description:
      'For places without mail: hand the person the link and, by another way, the code. They open the link, enter the code, and are logged in to choose a new password; a second factor that they have is still asked for. Needs a login within the last 5 minutes, which no API key has. Only where Ory is the provider: at Auth0 and OpenID providers it is 403. 409 for a user who is disabled, for service accounts, and for oneself: that is what the settings are for.',
  })
  @ApiParam({ name: 'id', description: 'Id of the user.', schema: { type: 'string', format: 'uuid' } })
  @ApiResponse({ status: 201, description: 'Made; shown once.', standardSchema: recoveryCodeSchema })
  @ApiProblems(
    'unauthenticated',
    'reauthentication_required',
    'forbidden',
    'insufficient_scope',
    'cross_site_request',
    'not_found',
    'conflict',
    'provider_unavailable',
    'database_unavailable',
  )
  async create(
    @Param('id') id: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
  ): Promise<z.output<typeof recoveryCodeSchema>> {
    return this.#access.createRecoveryCode(id, { principal, origin: originOf(request) });
  }
}
