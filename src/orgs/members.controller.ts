import { Body, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { pageQuerySchema } from '../platform/http/page.cursor.js';
import { CurrentUser } from '../session/guards/access.decorators.js';
import { CurrentCaller } from '../session/guards/caller.decorator.js';
import { ApiController, ApiRoute } from '../session/guards/api.route.js';
import type { Caller, Principal } from '../session/principal.js';
import { SessionCookie } from '../session/cookie/session.cookie.js';
import { MembersService } from './members.service.js';
import {
  type Membership,
  memberChangesSchema,
  memberListSchema,
  membershipSchema,
  switchedSchema,
} from './org.schemas.js';
import { OrgSwitch } from './org.switch.service.js';

const listQuerySchema = z.object({
  ...pageQuerySchema.shape,
  state: z
    .enum(['active', 'requested'], { error: 'must be active or requested' })
    .default('active')
    .meta({ description: 'Members, or who has asked to be one.' }),
});

/** The routes that manage an organisation's members, and the one that makes it the session's active organisation. */
@ApiController('api/v1/orgs/:id', {
  tag: 'orgs',
  ids: { id: 'Id of the organisation.' },
  problems: ['reauthentication_required'],
})
export class MembersController {
  readonly #members: MembersService;
  readonly #switch: OrgSwitch;
  readonly #cookie: SessionCookie;

  constructor(members: MembersService, orgSwitch: OrgSwitch, cookie: SessionCookie) {
    this.#members = members;
    this.#switch = orgSwitch;
    this.#cookie = cookie;
  }

  @ApiRoute('GET', 'members', {
    scope: 'orgs:read',
    summary: 'Members of an organisation',
    description:
      'Persons, in the order in which their accounts were made. `state=requested`: who has asked to join, for owners and admins.',
    answer: { description: 'One page.', schema: memberListSchema },
    problems: ['forbidden', 'not_found'],
  })
  async list(
    @Param('id') id: string,
    @Query({ schema: listQuerySchema }) query: z.output<typeof listQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof memberListSchema>> {
    return this.#members.list(principal, id, query);
  }

  @ApiRoute('PATCH', 'members/:userId', {
    scope: 'orgs:write',
    recentLogin: 'role',
    summary: 'Give a member another role',
    description: 'For owners, and for admins among admins and members. The last owner stays one.',
    ids: { userId: 'Id of the user.' },
    answer: { description: 'Changed.', schema: membershipSchema },
    problems: ['forbidden', 'not_found', 'conflict'],
  })
  async setRole(
    @Param('id') org: string,
    @Param('userId') user: string,
    @Body({ schema: memberChangesSchema }) { role }: z.output<typeof memberChangesSchema>,
    @CurrentCaller() caller: Caller,
  ): Promise<Membership> {
    return this.#members.setRole(caller, { org, user }, role);
  }

  @ApiRoute('DELETE', 'members/:userId', {
    scope: 'orgs:write',
    summary: 'Remove a member, or leave',
    description: 'With one’s own id it is leaving, or withdraws a request. The last owner can do neither.',
    ids: { userId: 'Id of the user.' },
    answer: { description: 'Removed.' },
    problems: ['forbidden', 'not_found', 'conflict'],
  })
  async remove(
    @Param('id') org: string,
    @Param('userId') user: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    await this.#members.remove(caller, { org, user });
  }

  @ApiRoute('POST', 'members/:userId/approve', {
    scope: 'orgs:write',
    summary: 'Approve a join request',
    description: 'For owners and admins.',
    ids: { userId: 'Id of the user.' },
    answer: { description: 'A member now.', schema: membershipSchema },
    problems: ['forbidden', 'not_found'],
  })
  async approve(
    @Param('id') org: string,
    @Param('userId') user: string,
    @CurrentCaller() caller: Caller,
  ): Promise<Membership> {
    return this.#members.approve(caller, { org, user });
  }

  @ApiRoute('POST', 'members/:userId/reject', {
    scope: 'orgs:write',
    summary: 'Reject a join request',
    description: 'For owners and admins.',
    ids: { userId: 'Id of the user.' },
    answer: { description: 'Turned down.' },
    problems: ['forbidden', 'not_found'],
  })
  async reject(
    @Param('id') org: string,
    @Param('userId') user: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    await this.#members.reject(caller, { org, user });
  }

  @ApiRoute('POST', 'join', {
    scope: 'orgs:write',
    summary: 'Join an organisation by its e-mail domain',
    description:
      'For who has a verified e-mail address of the domain. Its `joinPolicy` decides whether they are a member at once or have asked to be one.',
    answer: { description: 'Joined or asked.', schema: membershipSchema },
    problems: ['forbidden', 'not_found'],
  })
  async join(@Param('id') org: string, @CurrentCaller() caller: Caller): Promise<Membership> {
    return this.#members.join(caller, org);
  }

  @ApiRoute('POST', 'switch', {
    scope: 'orgs:write',
    summary: 'Act for an organisation',
    description:
      'Makes it the active one of this session: the cookie is set anew with another `org` claim. Only for session cookies.',
    answer: { description: 'Active now.', schema: switchedSchema },
    problems: ['forbidden', 'not_found'],
  })
  async switchTo(
    @Param('id') org: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof switchedSchema>> {
    const { token, claims } = await this.#switch.switchTo(caller, org);
    this.#cookie.write(reply, token);
    return switchedSchema.parse({ org: claims.org });
  }
}
