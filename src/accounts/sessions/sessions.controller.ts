import { Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { type PageQuery, pageQuerySchema } from '../../platform/http/page-cursor.js';
import { CurrentUser, RequireScope } from '../../session/guards/access.decorators.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import type { Caller, Principal } from '../../session/principal.js';
import { fullScope } from '../../session/guards/scopes.js';
import { SessionCookie } from '../../session/cookie/session-cookie.js';
import { AccountSessions } from './account-sessions.service.js';
import { endedAnswerSchema, sessionsAnswerSchema } from './sessions.schemas.js';

/** The routes that list and end the caller's own sessions. */
@ApiController('auth/sessions', {
  tag: 'auth',
  credentials: ['bearer', 'cookie'],
  problems: ['database_unavailable'],
})
@RequireScope(fullScope)
export class SessionsController {
  constructor(
    private readonly sessions: AccountSessions,
    private readonly cookie: SessionCookie,
  ) {}

  @ApiRoute('GET', '', {
    summary: 'List my sessions',
    description: 'The caller’s live sessions, newest first.',
    answer: { description: 'One page of live sessions.', schema: sessionsAnswerSchema },
  })
  async list(
    @Query({ schema: pageQuerySchema }) page: PageQuery,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof sessionsAnswerSchema>> {
    return this.sessions.listOf(principal.claims.sub, principal, page);
  }

  @ApiRoute('DELETE', ':id', {
    summary: 'End one of my sessions',
    description:
      'The session’s cookie and bearer tokens are refused at once. The session at the provider is ended too, where the provider allows that. To also log out of the provider in this browser, use `POST /auth/logout`.',
    ids: { id: 'Id of the session.' },
    answer: { description: 'Ended. If it was the current session, the cookie is cleared.' },
    problems: ['not_found'],
  })
  async end(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const { current } = await this.sessions.end(caller, id);
    if (current) {
      this.cookie.clear(reply);
    }
  }

  @ApiRoute('DELETE', '', {
    summary: 'End all my other sessions',
    description: 'Ends all of the caller’s sessions except the current one, here and at the provider.',
    answer: { description: 'Ended. The response has the number of sessions.', schema: endedAnswerSchema },
  })
  async endOthers(@CurrentCaller() caller: Caller): Promise<z.output<typeof endedAnswerSchema>> {
    return { ended: await this.sessions.endOthers(caller) };
  }
}
