import { Controller, Delete, Get, HttpCode, Param, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiCookieAuth, ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { ApiProblems } from '../http/openapi.decorators.js';
import { CurrentUser, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { fullScope } from '../session/scopes.js';
import { SessionCookie } from '../session/session.cookie.js';
import { AccountSessions } from './account-sessions.service.js';
import { originOf } from './request.origin.js';
import { endedAnswerSchema, sessionsAnswerSchema } from './sessions.schemas.js';

/** The caller's own sessions. */
@ApiTags('auth')
@ApiCookieAuth()
@ApiBearerAuth()
@RequireScope(fullScope)
@Controller('auth/sessions')
export class SessionsController {
  readonly #sessions: AccountSessions;
  readonly #cookie: SessionCookie;

  constructor(sessions: AccountSessions, cookie: SessionCookie) {
    this.#sessions = sessions;
    this.#cookie = cookie;
  }

  @Get()
  @ApiOperation({
    summary: 'Where am I logged in?',
    description: "The caller's live sessions, newest first.",
  })
  @ApiResponse({ status: 200, description: 'The live sessions.', standardSchema: sessionsAnswerSchema })
  @ApiProblems('unauthenticated', 'insufficient_scope', 'database_unavailable')
  async list(@CurrentUser() principal: Principal): Promise<z.output<typeof sessionsAnswerSchema>> {
    return { items: await this.#sessions.list(principal), nextCursor: null };
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({
    summary: 'End one of my sessions',
    description:
      'Its cookie and its bearer tokens are refused at once, and its login at the provider is ended where the provider allows that. To leave the provider in this browser too, use `POST /auth/logout`.',
  })
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } })
  @ApiResponse({ status: 204, description: 'Ended; the cookie is gone if it was the current one.' })
  @ApiProblems(
    'unauthenticated',
    'insufficient_scope',
    'cross_site_request',
    'not_found',
    'database_unavailable',
  )
  async end(
    @Param('id') id: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const { current } = await this.#sessions.end(principal, id, originOf(request));
    if (current) {
      this.#cookie.clear(reply);
    }
  }

  @Delete()
  @ApiOperation({
    summary: 'Log out everywhere else',
    description: "Ends all of the caller's sessions but the one of this request, also at the provider.",
  })
  @ApiResponse({ status: 200, description: 'Ended.', standardSchema: endedAnswerSchema })
  @ApiProblems('unauthenticated', 'insufficient_scope', 'cross_site_request', 'database_unavailable')
  async endOthers(
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
  ): Promise<z.output<typeof endedAnswerSchema>> {
    return { ended: await this.#sessions.endOthers(principal, originOf(request)) };
  }
}
