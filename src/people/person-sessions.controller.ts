import { Controller, Delete, Get, HttpCode, Param, Req, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCookieAuth,
  ApiOperation,
  ApiParam,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { originOf } from '../auth/request.origin.js';
import { endedAnswerSchema, sessionsAnswerSchema } from '../auth/sessions.schemas.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { CurrentUser, RequireRole, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { SessionCookie } from '../session/session.cookie.js';
import { PersonAccess } from './person-access.service.js';

/** Somebody's sessions, for administrators. */
@ApiTags('users')
@ApiCookieAuth()
@ApiBearerAuth()
@ApiSecurity('apiKey')
@ApiParam({ name: 'id', description: 'Id of the user.', schema: { type: 'string', format: 'uuid' } })
@RequireRole('admin')
@Controller('api/v1/users/:id/sessions')
export class PersonSessionsController {
  readonly #access: PersonAccess;
  readonly #cookie: SessionCookie;

  constructor(access: PersonAccess, cookie: SessionCookie) {
    this.#access = access;
    this.#cookie = cookie;
  }

  @Get()
  @RequireScope('users:read')
  @ApiOperation({ summary: 'A user’s sessions', description: 'Live ones, newest first.' })
  @ApiResponse({ status: 200, description: 'The live sessions.', standardSchema: sessionsAnswerSchema })
  @ApiProblems('unauthenticated', 'forbidden', 'insufficient_scope', 'not_found', 'database_unavailable')
  async list(
    @Param('id') id: string,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof sessionsAnswerSchema>> {
    return { items: await this.#access.sessionsOf(id, principal), nextCursor: null };
  }

  @Delete()
  @RequireScope('users:write')
  @ApiOperation({
    summary: 'End all of a user’s sessions',
    description:
      'Also at the provider. They can log in again, and API keys go on: `POST /api/v1/users/{id}/disable` ends that too. Of one’s own, the one of this request is among them.',
  })
  @ApiResponse({ status: 200, description: 'Ended.', standardSchema: endedAnswerSchema })
  @ApiProblems(
    'unauthenticated',
    'forbidden',
    'insufficient_scope',
    'cross_site_request',
    'not_found',
    'database_unavailable',
  )
  async endAll(
    @Param('id') id: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof endedAnswerSchema>> {
    const by = { principal, origin: originOf(request) };
    const { ended, current } = await this.#access.endSessions(id, by);
    this.#clearIf(current, reply);
    return { ended };
  }

  @Delete(':sessionId')
  @HttpCode(204)
  @RequireScope('users:write')
  @ApiOperation({
    summary: 'End one of a user’s sessions',
    description:
      'Its cookie and its bearer tokens are refused at once, and its login at the provider is ended where the provider allows that.',
  })
  @ApiParam({
    name: 'sessionId',
    description: 'Id of the session.',
    schema: { type: 'string', format: 'uuid' },
  })
  @ApiResponse({ status: 204, description: 'Ended.' })
  @ApiProblems(
    'unauthenticated',
    'forbidden',
    'insufficient_scope',
    'cross_site_request',
    'not_found',
    'database_unavailable',
  )
  async end(
    @Param('id') id: string,
    @Param('sessionId') sessionId: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const by = { principal, origin: originOf(request) };
    const { current } = await this.#access.endSession(id, sessionId, by);
    this.#clearIf(current, reply);
  }

  #clearIf(current: boolean, reply: FastifyReply): void {
    if (current) {
      this.#cookie.clear(reply);
    }
  }
}
