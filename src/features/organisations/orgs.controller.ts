import { Body, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiQuery } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { entityTag } from '../../platform/http/entity-tag.js';
import { CurrentUser } from '../../session/guards/access.decorators.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import { RateLimited } from '../../session/guards/rate-limited.decorators.js';
import type { Caller, Principal } from '../../session/principal.js';
import { orgSchema } from '../../orgs/org.schemas.js';
import { newOrgSchema, orgChangesSchema, orgListSchema, orgsQuerySchema } from './org-management.schemas.js';
import { OwnLogins } from '../../orgs/own-logins.js';
import { OrgsService, type VersionedOrg } from './orgs.service.js';

/** The routes that create, list, read, change and delete organisations. */
@ApiController('api/v1/orgs', { tag: 'orgs', problems: ['reauthentication_required'] })
export class OrgsController {
  constructor(
    private readonly orgs: OrgsService,
    private readonly logins: OwnLogins,
  ) {}

  @ApiRoute('POST', '', {
    scope: 'orgs:write',
    summary: 'Create an organisation',
    description:
      'For users with a verified e-mail address. The caller becomes the owner. Without `slug`, one is derived from the name. Reserved names, such as `admin`, are for administrators of the deployment. A slug that another organisation has or had can’t be used.',
    answer: { status: 201, description: 'Created.', schema: orgSchema, headers: ['Location', 'ETag'] },
    problems: ['forbidden', 'email_unverified', 'conflict', 'quota_reached', 'rate_limited'],
  })
  @RateLimited('creation-address', 'all')
  async create(
    @Body({ schema: newOrgSchema }) body: z.output<typeof newOrgSchema>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof orgSchema>> {
    await this.logins.require(caller.principal);
    const org = await this.orgs.create(caller, body);
    void reply.header('location', `/api/v1/orgs/${org.answer.id}`);
    return tagged(reply, org);
  }

  @ApiRoute('GET', '', {
    scope: 'orgs:read',
    summary: 'List my organisations',
    description:
      'Oldest first. `all=true` lists every organisation, for administrators of the deployment; with `search`, matches of the slug come before matches of the name. `joinable=true` lists the organisation that the caller can join by their verified e-mail domain.',
    answer: { description: 'One page of organisations.', schema: orgListSchema },
    problems: ['forbidden'],
  })
  // Described here and not by the schema, so that generated clients take a boolean; in a URL it is text.
  @ApiQuery({
    name: 'all',
    required: false,
    description: '`true`: list every organisation; for administrators of the deployment.',
    schema: { type: 'boolean' },
  })
  @ApiQuery({
    name: 'joinable',
    required: false,
    description: '`true`: list the organisation that the caller can join by their verified e-mail domain.',
    schema: { type: 'boolean' },
  })
  async list(
    @Query({ schema: orgsQuerySchema }) query: z.output<typeof orgsQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof orgListSchema>> {
    if (query.joinable === 'true') {
      return this.orgs.listJoinable(principal);
    }
    return query.all === 'true' ? this.orgs.listAll(principal, query) : this.orgs.list(principal, query);
  }

  @ApiRoute('GET', ':id', {
    scope: 'orgs:read',
    summary: 'Get an organisation',
    description: 'For members of the organisation and administrators of the deployment.',
    ids: { id: 'Id of the organisation.' },
    answer: { description: 'The organisation.', schema: orgSchema, headers: ['ETag'] },
    problems: ['not_found'],
  })
  async read(
    @Param('id') id: string,
    @CurrentUser() principal: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof orgSchema>> {
    return tagged(reply, await this.orgs.read(principal, id));
  }

  @ApiRoute('PATCH', ':id', {
    scope: 'orgs:write',
    recentLogin: 'secondFactor',
    summary: 'Change an organisation',
    description:
      'For owners. An organisation can get three new slugs a year, and keeps its former ones reserved. An owner with a verified e-mail address in a domain can claim that domain; null gives it up. Changing `secondFactor` requires a recent login and, unless it becomes `none`, a login with a second factor.',
    ids: { id: 'Id of the organisation.' },
    answer: { description: 'Changed.', schema: orgSchema, headers: ['ETag'] },
    problems: ['forbidden', 'not_found', 'conflict', 'quota_reached', 'precondition_failed'],
  })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: '`ETag` of the version to change. If the organisation has changed since, the answer is 412.',
  })
  async update(
    @Param('id') id: string,
    @Body({ schema: orgChangesSchema }) body: z.output<typeof orgChangesSchema>,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof orgSchema>> {
    return tagged(reply, await this.orgs.update(caller, id, body, ifMatch));
  }

  @ApiRoute('DELETE', ':id', {
    scope: 'orgs:write',
    summary: 'Delete an organisation',
    description: 'For owners. Also deletes its memberships, invites and API keys.',
    ids: { id: 'Id of the organisation.' },
    answer: { description: 'Deleted.' },
    problems: ['forbidden', 'not_found', 'precondition_failed'],
  })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: '`ETag` of the version to delete. If the organisation has changed since, the answer is 412.',
  })
  async delete(
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    await this.orgs.delete(caller, id, ifMatch);
  }
}

function tagged(reply: FastifyReply, { answer, version }: VersionedOrg): VersionedOrg['answer'] {
  void reply.header('etag', entityTag(version));
  return answer;
}
