import { Controller, Get, Header, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import { recoveryAuthAge, recoveryCodeSchema } from '../../accounts/admin/user-access.schemas.js';
import { RequireRole } from '../../session/guards/access.decorators.js';
import { RequireAuthAge } from '../../session/guards/step-up.decorators.js';
import { ApiClient } from '../api.client.js';
import { PageSender } from '../page-sender.js';
import { UserQuestionPage } from '../views/admin/user-question.view.js';
import { CreatedRecoveryPage } from '../views/admin/user-recovery.view.js';
import { idPart } from './admin-addresses.js';
import { leadingBackTo, refusalOf } from './admin-refusals.js';
import { AdminUserPages } from './admin-user.pages.js';

/** The page that creates a recovery code for a user who can't receive mail. */
@ApiExcludeController()
@Controller('admin/users/:id/recovery')
@RequireRole('admin')
export class AdminRecoveryController {
  constructor(
    private readonly api: ApiClient,
    private readonly user: AdminUserPages,
    private readonly pages: PageSender,
  ) {}

  /** Asks for confirmation. It requires a recent login already, so that the form isn't refused for lack of one. */
  @Get()
  @RequireAuthAge(recoveryAuthAge)
  async ask(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const user = await this.user.find(request, id);
    await this.pages.send(request, reply, h(UserQuestionPage, { user, question: 'recovery' }));
  }

  /** Creates the code. Only this response shows the link and the code: a redirect would have to store them somewhere. */
  @Post()
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async create(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const user = await this.user.find(request, id);
    const call = { method: 'POST', path: `/api/v1/users/${idPart(id)}/recovery` } as const;
    const made = await this.api
      .change(request, reply, call, recoveryCodeSchema)
      .catch((error: unknown) => refusalOf(leadingBackTo(`/admin/users/${idPart(id)}/recovery`, error)));
    if ('detail' in made) {
      const page = h(UserQuestionPage, { user, question: 'recovery', refusal: made.detail });
      await this.pages.send(request, reply.code(made.status), page);
      return;
    }
    await this.pages.send(request, reply, h(CreatedRecoveryPage, { user, ...made }));
  }
}
