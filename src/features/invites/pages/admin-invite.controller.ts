import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import {
  accountInviteListSchema,
  createdAccountInviteSchema,
  createdInviteSchema,
} from '../invite.schemas.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { RequireRole } from '../../../session/guards/access.decorators.js';
import { ApiClient } from '../../../pages/api.client.js';
import { formField, noContent, noticeOf, seeOther } from '../../../pages/form-answer.js';
import { type FormTexts, formErrorsOf } from '../../../pages/form-errors.js';
import { FeatureParts } from '../../../pages/feature-parts.js';
import { PageSender } from '../../../pages/page-sender.js';
import { AdminInvitePage, type AdminInvitePageProps, InvitedPage } from '../views/admin-invite.view.js';
import { noticeIn } from '../../../pages/views/notice.view.js';
import { idPart } from '../../../pages/admin/admin-addresses.js';
import { refusalOf } from '../../../pages/admin/admin-refusals.js';

const formSchema = z.object({
  email: formField,
  org: formField,
  role: formField,
});
const texts: FormTexts = { fields: { email: 'invites.error.email', role: 'orgs.error.role' } };
/** The newest invitations that the page lists. */
const listed = 50;

/** The page where an administrator invites a person to an account, and to an organisation of their choice. */
@ApiExcludeController()
@Controller('admin/invite')
@RequireRole('admin')
export class AdminInviteController {
  constructor(
    private readonly api: ApiClient,
    private readonly pages: PageSender,
    private readonly parts: FeatureParts,
  ) {}

  @Get()
  async form(@Query('notice') notice: unknown, @Res() reply: FastifyReply): Promise<void> {
    await this.#send(reply, { notice: noticeIn(notice) });
  }

  /** Creates an invitation. If it wasn't mailed, only this response shows its link. */
  @Post()
  @HttpCode(200)
  async invite(
    @Body({ schema: formSchema }) values: z.output<typeof formSchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { email, org, role } = values;
    const isAlone = org === '';
    const path = isAlone ? '/api/v1/invites' : `/api/v1/orgs/${idPart(org)}/invites`;
    const call = { method: 'POST', path, body: { email, ...(isAlone ? {} : { role }) } } as const;
    const made = await this.api
      .change(reply, call, isAlone ? createdAccountInviteSchema : createdInviteSchema)
      .catch((error: unknown) => (isConflict(error) ? refusalOf(error) : formErrorsOf(error, values, texts)));
    if ('form' in made) {
      await this.#send(reply.code(made.status), { form: made.form });
      return;
    }
    if ('detail' in made) {
      const form = { values, errors: {} };
      await this.#send(reply.code(made.status), { form, refusal: made.detail });
      return;
    }
    if (made.url === null) {
      // There, those for an account alone are listed.
      const isHere = isAlone || !this.pages.hasFeature('user-administration');
      await seeOther(reply, isHere ? '/admin/invite' : '/admin/users', 'invite_mailed');
      return;
    }
    await this.pages.send(reply, h(InvitedPage, { email, opensSignUp: made.opensSignUp, url: made.url }));
  }

  @Post(':id/revoke')
  async revoke(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const call = { method: 'DELETE', path: `/api/v1/invites/${idPart(id)}` } as const;
    const change = this.api.change(reply, call, noContent);
    await seeOther(reply, '/admin/invite', await noticeOf(change, 'invite_revoked', 'invite_over'));
  }

  async #send(
    reply: FastifyReply,
    news: Pick<AdminInvitePageProps, 'notice' | 'form' | 'refusal'>,
  ): Promise<void> {
    const [orgs, { items: invites }] = await Promise.all([
      this.parts.orgs.choices(reply.request),
      this.api.read(reply.request, `/api/v1/invites?limit=${listed}`, accountInviteListSchema),
    ]);
    await this.pages.send(reply, h(AdminInvitePage, { orgs, invites, ...news }));
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof Problem && error.code === 'conflict';
}
