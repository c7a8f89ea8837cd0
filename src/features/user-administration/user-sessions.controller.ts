import { Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { endedAnswerSchema, sessionsAnswerSchema } from '../../accounts/sessions/sessions.schemas.js';
import { type PageQuery, pageQuerySchema } from '../../platform/http/page-cursor.js';
import { CurrentUser } from '../../session/guards/access.decorators.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import type { Caller, Principal } from '../../session/principal.js';
import { SessionCookie } from '../../session/cookie/session-cookie.js';
import { UserDirectory, requireUserId } from '../../directory/users/user-directory.js';
import { byAdministrator } from '../../accounts/actor-context.js';
import { AccountSessions } from '../../accounts/sessions/account-sessions.service.js';

/** The routes with which administrators list and end a user's sessions. */
@ApiController('api/v1/users/:id/sessions', {
  tag: 'users',
  role: 'admin',
  ids: { id: 'Id of the user.' },
  problems: ['database_unavailable'],
})
export class UserSessionsController {
  constructor(
    private readonly directory: UserDirectory,
    private readonly sessions: AccountSessions,
    private readonly cookie: SessionCookie,
  ) {}

  @ApiRoute('GET', '', {
    scope: 'users:read',
    summary: 'List a user’s sessions',
    description: 'Only live sessions, newest first.',
    answer: { description: 'One page of live sessions.', schema: sessionsAnswerSchema },
    problems: ['not_found'],
  })
  async list(
    @Param('id') id: string,
    @Query({ schema: pageQuerySchema }) page: PageQuery,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof sessionsAnswerSchema>> {
    const user = await this.directory.require(id);
    return this.sessions.listOf(user.id, principal, page);
  }

  @ApiRoute('DELETE', '', {
    scope: 'users:write',
    summary: 'End all of a user’s sessions',
    description:
      'The sessions end here and at the provider. The user can log in again, and their API keys keep working; to stop both, use `POST /api/v1/users/{id}/disable`. If you call this for yourself, the current session ends too.',
    answer: { description: 'Ended. The response has the number of sessions.', schema: endedAnswerSchema },
    problems: ['not_found'],
  })
  async endAll(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof endedAnswerSchema>> {
    const user = await this.directory.require(id);
    const ended = await this.sessions.endAllOf(user.id, byAdministrator(caller));
    this.#clearIfOwn(ended, caller, reply);
    return { ended: ended.length };
  }

  @ApiRoute('DELETE', ':sessionId', {
    scope: 'users:write',
    summary: 'End one of a user’s sessions',
    description:
      'The session’s cookie and bearer tokens are refused at once. The session at the provider is ended too, where the provider allows that.',
    ids: { sessionId: 'Id of the session.' },
    answer: { description: 'Ended.' },
    problems: ['not_found'],
  })
  async end(
    @Param('id') id: string,
    @Param('sessionId') sessionId: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const ended = await this.sessions.endOf(requireUserId(id), sessionId, byAdministrator(caller));
    this.#clearIfOwn([ended.id], caller, reply);
  }

  #clearIfOwn(ended: readonly string[], { principal }: Caller, reply: FastifyReply): void {
    if (ended.includes(principal.claims.sid)) {
      this.cookie.clear(reply);
    }
  }
}
