import { Body, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import {
  type ApplicationItem,
  applicationListSchema,
  applicationSchema,
  createdApplicationSchema,
  orgApplicationBodySchema,
  orgApplicationChangesSchema,
  rotatedSecretSchema,
  secretRotationSchema,
} from '../oauth/applications/application.schemas.js';
import { ApplicationsService } from '../oauth/applications/applications.service.js';
import { type PageQuery, pageQuerySchema } from '../platform/http/page.cursor.js';
import { CurrentUser } from '../session/guards/access.decorators.js';
import { ApiController, ApiRoute } from '../session/guards/api.route.js';
import { CurrentCaller } from '../session/guards/caller.decorator.js';
import { RateLimited } from '../session/guards/rate-limited.decorator.js';
import type { Caller, Principal } from '../session/principal.js';
import { OrgStanding } from './org.standing.js';

const ids = { applicationId: 'Id of the application: its `client_id`.' };

/** The routes with which an organisation's owners register applications of the organisation. */
@ApiController('api/v1/orgs/:id/applications', {
  tag: 'applications',
  ids: { id: 'Id of the organisation.' },
  problems: ['forbidden', 'not_found', 'provider_unavailable', 'reauthentication_required'],
})
export class OrgApplicationsController {
  readonly #applications: ApplicationsService;
  readonly #standing: OrgStanding;

  constructor(applications: ApplicationsService, standing: OrgStanding) {
    this.#applications = applications;
    this.#standing = standing;
  }

  @ApiRoute('POST', '', {
    scope: 'applications:write',
    recentLogin: true,
    summary: 'Register an application of an organisation',
    description:
      'For owners. Users are always asked for their consent. Its secret is shown in this answer and never again.',
    answer: { status: 201, description: 'Registered.', schema: createdApplicationSchema },
    problems: ['conflict', 'rate_limited'],
  })
  @RateLimited('creation-address', 'all')
  async create(
    @Param('id') orgId: string,
    @Body({ schema: orgApplicationBodySchema }) body: z.output<typeof orgApplicationBodySchema>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof createdApplicationSchema>> {
    const id = await this.#standing.require(caller.principal, orgId, 'application.write');
    const created = await this.#applications.create(caller, body, id);
    void reply.header('location', `/api/v1/orgs/${id}/applications/${created.id}`);
    return created;
  }

  @ApiRoute('GET', '', {
    scope: 'applications:read',
    summary: 'Applications of an organisation',
    description: 'For owners. Oldest first.',
    answer: { description: 'One page.', schema: applicationListSchema },
  })
  async list(
    @Param('id') orgId: string,
    @Query({ schema: pageQuerySchema }) page: PageQuery,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof applicationListSchema>> {
    return this.#applications.list(page, await this.#standing.require(principal, orgId, 'applications.read'));
  }

  @ApiRoute('GET', ':applicationId', {
    scope: 'applications:read',
    summary: 'An application of an organisation',
    description: 'For owners. Never with its secret.',
    ids,
    answer: { description: 'The application.', schema: applicationSchema },
  })
  async get(
    @Param('id') orgId: string,
    @Param('applicationId') id: string,
    @CurrentUser() principal: Principal,
  ): Promise<ApplicationItem> {
    return this.#applications.get(id, await this.#standing.require(principal, orgId, 'applications.read'));
  }

  @ApiRoute('PATCH', ':applicationId', {
    scope: 'applications:write',
    recentLogin: true,
    summary: 'Change an application of an organisation',
    description: 'For owners. Members that are left out stay. The kind can’t be changed.',
    ids,
    answer: { description: 'Changed.', schema: applicationSchema },
  })
  async change(
    @Param('id') orgId: string,
    @Param('applicationId') id: string,
    @Body({ schema: orgApplicationChangesSchema }) changes: z.output<typeof orgApplicationChangesSchema>,
    @CurrentCaller() caller: Caller,
  ): Promise<ApplicationItem> {
    const org = await this.#standing.require(caller.principal, orgId, 'application.write');
    return this.#applications.change(caller, id, changes, org);
  }

  @ApiRoute('POST', ':applicationId/secret', {
    scope: 'applications:write',
    recentLogin: true,
    summary: 'Make a new secret of an organisation’s application',
    description:
      'For owners. It is shown in this answer and never again. The previous one is accepted for a while.',
    ids,
    answer: { status: 201, description: 'Made.', schema: rotatedSecretSchema },
    problems: ['conflict'],
  })
  async rotateSecret(
    @Param('id') orgId: string,
    @Param('applicationId') id: string,
    @Body({ schema: secretRotationSchema }) { keepPreviousFor }: z.output<typeof secretRotationSchema>,
    @CurrentCaller() caller: Caller,
  ): Promise<z.output<typeof rotatedSecretSchema>> {
    const org = await this.#standing.require(caller.principal, orgId, 'application.write');
    return this.#applications.rotateSecret(caller, id, keepPreviousFor, org);
  }

  @ApiRoute('DELETE', ':applicationId', {
    scope: 'applications:write',
    summary: 'Remove an application of an organisation',
    description: 'For owners. Its tokens and its users’ consents end at once.',
    ids,
    answer: { description: 'Removed.' },
  })
  async delete(
    @Param('id') orgId: string,
    @Param('applicationId') id: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    const org = await this.#standing.require(caller.principal, orgId, 'application.write');
    await this.#applications.delete(caller, id, org);
  }
}
