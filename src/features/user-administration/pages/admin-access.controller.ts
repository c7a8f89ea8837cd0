import { Controller, Param, Post, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { endedAnswerSchema } from '../../../accounts/sessions/sessions.schemas.js';
import { RequireRole } from '../../../session/guards/access.decorators.js';
import { ApiClient } from '../../../pages/api.client.js';
import { noContent, noticeOf, seeOther } from '../../../pages/form-answer.js';
import { idPart } from '../../../pages/admin/admin-addresses.js';
import { AdminUserPages } from './admin-user.pages.js';

/** The forms that end a user's sessions and revoke their API keys. */
@ApiExcludeController()
@Controller('admin/users/:id')
@RequireRole('admin')
export class AdminAccessController {
  constructor(
    private readonly api: ApiClient,
    private readonly user: AdminUserPages,
  ) {}

  @Post('sessions/end')
  async endSessions(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const call = { method: 'DELETE', path: `/api/v1/users/${idPart(id)}/sessions` } as const;
    await this.api.change(reply, call, endedAnswerSchema);
    await seeOther(reply, `/admin/users/${idPart(id)}`, 'sessions_ended');
  }

  @Post('sessions/:sessionId/end')
  async endSession(
    @Param('id') id: string,
    @Param('sessionId') sessionId: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    // An unknown user is a 404. An unknown session isn't: the administrator wanted it ended, and it has ended.
    await this.user.find(reply.request, id);
    const path = `/api/v1/users/${idPart(id)}/sessions/${idPart(sessionId)}`;
    const change = this.api.change(reply, { method: 'DELETE', path }, noContent);
    const notice = await noticeOf(change, 'session_ended', 'session_gone');
    await seeOther(reply, `/admin/users/${idPart(id)}`, notice);
  }

  @Post('api-keys/:keyId/revoke')
  async revokeKey(
    @Param('id') id: string,
    @Param('keyId') keyId: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.user.find(reply.request, id);
    const path = `/api/v1/users/${idPart(id)}/api-keys/${idPart(keyId)}`;
    const change = this.api.change(reply, { method: 'DELETE', path }, noContent);
    await seeOther(reply, `/admin/users/${idPart(id)}`, await noticeOf(change, 'key_revoked', 'key_gone'));
  }
}
