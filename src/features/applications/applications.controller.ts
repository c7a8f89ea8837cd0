import { Body, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { type PageQuery, pageQuerySchema } from '../../platform/http/page-cursor.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import type { Caller } from '../../session/principal.js';
import {
  type ApplicationItem,
  applicationBodySchema,
  applicationChangesSchema,
  applicationListSchema,
  applicationSchema,
  createdApplicationSchema,
  rotatedSecretSchema,
  secretRotationSchema,
} from './application.schemas.js';
import { ApplicationsService } from './applications.service.js';
import { applicationScopes } from './application-scopes.js';

const ids = { id: 'Id of the application: its `client_id`.' };

/** The routes with which administrators register applications that log users in here. */
@ApiController('api/v1/applications', {
  tag: 'applications',
  role: 'admin',
  problems: ['provider_unavailable'],
})
export class ApplicationsController {
  constructor(private readonly applications: ApplicationsService) {}

  @ApiRoute('POST', '', {
    scope: applicationScopes['applications:write'],
    recentLogin: true,
    summary: 'Register an application',
    description:
      'Registers an OAuth client that logs users in here, or that acts for itself. The client secret is shown only in this response. Every login must use PKCE (S256), unless `codeProtection` of a `web` application says otherwise.',
    answer: { status: 201, description: 'Registered.', schema: createdApplicationSchema },
    problems: ['conflict'],
  })
  async create(
    @Body({ schema: applicationBodySchema }) { orgId, ...body }: z.output<typeof applicationBodySchema>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof createdApplicationSchema>> {
    const created = await this.applications.create(caller, body, orgId);
    void reply.header('location', `/api/v1/applications/${created.id}`);
    return created;
  }

  @ApiRoute('GET', '', {
    scope: applicationScopes['applications:read'],
    summary: 'List the applications',
    description: 'The applications of the deployment and of all organisations, oldest first.',
    answer: { description: 'One page of applications.', schema: applicationListSchema },
  })
  async list(
    @Query({ schema: pageQuerySchema }) page: PageQuery,
  ): Promise<z.output<typeof applicationListSchema>> {
    return this.applications.list(page);
  }

  @ApiRoute('GET', ':id', {
    scope: applicationScopes['applications:read'],
    summary: 'Get an application',
    description: 'The client secret is never included.',
    ids,
    answer: { description: 'The application.', schema: applicationSchema },
    problems: ['not_found'],
  })
  async get(@Param('id') id: string): Promise<ApplicationItem> {
    return this.applications.get(id);
  }

  @ApiRoute('PATCH', ':id', {
    scope: applicationScopes['applications:write'],
    recentLogin: true,
    summary: 'Change an application',
    description: 'Properties that are left out don’t change. The kind and the organisation can’t be changed.',
    ids,
    answer: { description: 'Changed.', schema: applicationSchema },
    problems: ['not_found'],
  })
  async change(
    @Param('id') id: string,
    @Body({ schema: applicationChangesSchema }) changes: z.output<typeof applicationChangesSchema>,
    @CurrentCaller() caller: Caller,
  ): Promise<ApplicationItem> {
    return this.applications.change(caller, id, changes);
  }

  @ApiRoute('POST', ':id/secret', {
    scope: applicationScopes['applications:write'],
    recentLogin: true,
    summary: 'Rotate an application’s secret',
    description:
      'Creates a new client secret, which is shown only in this response. The previous secret is accepted for `keepPreviousFor` seconds.',
    ids,
    answer: { status: 201, description: 'Created.', schema: rotatedSecretSchema },
    problems: ['not_found', 'conflict'],
  })
  async rotateSecret(
    @Param('id') id: string,
    @Body({ schema: secretRotationSchema }) { keepPreviousFor }: z.output<typeof secretRotationSchema>,
    @CurrentCaller() caller: Caller,
  ): Promise<z.output<typeof rotatedSecretSchema>> {
    return this.applications.rotateSecret(caller, id, keepPreviousFor);
  }

  @ApiRoute('DELETE', ':id', {
    scope: applicationScopes['applications:write'],
    summary: 'Remove an application',
    description: 'The application’s tokens and its users’ consents end at once.',
    ids,
    answer: { description: 'Removed.' },
    problems: ['not_found'],
  })
  async delete(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<void> {
    await this.applications.delete(caller, id);
  }
}
