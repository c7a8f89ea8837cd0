import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { createdInviteSchema, inviteListSchema } from '../../invites/invite.schemas.js';
import { requireId } from '../../../orgs/org-access.js';
import { leadingBackTo } from '../../../pages/admin/admin-refusals.js';
import { ApiClient } from '../../../pages/api.client.js';
import { formField, noContent, noticeOf, seeOther } from '../../../pages/form-answer.js';
import { formErrorsOf } from '../../../pages/form-errors.js';
import { CreatedInvitePage, OrgInvitesPage, type OrgInvitesPageProps } from '../views/org-invites.view.js';
import { OrgPages, orgPage, orgPath } from '../../../pages/orgs/org.pages.js';
import { type ListQuery, listQuerySchema } from '../../../pages/orgs/org.query.js';

const formSchema = z.object({ email: formField, role: formField });

const texts = {
  fields: { email: 'invites.error.email', role: 'orgs.error.role' },
  conflicts: { too_many_invites: { text: 'invites.error.tooMany' } },
} as const;

/** The page of an organisation's invitations, and its forms. */
@ApiExcludeController()
@Controller('orgs/:id/invites')
export class OrgInvitesPageController {
  constructor(
    private readonly api: ApiClient,
    private readonly pages: OrgPages,
  ) {}

  @Get()
  async invites(
    @Param('id') id: string,
    @Query({ schema: listQuerySchema }) { after, notice }: ListQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const page = await this.#pageOf(reply, id, after);
    await this.pages.send(reply, h(OrgInvitesPage, { ...page, notice }));
  }

  /** Creates an invitation. If it wasn't mailed, only this response shows its link. */
  @Post()
  @HttpCode(200)
  async create(
    @Param('id') id: string,
    @Body({ schema: formSchema }) values: z.output<typeof formSchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { email, role } = values;
    const body = { role, ...(email === '' ? {} : { email }) };
    const call = { method: 'POST', path: orgPath(id, '/invites'), body } as const;
    const made = await this.api
      .change(reply, call, createdInviteSchema)
      .catch((error: unknown) => formErrorsOf(leadingBackTo(orgPage(id, '/invites'), error), values, texts));
    if ('form' in made) {
      const page = await this.#pageOf(reply, id);
      await this.pages.send(reply, h(OrgInvitesPage, { ...page, form: made.form }), made.status);
      return;
    }
    if (made.url === null) {
      await seeOther(reply, orgPage(id, '/invites'), 'invite_mailed');
      return;
    }
    const { org } = await this.pages.open(reply, id);
    const page = h(CreatedInvitePage, { org, ...made, url: made.url });
    await this.pages.send(reply, page);
  }

  @Post(':inviteId/revoke')
  async revoke(
    @Param('id') id: string,
    @Param('inviteId') inviteId: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const call = { method: 'DELETE', path: orgPath(id, `/invites/${requireId(inviteId)}`) } as const;
    const change = this.api.change(reply, call, noContent);
    const notice = await noticeOf(change, 'invite_revoked', 'invite_over');
    await seeOther(reply, orgPage(id, '/invites'), notice);
  }

  async #pageOf(reply: FastifyReply, id: string, after?: string): Promise<OrgInvitesPageProps> {
    const open = await this.pages.open(reply, id);
    const place = { path: orgPath(id, '/invites'), after };
    const invites = await this.pages.list(reply, place, inviteListSchema);
    return { ...open, invites, isLater: after !== undefined };
  }
}
