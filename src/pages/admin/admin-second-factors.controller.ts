import { Controller, Get, Param, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import { recoveryAuthAge } from '../../accounts/admin/user-access.schemas.js';
import { RequireRole } from '../../session/guards/access.decorators.js';
import { RequireAuthAge } from '../../session/guards/step-up.decorators.js';
import { ApiClient } from '../api.client.js';
import { noContent, seeOther } from '../form-answer.js';
import { PageSender } from '../page-sender.js';
import { UserQuestionPage } from '../views/admin/user-question.view.js';
import { idPart } from './admin-addresses.js';
import { leadingBackTo, refusalOf } from './admin-refusals.js';
import { AdminUserPages } from './admin-user.pages.js';

/** The page that resets the second factors of a user who has lost them. */
@ApiExcludeController()
@Controller('admin/users/:id/second-factors')
@RequireRole('admin')
export class AdminSecondFactorsController {
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
    await this.pages.send(request, reply, h(UserQuestionPage, { user, question: 'second-factors' }));
  }

  @Post()
  async reset(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const page = `/admin/users/${idPart(id)}`;
    const call = { method: 'DELETE', path: `/api/v1/users/${idPart(id)}/second-factors` } as const;
    const refusal = await this.api
      .change(request, reply, call, noContent)
      .catch((error: unknown) => refusalOf(leadingBackTo(`${page}/second-factors`, error)));
    if (refusal === undefined) {
      await seeOther(reply, page, 'second_factors_reset');
      return;
    }
    const user = await this.user.find(request, id);
    const question = h(UserQuestionPage, { user, question: 'second-factors', refusal: refusal.detail });
    await this.pages.send(request, reply.code(refusal.status), question);
  }
}
