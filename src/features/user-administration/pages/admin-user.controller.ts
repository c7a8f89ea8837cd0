import { Body, Controller, Get, Header, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { recoveryAuthAge, recoveryCodeSchema } from '../user-access.schemas.js';
import { userDetailSchema } from '../users.schemas.js';
import { RequireRole } from '../../../session/guards/access.decorators.js';
import { RequireAuthAge } from '../../../session/guards/step-up.decorators.js';
import { type ApiCall, ApiClient } from '../../../pages/api.client.js';
import { cursorSchema } from '../../../pages/session-pages.js';
import { formField, noContent, noticeOf, seeOther } from '../../../pages/form-answer.js';
import { PageSender } from '../../../pages/page-sender.js';
import { CreatedRecoveryPage } from '../views/user-recovery.view.js';
import { noticeIn, type PageNotice } from '../../../pages/views/notice.view.js';
import { idPart } from '../../../pages/admin/admin-addresses.js';
import { leadingBackTo, type Refusal, refusalOf } from '../../../pages/admin/admin-refusals.js';
import { AdminUserPages } from './admin-user.pages.js';

const roleFormSchema = z.object({ role: formField });

/** The administration's page of one user, with their role, disabling, deletion, and what an administrator does when they are locked out. */
@ApiExcludeController()
@Controller('admin/users/:id')
@RequireRole('admin')
export class AdminUserController {
  constructor(
    private readonly api: ApiClient,
    private readonly user: AdminUserPages,
    private readonly pages: PageSender,
  ) {}

  @Get()
  async page(
    @Param('id') id: string,
    @Query('notice') notice: unknown,
    @Query('about') about: unknown,
    @Query('sessions') sessions: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const sessionsCursor = cursorSchema.parse(sessions);
    await this.user.send(reply, id, { notice: noticeIn(notice), about, sessionsCursor });
  }

  @Post('role')
  async changeRole(
    @Param('id') id: string,
    @Body({ schema: roleFormSchema }) body: z.output<typeof roleFormSchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#change(reply, id, { method: 'PATCH', path: '', body }, 'role_changed');
  }

  @Post('disable')
  async disable(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    await this.#change(reply, id, { method: 'POST', path: '/disable' }, 'user_disabled');
  }

  @Post('enable')
  async enable(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    await this.#change(reply, id, { method: 'POST', path: '/enable' }, 'user_enabled');
  }

  /** Asks for confirmation. */
  @Get('delete')
  async askToDelete(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    await this.user.ask(reply, id, 'delete');
  }

  @Post('delete')
  async delete(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const call = { method: 'DELETE', path: `/api/v1/users/${idPart(id)}` } as const;
    const deletion = this.api.change(reply, call, noContent);
    const outcome = await noticeOf(deletion, 'user_deleted', 'user_gone').catch((error: unknown) =>
      this.#refusal(id, error, '/delete'),
    );
    if (typeof outcome === 'string') {
      await seeOther(reply, '/admin/users', outcome);
      return;
    }
    await this.user.ask(reply, id, 'delete', outcome);
  }

  /** Asks for confirmation. It requires a recent login already, so that the form isn't refused for lack of one. */
  @Get('recovery')
  @RequireAuthAge(recoveryAuthAge)
  async askToRecover(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    await this.user.ask(reply, id, 'recovery');
  }

  /**
   * Creates a recovery code for a user who can't receive mail. Only this response shows the link and the code: a redirect would have to store
   * them somewhere.
   */
  @Post('recovery')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async recover(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const user = await this.user.find(reply.request, id);
    const call = { method: 'POST', path: `/api/v1/users/${idPart(id)}/recovery` } as const;
    const made = await this.api
      .change(reply, call, recoveryCodeSchema)
      .catch((error: unknown) => this.#refusal(id, error, '/recovery'));
    if ('detail' in made) {
      await this.user.ask(reply, id, 'recovery', made);
      return;
    }
    await this.pages.send(reply, h(CreatedRecoveryPage, { user, ...made }));
  }

  /** Asks for confirmation. It requires a recent login already, as that of a recovery does. */
  @Get('second-factors')
  @RequireAuthAge(recoveryAuthAge)
  async askToReset(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    await this.user.ask(reply, id, 'second-factors');
  }

  /** Resets the second factors of a user who has lost them. */
  @Post('second-factors')
  async reset(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const call = { method: 'DELETE', path: `/api/v1/users/${idPart(id)}/second-factors` } as const;
    const refusal = await this.api
      .change(reply, call, noContent)
      .catch((error: unknown) => this.#refusal(id, error, '/second-factors'));
    if (refusal === undefined) {
      await seeOther(reply, `/admin/users/${idPart(id)}`, 'second_factors_reset');
      return;
    }
    await this.user.ask(reply, id, 'second-factors', refusal);
  }

  /**
   * Makes an API call about the user. Then redirects to their page with a notice, or shows it with the refusal.
   * @param call its path is relative to the user's.
   */
  async #change(reply: FastifyReply, id: string, call: ApiCall, done: PageNotice): Promise<void> {
    const path = `/api/v1/users/${idPart(id)}${call.path}`;
    const outcome = await this.api
      .change(reply, { ...call, path }, userDetailSchema)
      .catch((error: unknown) => this.#refusal(id, error));
    if ('detail' in outcome) {
      await this.user.send(reply, id, { refusal: outcome });
      return;
    }
    await seeOther(reply, `/admin/users/${idPart(id)}`, done);
  }

  /**
   * The refusal to show on the page.
   * @param page path of the form's page, relative to the user's.
   * @throws the error itself, if its status isn't 409; a login that it requires returns to the page.
   */
  #refusal(id: string, error: unknown, page = ''): Refusal {
    return refusalOf(leadingBackTo(`/admin/users/${idPart(id)}${page}`, error));
  }
}
