import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiCookieAuth,
  ApiHeader,
  ApiOperation,
  ApiParam,
  ApiQuery,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { originOf } from '../auth/request.origin.js';
import { entityTag } from '../http/entity.tag.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { CurrentUser, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import {
  newOrgProperties,
  orgChangesProperties,
  orgIdParameter,
  limitParameter,
  cursorParameter,
  orgSearchParameter,
} from './org.parameters.js';
import { newOrgSchema, orgChangesSchema, orgListSchema, orgSchema, orgsQuerySchema } from './org.schemas.js';
import { OrgsService, type VersionedOrg } from './orgs.service.js';

/** Organisations. */
@ApiTags('orgs')
@ApiCookieAuth()
@ApiBearerAuth()
@ApiSecurity('apiKey')
@Controller('api/v1/orgs')
export class OrgsController {
  readonly #orgs: OrgsService;

  constructor(orgs: OrgsService) {
    this.#orgs = orgs;
  }

  @Post()
  @RequireScope('orgs:write')
  @ApiOperation({
    summary: 'Create an organisation',
    description: 'The caller becomes its owner. Without `slug` one is made from the name.',
  })
  @ApiBody({ schema: { type: 'object', required: ['name'], properties: newOrgProperties } })
  @ApiResponse({
    status: 201,
    description: 'Created.',
    standardSchema: orgSchema,
    headers: { Location: { schema: { type: 'string' } }, ETag: { schema: { type: 'string' } } },
  })
  @ApiProblems(
    'validation_failed',
    'unauthenticated',
    'insufficient_scope',
    'forbidden',
    'cross_site_request',
    'conflict',
    'unsupported_media_type',
  )
  async create(
    @Body({ schema: newOrgSchema }) body: z.output<typeof newOrgSchema>,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof orgSchema>> {
    const org = await this.#orgs.create({ principal, origin: originOf(request) }, body);
    void reply.header('location', `/api/v1/orgs/${org.answer.id}`);
    return tagged(reply, org);
  }

  @Get()
  @RequireScope('orgs:read')
  @ApiOperation({
    summary: 'My organisations',
    description:
      'Oldest first. `all=true`: every organisation, for administrators of the deployment; with `search` those whose slug begins like it come before those whose name does. `joinable=true`: the one that the caller could join by their verified e-mail domain.',
  })
  @ApiQuery(limitParameter)
  @ApiQuery(cursorParameter)
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
  @ApiQuery(orgSearchParameter)
  @ApiResponse({ status: 200, description: 'One page.', standardSchema: orgListSchema })
  @ApiProblems('validation_failed', 'unauthenticated', 'insufficient_scope', 'forbidden')
  async list(
    @Query({ schema: orgsQuerySchema }) query: z.output<typeof orgsQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof orgListSchema>> {
    if (query.joinable === 'true') {
      return this.#orgs.listJoinable(principal);
    }
    return query.all === 'true' ? this.#orgs.listAll(principal, query) : this.#orgs.list(principal, query);
  }

  @Get(':id')
  @RequireScope('orgs:read')
  @ApiOperation({ summary: 'An organisation', description: 'For its members.' })
  @ApiParam(orgIdParameter)
  @ApiResponse({
    status: 200,
    description: 'The organisation.',
    standardSchema: orgSchema,
    headers: { ETag: { schema: { type: 'string' } } },
  })
  @ApiProblems('unauthenticated', 'insufficient_scope', 'not_found')
  async read(
    @Param('id') id: string,
    @CurrentUser() principal: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof orgSchema>> {
    return tagged(reply, await this.#orgs.read(principal, id));
  }

  @Patch(':id')
  @RequireScope('orgs:write')
  @ApiOperation({
    summary: 'Change an organisation',
    description:
      'For owners. A domain can be claimed by an owner who has a verified e-mail address of it; null gives it up.',
  })
  @ApiParam(orgIdParameter)
  @ApiHeader({ name: 'If-Match', required: false, description: '`ETag` of the version to change.' })
  @ApiBody({ schema: { type: 'object', properties: orgChangesProperties } })
  @ApiResponse({
    status: 200,
    description: 'Changed.',
    standardSchema: orgSchema,
    headers: { ETag: { schema: { type: 'string' } } },
  })
  @ApiProblems(
    'validation_failed',
    'unauthenticated',
    'insufficient_scope',
    'forbidden',
    'cross_site_request',
    'not_found',
    'conflict',
    'precondition_failed',
    'unsupported_media_type',
  )
  async update(
    @Param('id') id: string,
    @Body({ schema: orgChangesSchema }) body: z.output<typeof orgChangesSchema>,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof orgSchema>> {
    const caller = { principal, origin: originOf(request) };
    return tagged(reply, await this.#orgs.update(caller, id, body, ifMatch));
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireScope('orgs:write')
  @ApiOperation({
    summary: 'Delete an organisation',
    description: 'For owners. Its memberships, invites and API keys go with it.',
  })
  @ApiParam(orgIdParameter)
  @ApiHeader({ name: 'If-Match', required: false, description: '`ETag` of the version to delete.' })
  @ApiResponse({ status: 204, description: 'Deleted.' })
  @ApiProblems(
    'unauthenticated',
    'insufficient_scope',
    'forbidden',
    'cross_site_request',
    'not_found',
    'precondition_failed',
  )
  async delete(
    @Param('id') id: string,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.#orgs.delete({ principal, origin: originOf(request) }, id, ifMatch);
  }
}

function tagged(reply: FastifyReply, { answer, version }: VersionedOrg): VersionedOrg['answer'] {
  void reply.header('etag', entityTag(version));
  return answer;
}
