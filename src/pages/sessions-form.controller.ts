import { Controller, Param, Post, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { endedAnswerSchema } from '../accounts/sessions/sessions.schemas.js';
import { ApiClient } from './api.client.js';
import { noContent, noticeOf, seeOther } from './form-answer.js';

/** The forms of the account page's list of sessions. */
@ApiExcludeController()
@Controller('account/sessions')
export class SessionsFormController {
  constructor(private readonly api: ApiClient) {}

  @Post('end-others')
  async endOthers(@Res() reply: FastifyReply): Promise<void> {
    await this.api.change(reply, { method: 'DELETE', path: '/auth/sessions' }, endedAnswerSchema);
    await seeOther(reply, '/', 'others_ended');
  }

  @Post(':id/end')
  async end(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const call = { method: 'DELETE', path: `/auth/sessions/${encodeURIComponent(id)}` } as const;
    const change = this.api.change(reply, call, noContent);
    await seeOther(reply, '/', await noticeOf(change, 'session_ended', 'session_gone'));
  }
}
