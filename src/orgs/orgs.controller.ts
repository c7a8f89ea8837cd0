import { Body, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiQuery } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { entityTag } from '../platform/http/entity.tag.js';
import { CurrentUser } from '../session/guards/access.decorators.js';
import { CurrentCaller } from '../session/guards/caller.decorator.js';
import { ApiController, ApiRoute } from '../session/guards/api.route.js';
import { RateLimited } from '../session/guards/rate-limited.decorator.js';
import type { Caller, Principal } from '../session/principal.js';
import { newOrgSchema, orgChangesSchema, orgListSchema, orgSchema, orgsQuerySchema } from './org.schemas.js';
import { OrgsService, type VersionedOrg } from './orgs.service.js';

/** The routes that create, list, read, change and delete organisations. */
@ApiController('api/v1/orgs', { tag: 'orgs', problems: ['reauthentication_required'] })
export class OrgsController {
  readonly #orgs: OrgsService;

  constructor(orgs: OrgsService) {
    this.#orgs = orgs;
  }

  @ApiRoute('POST', '', {
    scope: 'orgs:write',
    summary: 'Create an organisation',
    description: 'The caller becomes its owner. Without `slug` one is made from the name.',
    answer: { status: 201, description: 'Created.', schema: orgSchema, headers: ['Location', 'ETag'] },
    problems: ['forbidden', 'conflict', 'rate_limited'],
  })
  @RateLimited('creation-address', 'all')
  async create(
    @Body({ schema: newOrgSchema }) body: z.output<typeof newOrgSchema>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof orgSchema>> {
    const org = await this.#orgs.create(caller, body);
    void reply.header('location', `/api/v1/orgs/${org.answer.id}`);
    return tagged(reply, org);
  }

  @ApiRoute('GET', '', {
    scope: 'orgs:read',
    summary: 'My organisations',
    description:
      'Oldest first. `all=true`: every organisation, for administrators of the deployment; with `search` those whose slug begins like it come before those whose name does. `joinable=true`: the one that the caller could join by their verified e-mail domain.',
    answer: { description: 'One page.', schema: orgListSchema },
    problems: ['forbidden'],
  })
  // Described here and not by the schema, so that generated clients take a boolean; in a URL it is text.
  @ApiQuery({
    name: 'all',
    required: false,
    description: 'Every organisation; for administrators of the deployment.',
    schema: { type: 'boolean' },
  })
  @ApiQuery({
    name: 'joinable',
    required: false,
    description: 'The one that the caller could join by their verified e-mail domain.',
    schema: { type: 'boolean' },
  })
  async list(
    @Query({ schema: orgsQuerySchema }) query: z.output<typeof orgsQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof orgListSchema>> {
    if (query.joinable === 'true') {
      return this.#orgs.listJoinable(principal);
    }
    return query.all === 'true' ? this.#orgs.listAll(principal, query) : this.#orgs.list(principal, query);
  }

  @ApiRoute('GET', ':id', {
    scope: 'orgs:read',
    summary: 'An organisation',
    description: 'For its members.',
    ids: { id: 'Id of the organisation.' },
    answer: { description: 'The organisation.', schema: orgSchema, headers: ['ETag'] },
    problems: ['not_found'],
  })
  async read(
    @Param('id') id: string,
    @CurrentUser() principal: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof orgSchema>> {
    return tagged(reply, await this.#orgs.read(principal, id));
  }

  @ApiRoute('PATCH', ':id', {
    scope: 'orgs:write',
    recentLogin: 'secondFactor',
    summary: 'Change an organisation',
    description:
      'For owners. A domain can be claimed by an owner who has a verified e-mail address of it; null gives it up. A change of `secondFactor` takes a recent login, and requires a second factor of the caller.',
    ids: { id: 'Id of the organisation.' },
    answer: { description: 'Changed.', schema: orgSchema, headers: ['ETag'] },
    problems: ['forbidden', 'not_found', 'conflict', 'precondition_failed'],
  })
  @ApiHeader({ name: 'If-Match', required: false, description: '`ETag` of the version to change.' })
  async update(
    @Param('id') id: string,
    @Body({ schema: orgChangesSchema }) body: z.output<typeof orgChangesSchema>,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof orgSchema>> {
    return tagged(reply, await this.#orgs.update(caller, id, body, ifMatch));
  }

  @ApiRoute('DELETE', ':id', {
    scope: 'orgs:write',
    summary: 'Delete an organisation',
    description: 'For owners. Its memberships, invites and API keys go with it.',
    ids: { id: 'Id of the organisation.' },
    answer: { description: 'Deleted.' },
    problems: ['forbidden', 'not_found', 'precondition_failed'],
  })
  @ApiHeader({ name: 'If-Match', required: false, description: '`ETag` of the version to delete.' })
  async delete(
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    await this.#orgs.delete(caller, id, ifMatch);
  }
}

function tagged(reply: FastifyReply, { answer, version }: VersionedOrg): VersionedOrg['answer'] {
  void reply.header('etag', entityTag(version));
  return answer;
}
