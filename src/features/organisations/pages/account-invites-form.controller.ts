import { Controller, Param, Post, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { redeemedSchema } from '../../invites/invite.schemas.js';
import { ApiClient } from '../../../pages/api.client.js';
import { noContent, noticeOf, seeOther } from '../../../pages/form-answer.js';

/** The forms of the account page's list of invitations. */
@ApiExcludeController()
@Controller('account/invites')
export class AccountInvitesFormController {
  constructor(private readonly api: ApiClient) {}

  @Post(':id/accept')
  async accept(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const call = { method: 'POST', path: `/api/v1/me/invites/${encodeURIComponent(id)}/accept` } as const;
    const change = this.api.change(reply, call, redeemedSchema);
    await seeOther(reply, '/', await noticeOf(change, 'invite_accepted', 'invite_over'));
  }

  @Post(':id/decline')
  async decline(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const call = { method: 'POST', path: `/api/v1/me/invites/${encodeURIComponent(id)}/decline` } as const;
    const change = this.api.change(reply, call, noContent);
    await seeOther(reply, '/', await noticeOf(change, 'invite_declined', 'invite_over'));
  }
}
