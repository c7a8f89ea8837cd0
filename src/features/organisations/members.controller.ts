import { Body, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { pageQuerySchema } from '../../platform/http/page-cursor.js';
import { CurrentUser } from '../../session/guards/access.decorators.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import type { Caller, Principal } from '../../session/principal.js';
import { SessionCookie } from '../../session/cookie/session-cookie.js';
import { MembersService } from './members.service.js';
import {
  type Membership,
  memberChangesSchema,
  memberListSchema,
  membershipSchema,
  switchedSchema,
} from './org-management.schemas.js';
import { OwnLogins } from '../../orgs/own-logins.js';
import { OrgSwitch } from './org-switch.service.js';

const listQuerySchema = z.object({
  ...pageQuerySchema.shape,
  state: z
    .enum(['active', 'requested'], { error: 'must be active or requested' })
    .default('active')
    .meta({ description: '`active`: members. `requested`: users who have asked to join.' }),
});

/** The routes that manage an organisation's members, and the one that makes it the session's active organisation. */
@ApiController('api/v1/orgs/:id', {
  tag: 'orgs',
  ids: { id: 'Id of the organisation.' },
  problems: ['reauthentication_required'],
})
export class MembersController {
  constructor(
    private readonly members: MembersService,
    private readonly orgSwitch: OrgSwitch,
    private readonly cookie: SessionCookie,
    private readonly logins: OwnLogins,
  ) {}

  @ApiRoute('GET', 'members', {
    scope: 'orgs:read',
    summary: 'List the members of an organisation',
    description:
      'Only people, not service accounts, in the order in which their accounts were created. `state=requested` lists the users who have asked to join, for owners and admins.',
    answer: { description: 'One page of members.', schema: memberListSchema },
    problems: ['forbidden', 'not_found'],
  })
  async list(
    @Param('id') id: string,
    @Query({ schema: listQuerySchema }) query: z.output<typeof listQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof memberListSchema>> {
    return this.members.list(principal, id, query);
  }

  @ApiRoute('PATCH', 'members/:userId', {
    scope: 'orgs:write',
    recentLogin: 'role',
    summary: 'Change a member’s role',
    description:
      'Owners can give any role; admins can only change admins and members, and only to these roles. The last owner can’t lose the role.',
    ids: { userId: 'Id of the user.' },
    answer: { description: 'Changed.', schema: membershipSchema },
    problems: ['forbidden', 'not_found', 'conflict', 'owner_needed'],
  })
  async setRole(
    @Param('id') org: string,
    @Param('userId') user: string,
    @Body({ schema: memberChangesSchema }) { role }: z.output<typeof memberChangesSchema>,
    @CurrentCaller() caller: Caller,
  ): Promise<Membership> {
    return this.members.setRole(caller, { org, user }, role);
  }

  @ApiRoute('DELETE', 'members/:userId', {
    scope: 'orgs:write',
    summary: 'Remove a member, or leave',
    description:
      'Owners can remove anyone, admins everyone but owners. With your own id, you leave the organisation or withdraw your request to join. The last owner can neither leave nor be removed.',
    ids: { userId: 'Id of the user.' },
    answer: { description: 'Removed.' },
    problems: ['forbidden', 'not_found', 'owner_needed'],
  })
  async remove(
    @Param('id') org: string,
    @Param('userId') user: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    await this.members.remove(caller, { org, user });
  }

  @ApiRoute('POST', 'members/:userId/approve', {
    scope: 'orgs:write',
    summary: 'Approve a request to join',
    description: 'For owners and admins.',
    ids: { userId: 'Id of the user.' },
    answer: { description: 'Approved: the user is now a member.', schema: membershipSchema },
    problems: ['forbidden', 'not_found'],
  })
  async approve(
    @Param('id') org: string,
    @Param('userId') user: string,
    @CurrentCaller() caller: Caller,
  ): Promise<Membership> {
    return this.members.approve(caller, { org, user });
  }

  @ApiRoute('POST', 'members/:userId/reject', {
    scope: 'orgs:write',
    summary: 'Reject a request to join',
    description: 'For owners and admins.',
    ids: { userId: 'Id of the user.' },
    answer: { description: 'Rejected.' },
    problems: ['forbidden', 'not_found'],
  })
  async reject(
    @Param('id') org: string,
    @Param('userId') user: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    await this.members.reject(caller, { org, user });
  }

  @ApiRoute('POST', 'join', {
    scope: 'orgs:write',
    summary: 'Join an organisation by e-mail domain',
    description:
      'For users with a verified e-mail address in the organisation’s domain. Its `joinPolicy` decides whether they become a member at once or only request to join.',
    answer: { description: 'Joined or requested; see `state`.', schema: membershipSchema },
    problems: ['forbidden', 'not_found'],
  })
  async join(@Param('id') org: string, @CurrentCaller() caller: Caller): Promise<Membership> {
    await this.logins.require(caller.principal, org);
    return this.members.join(caller, org);
  }

  @ApiRoute('POST', 'switch', {
    scope: 'orgs:write',
    summary: 'Switch to an organisation',
    description:
      'Makes it the active organisation of this session: the cookie is replaced by one with the new `org` claim. Only works with the session cookie.',
    answer: { description: 'Switched.', schema: switchedSchema },
    problems: ['forbidden', 'not_found'],
  })
  async switchTo(
    @Param('id') org: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof switchedSchema>> {
    const { token, claims } = await this.orgSwitch.switchTo(caller, org);
    this.cookie.write(reply, token);
    return switchedSchema.parse({ org: claims.org });
  }
}
