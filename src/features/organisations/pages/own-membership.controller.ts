import { Controller, Get, Param, Post, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { Problem } from '../../../platform/errors/problem.error.js';
import { UserDirectory } from '../../../directory/users/user-directory.js';
import { membershipSchema, switchedSchema } from '../org-management.schemas.js';
import { CurrentUser } from '../../../session/guards/access.decorators.js';
import type { Principal } from '../../../session/principal.js';
import { ApiClient } from '../../../pages/api.client.js';
import { noContent, noticeOf, seeOther } from '../../../pages/form-answer.js';
import type { PageNotice } from '../../../pages/views/notice.view.js';
import { OrgQuestionPage } from '../views/org-question.view.js';
import { OrgPages, orgPath } from '../../../pages/orgs/org.pages.js';

/** The forms of a person's own membership: switching to an organisation, joining it and leaving it. */
@ApiExcludeController()
@Controller('orgs/:id')
export class OwnMembershipController {
  constructor(
    private readonly api: ApiClient,
    private readonly pages: OrgPages,
    private readonly users: UserDirectory,
  ) {}

  @Post('switch')
  async switchTo(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    await this.api.change(reply, { method: 'POST', path: orgPath(id, '/switch') }, switchedSchema);
    await seeOther(reply, '/', 'org_switched');
  }

  @Post('join')
  async join(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const change = this.api.change(reply, { method: 'POST', path: orgPath(id, '/join') }, membershipSchema);
    const done = ({ state }: { readonly state: string }): PageNotice =>
      state === 'active' ? 'org_joined' : 'org_asked';
    await seeOther(reply, '/', await noticeOf(change, done, 'org_not_joined'));
  }

  @Get('leave')
  async ask(
    @Param('id') id: string,
    @CurrentUser() { claims }: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { org, can } = await this.pages.open(reply, id);
    if (!can('member.leave')) {
      throw new Problem('not_found', { reason: 'no_such_member' });
    }
    const ownedAlone = await this.users.orgsOwnedAlone(claims.sub);
    const problem = ownedAlone.some((other) => other.id === org.id) ? 'orgs.error.lastOwner' : undefined;
    await this.pages.send(reply, h(OrgQuestionPage, { org, question: 'leave', problem }));
  }

  @Post('leave')
  async leave(
    @Param('id') id: string,
    @CurrentUser() { claims }: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const call = {
      method: 'DELETE',
      path: orgPath(id, `/members/${encodeURIComponent(claims.sub)}`),
    } as const;
    try {
      const change = this.api.change(reply, call, noContent);
      await seeOther(reply, '/', await noticeOf(change, 'org_left', 'org_gone'));
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'owner_needed') {
        throw error;
      }
      const { org } = await this.pages.open(reply, id);
      const page = h(OrgQuestionPage, { org, question: 'leave', problem: 'orgs.error.lastOwner' });
      await this.pages.send(reply, page, error.definition.status);
    }
  }
}
