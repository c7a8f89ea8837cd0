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
  ApiCookieAuth,
  ApiHeader,
  ApiOperation,
  ApiParam,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { byAdministrator } from '../auth/account.act.js';
import { originOf } from '../auth/request.origin.js';
import { entityTag } from '../http/entity.tag.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import type { Page } from '../http/page.cursor.js';
import { CurrentUser, RequireRole, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { RequireRecentLogin } from '../session/step-up.decorators.js';
import {
  peopleSchema,
  personChangeSchema,
  personDetailSchema,
  type personSchema,
  usersQuerySchema,
} from './people.schemas.js';
import { PeopleService, type VersionedPerson } from './people.service.js';

type PersonDetail = z.output<typeof personDetailSchema>;

const refusals = ['unauthenticated', 'forbidden', 'insufficient_scope', 'database_unavailable'] as const;
const userId = { name: 'id', schema: { type: 'string', format: 'uuid' } } as const;

/** Everybody's accounts, for administrators. */
@ApiTags('users')
@ApiCookieAuth()
@ApiBearerAuth()
@ApiSecurity('apiKey')
@RequireRole('admin')
@Controller('api/v1/users')
export class PeopleController {
  readonly #people: PeopleService;

  constructor(people: PeopleService) {
    this.#people = people;
  }

  @Get()
  @RequireScope('users:read')
  @ApiOperation({
    summary: 'List or search users',
    description:
      'Without `search` in the order in which they came; with it, those whose address matches come before those whose name does.',
  })
  @ApiResponse({ status: 200, description: 'One page.', standardSchema: peopleSchema })
  @ApiProblems('validation_failed', ...refusals)
  async list(
    @Query({ schema: usersQuerySchema }) query: z.output<typeof usersQuerySchema>,
  ): Promise<Page<z.output<typeof personSchema>>> {
    return this.#people.list(query);
  }

  @Get(':id')
  @RequireScope('users:read')
  @ApiOperation({ summary: 'One user', description: 'With identities and organisations.' })
  @ApiParam(userId)
  @ApiResponse({ status: 200, description: 'The user.', standardSchema: personDetailSchema })
  @ApiProblems('not_found', ...refusals)
  async find(
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PersonDetail> {
    return answer(await this.#people.find(id), reply);
  }

  @Patch(':id')
  @RequireScope('users:write')
  @RequireRecentLogin('role')
  @ApiOperation({
    summary: 'Change a user',
    description:
      'Where Ory is the provider, name and picture are changed there first. Auth0 and OpenID providers say both anew at each login: there they are 403 here. Administrators can’t take the role from themselves, nor can the last one lose it.',
  })
  @ApiParam(userId)
  @ApiHeader({ name: 'If-Match', required: false, description: '`ETag` of the answer that was changed.' })
  @ApiResponse({ status: 200, description: 'Changed.', standardSchema: personDetailSchema })
  @ApiProblems(
    'reauthentication_required',
    'validation_failed',
    'cross_site_request',
    'not_found',
    'conflict',
    'precondition_failed',
    'unsupported_media_type',
    'provider_unavailable',
    ...refusals,
  )
  async change(
    @Param('id') id: string,
    @Body({ schema: personChangeSchema }) body: z.output<typeof personChangeSchema>,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PersonDetail> {
    const act = byAdministrator(principal, originOf(request));
    return answer(await this.#people.change(id, body, ifMatch, act), reply);
  }

  @Post(':id/disable')
  @HttpCode(200)
  @RequireScope('users:write')
  @ApiOperation({
    summary: 'Disable a user',
    description:
      'Every session is ended, also at the provider; tokens, API keys and logins are refused from now on.',
  })
  @ApiParam(userId)
  @ApiResponse({ status: 200, description: 'Disabled.', standardSchema: personDetailSchema })
  @ApiProblems('cross_site_request', 'not_found', 'conflict', ...refusals)
  async disable(
    @Param('id') id: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PersonDetail> {
    return answer(await this.#people.disable(id, byAdministrator(principal, originOf(request))), reply);
  }

  @Post(':id/enable')
  @HttpCode(200)
  @RequireScope('users:write')
  @ApiOperation({ summary: 'Enable a user', description: 'They can log in again; API keys work again.' })
  @ApiParam(userId)
  @ApiResponse({ status: 200, description: 'Enabled.', standardSchema: personDetailSchema })
  @ApiProblems('cross_site_request', 'not_found', ...refusals)
  async enable(
    @Param('id') id: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PersonDetail> {
    return answer(await this.#people.enable(id, byAdministrator(principal, originOf(request))), reply);
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireScope('users:write')
  @ApiOperation({
    summary: 'Delete a user',
    description:
      'For good, with everything but the audit trail. Where Ory is the provider, the person is deleted there too; when it can’t be reached, nothing is. At Auth0 and OpenID providers the account is theirs and stays: logging in with it again makes a new user here.',
  })
  @ApiParam(userId)
  @ApiResponse({ status: 204, description: 'Deleted.' })
  @ApiProblems('cross_site_request', 'not_found', 'conflict', 'provider_unavailable', ...refusals)
  async delete(
    @Param('id') id: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.#people.delete(id, byAdministrator(principal, originOf(request)));
  }
}

function answer({ person, version }: VersionedPerson, reply: FastifyReply): PersonDetail {
  void reply.header('etag', entityTag(version));
  return person;
}
