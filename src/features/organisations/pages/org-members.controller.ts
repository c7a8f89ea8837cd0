import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { Problem } from '../../../platform/errors/problem.error.js';
import { UserDirectory } from '../../../directory/users/user-directory.js';
import { requireId } from '../../../orgs/org-access.js';
import { memberListSchema, membershipSchema } from '../org-management.schemas.js';
import { CurrentUser } from '../../../session/guards/access.decorators.js';
import type { Principal } from '../../../session/principal.js';
import { leadingBackTo } from '../../../pages/admin/admin-refusals.js';
import { type ApiCall, ApiClient } from '../../../pages/api.client.js';
import { formField, noContent, noticeOf, seeOther } from '../../../pages/form-answer.js';
import type { PageNotice } from '../../../pages/views/notice.view.js';
import { OrgMembersPage, type OrgMembersPageProps } from '../views/org-members.view.js';
import { OrgPages, orgPage, orgPath } from '../../../pages/orgs/org.pages.js';
import { type ListQuery, listQuerySchema } from '../../../pages/orgs/org.query.js';

const roleFormSchema = z.object({ role: formField });

/** A member of an organisation, or somebody who has asked to join, by the ids in the URL. */
interface Place {
  readonly id: string;
  readonly userId: string;
}

/** The page of an organisation's members, and its forms. */
@ApiExcludeController()
@Controller('orgs/:id')
export class OrgMembersPageController {
  constructor(
    private readonly api: ApiClient,
    private readonly pages: OrgPages,
    private readonly users: UserDirectory,
  ) {}

  @Get()
  async members(
    @Param('id') id: string,
    @Query({ schema: listQuerySchema }) query: ListQuery,
    @CurrentUser() { claims }: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const page = await this.#pageOf(reply, id, claims.sub, query.after);
    await this.pages.send(reply, h(OrgMembersPage, { ...page, notice: query.notice }));
  }

  @Post('members/:userId/role')
  async setRole(
    @Param() place: Place,
    @Body({ schema: roleFormSchema }) { role }: z.output<typeof roleFormSchema>,
    @CurrentUser() principal: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const call = { method: 'PATCH', path: memberPath(place), body: { role } } as const;
    const change = this.api.change(reply, call, membershipSchema);
    await this.#answer({ place, principal, reply }, change, 'member_saved', 'member_gone');
  }

  @Post('members/:userId/remove')
  async remove(
    @Param() place: Place,
    @CurrentUser() principal: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const change = this.api.change(reply, { method: 'DELETE', path: memberPath(place) }, noContent);
    await this.#answer({ place, principal, reply }, change, 'member_removed', 'member_gone');
  }

  @Post('members/:userId/approve')
  async approve(@Param() place: Place, @Res() reply: FastifyReply): Promise<void> {
    const call: ApiCall = { method: 'POST', path: `${memberPath(place)}/approve` };
    const change = this.api.change(reply, call, membershipSchema);
    const notice = await noticeOf(change, 'request_approved', 'request_gone');
    await seeOther(reply, orgPage(place.id), notice);
  }

  @Post('members/:userId/reject')
  async reject(@Param() place: Place, @Res() reply: FastifyReply): Promise<void> {
    const change = this.api.change(reply, { method: 'POST', path: `${memberPath(place)}/reject` }, noContent);
    const notice = await noticeOf(change, 'request_rejected', 'request_gone');
    await seeOther(reply, orgPage(place.id), notice);
  }

  /** Responds to a change: redirects with a notice, or shows that the organisation needs its last owner. */
  async #answer(
    { place, principal, reply }: { place: Place; principal: Principal; reply: FastifyReply },
    change: Promise<unknown>,
    ...notices: readonly [PageNotice, PageNotice]
  ): Promise<void> {
    try {
      await seeOther(reply, orgPage(place.id), await noticeOf(change, ...notices));
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'owner_needed') {
        throw leadingBackTo(orgPage(place.id), error);
      }
      const refused = { userId: requireId(place.userId), problem: 'orgs.error.lastOwner' } as const;
      const page = await this.#pageOf(reply, place.id, principal.claims.sub);
      const { status } = error.definition;
      await this.pages.send(reply, h(OrgMembersPage, { ...page, refused }), status);
    }
  }

  async #pageOf(reply: FastifyReply, id: string, self: string, after?: string): Promise<OrgMembersPageProps> {
    const open = await this.pages.open(reply, id);
    const path = orgPath(id, '/members');
    const [members, requests, ownedAlone] = await Promise.all([
      this.pages.list(reply, { path, after }, memberListSchema),
      open.can('requests.read')
        ? this.pages.list(reply, { path: `${path}?state=requested` }, memberListSchema)
        : undefined,
      this.users.orgsOwnedAlone(self),
    ]);
    const isOnlyOwner = ownedAlone.some((org) => org.id === open.org.id);
    const isLater = after !== undefined;
    return { ...open, self, members, isLater, requests: requests?.items ?? [], isOnlyOwner };
  }
}

function memberPath({ id, userId }: Place): string {
  return orgPath(id, `/members/${requireId(userId)}`);
}
