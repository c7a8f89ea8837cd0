import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiCookieAuth,
  ApiOperation,
  ApiParam,
  ApiQuery,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { originOf } from '../auth/request.origin.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { pageQuerySchema } from '../http/page.cursor.js';
import { CurrentUser, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { SessionCookie } from '../session/session.cookie.js';
import { RequireRecentLogin } from '../session/step-up.decorators.js';
import { MembersService } from './members.service.js';
import {
  cursorParameter,
  limitParameter,
  memberChangesProperties,
  orgIdParameter,
  userIdParameter,
} from './org.parameters.js';
import { memberChangesSchema, memberListSchema, membershipSchema, switchedSchema } from './org.schemas.js';
import { OrgSwitch } from './org.switch.service.js';

const listQuerySchema = z.object({
  ...pageQuerySchema.shape,
  state: z.enum(['active', 'requested'], { error: 'must be active or requested' }).default('active'),
});

/** Members of organisations. */
@ApiTags('orgs')
@ApiCookieAuth()
@ApiBearerAuth()
@ApiSecurity('apiKey')
@ApiParam(orgIdParameter)
@Controller('api/v1/orgs/:id')
export class MembersController {
  readonly #members: MembersService;
  readonly #switch: OrgSwitch;
  readonly #cookie: SessionCookie;

  constructor(members: MembersService, orgSwitch: OrgSwitch, cookie: SessionCookie) {
    this.#members = members;
    this.#switch = orgSwitch;
    this.#cookie = cookie;
  }

  @Get('members')
  @RequireScope('orgs:read')
  @ApiOperation({
    summary: 'Members of an organisation',
    description:
      'Persons, in the order in which their accounts were made. `state=requested`: who has asked to join, for owners and admins.',
  })
  @ApiQuery({
    name: 'state',
    required: false,
    description: 'Members, or who has asked to be one.',
    schema: { type: 'string', enum: ['active', 'requested'], default: 'active' },
  })
  @ApiQuery(limitParameter)
  @ApiQuery(cursorParameter)
  @ApiResponse({ status: 200, description: 'One page.', standardSchema: memberListSchema })
  @ApiProblems('validation_failed', 'unauthenticated', 'insufficient_scope', 'forbidden', 'not_found')
  async list(
    @Param('id') id: string,
    @Query({ schema: listQuerySchema }) query: z.output<typeof listQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof memberListSchema>> {
    return this.#members.list(principal, id, query);
  }

  @Patch('members/:userId')
  @RequireScope('orgs:write')
  @RequireRecentLogin('role')
  @ApiOperation({
    summary: 'Give a member another role',
    description: 'For owners, and for admins among admins and members. The last owner stays one.',
  })
  @ApiParam(userIdParameter)
  @ApiBody({ schema: { type: 'object', required: ['role'], properties: memberChangesProperties } })
  @ApiResponse({ status: 200, description: 'Changed.', standardSchema: membershipSchema })
  @ApiProblems(
    'reauthentication_required',
    'validation_failed',
    'unauthenticated',
    'insufficient_scope',
    'forbidden',
    'cross_site_request',
    'not_found',
    'conflict',
    'unsupported_media_type',
  )
  async setRole(
    @Param('id') org: string,
    @Param('userId') user: string,
    @Body({ schema: memberChangesSchema }) { role }: z.output<typeof memberChangesSchema>,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
  ): Promise<z.output<typeof membershipSchema>> {
    return this.#members.setRole({ principal, origin: originOf(request) }, { org, user }, role);
  }

  @Delete('members/:userId')
  @HttpCode(204)
  @RequireScope('orgs:write')
  @ApiOperation({
    summary: 'Remove a member, or leave',
    description: 'With one’s own id it is leaving, or withdraws a request. The last owner can do neither.',
  })
  @ApiParam(userIdParameter)
  @ApiResponse({ status: 204, description: 'Removed.' })
  @ApiProblems(
    'unauthenticated',
    'insufficient_scope',
    'forbidden',
    'cross_site_request',
    'not_found',
    'conflict',
  )
  async remove(
    @Param('id') org: string,
    @Param('userId') user: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.#members.remove({ principal, origin: originOf(request) }, { org, user });
  }

  @Post('members/:userId/approve')
  @HttpCode(200)
  @RequireScope('orgs:write')
  @ApiOperation({ summary: 'Let in who has asked to join', description: 'For owners and admins.' })
  @ApiParam(userIdParameter)
  @ApiResponse({ status: 200, description: 'A member now.', standardSchema: membershipSchema })
  @ApiProblems('unauthenticated', 'insufficient_scope', 'forbidden', 'cross_site_request', 'not_found')
  async approve(
    @Param('id') org: string,
    @Param('userId') user: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
  ): Promise<z.output<typeof membershipSchema>> {
    return this.#members.approve({ principal, origin: originOf(request) }, { org, user });
  }

  @Post('members/:userId/reject')
  @HttpCode(204)
  @RequireScope('orgs:write')
  @ApiOperation({ summary: 'Turn down who has asked to join', description: 'For owners and admins.' })
  @ApiParam(userIdParameter)
  @ApiResponse({ status: 204, description: 'Turned down.' })
  @ApiProblems('unauthenticated', 'insufficient_scope', 'forbidden', 'cross_site_request', 'not_found')
  async reject(
    @Param('id') org: string,
    @Param('userId') user: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.#members.reject({ principal, origin: originOf(request) }, { org, user });
  }

  @Post('join')
  @HttpCode(200)
  @RequireScope('orgs:write')
  @ApiOperation({
    summary: 'Join an organisation by its e-mail domain',
    description:
      'For who has a verified e-mail address of the domain. Its `joinPolicy` decides whether they are a member at once or have asked to be one.',
  })
  @ApiResponse({ status: 200, description: 'Joined or asked.', standardSchema: membershipSchema })
  @ApiProblems('unauthenticated', 'insufficient_scope', 'forbidden', 'cross_site_request', 'not_found')
  async join(
    @Param('id') org: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
  ): Promise<z.output<typeof membershipSchema>> {
    return this.#members.join({ principal, origin: originOf(request) }, org);
  }

  @Post('switch')
  @HttpCode(200)
  @RequireScope('orgs:write')
  @ApiOperation({
    summary: 'Act for an organisation',
    description:
      'Makes it the active one of this session: the cookie is set anew with another `org` claim. Only for session cookies.',
  })
  @ApiResponse({ status: 200, description: 'Active now.', standardSchema: switchedSchema })
  @ApiProblems('unauthenticated', 'insufficient_scope', 'forbidden', 'cross_site_request', 'not_found')
  async switchTo(
    @Param('id') org: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof switchedSchema>> {
    const { token, claims } = await this.#switch.switchTo({ principal, origin: originOf(request) }, org);
    this.#cookie.write(reply, token);
    return switchedSchema.parse({ org: claims.org });
  }
}
