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
} from './application.schemas.js';
import { ApplicationsService, type OwningOrg } from './applications.service.js';
import { type PageQuery, pageQuerySchema } from '../../platform/http/page-cursor.js';
import { CurrentUser } from '../../session/guards/access.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { RateLimited } from '../../session/guards/rate-limited.decorators.js';
import type { Caller, Principal } from '../../session/principal.js';
import { OrgAuthorization } from '../../orgs/org-authorization.js';
import { applicationScopes } from './application-scopes.js';

const ids = { applicationId: 'Id of the application: its `client_id`.' };

/** The routes with which an organisation's owners register applications of the organisation. */
@ApiController('api/v1/orgs/:id/applications', {
  tag: 'applications',
  ids: { id: 'Id of the organisation.' },
  problems: ['forbidden', 'not_found', 'provider_unavailable', 'reauthentication_required'],
})
export class OrgApplicationsController {
  constructor(
    private readonly applications: ApplicationsService,
    private readonly authorization: OrgAuthorization,
  ) {}

  @ApiRoute('POST', '', {
    scope: applicationScopes['applications:write'],
    recentLogin: true,
    summary: 'Register an application of an organisation',
    description:
      'For owners. The application always asks users for consent. Its client secret is shown only in this response.',
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
    const { principal } = caller;
    const id = await this.authorization.require(principal, orgId, 'application.write');
    const created = await this.applications.create(caller, body, id, (transaction) =>
      this.authorization.requireWithin(transaction, principal, id, 'application.write'),
    );
    void reply.header('location', `/api/v1/orgs/${id}/applications/${created.id}`);
    return created;
  }

  @ApiRoute('GET', '', {
    scope: applicationScopes['applications:read'],
    summary: 'List an organisation’s applications',
    description: 'For owners. Oldest first.',
    answer: { description: 'One page of applications.', schema: applicationListSchema },
  })
  async list(
    @Param('id') orgId: string,
    @Query({ schema: pageQuerySchema }) page: PageQuery,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof applicationListSchema>> {
    return this.applications.list(
      page,
      await this.authorization.require(principal, orgId, 'applications.read'),
    );
  }

  @ApiRoute('GET', ':applicationId', {
    scope: applicationScopes['applications:read'],
    summary: 'Get an organisation’s application',
    description: 'For owners. The client secret is never included.',
    ids,
    answer: { description: 'The application.', schema: applicationSchema },
  })
  async get(
    @Param('id') orgId: string,
    @Param('applicationId') id: string,
    @CurrentUser() principal: Principal,
  ): Promise<ApplicationItem> {
    return this.applications.get(id, await this.authorization.require(principal, orgId, 'applications.read'));
  }

  @ApiRoute('PATCH', ':applicationId', {
    scope: applicationScopes['applications:write'],
    recentLogin: true,
    summary: 'Change an organisation’s application',
    description: 'For owners. Properties that are left out don’t change. The kind can’t be changed.',
    ids,
    answer: { description: 'Changed.', schema: applicationSchema },
  })
  async change(
    @Param('id') orgId: string,
    @Param('applicationId') id: string,
    @Body({ schema: orgApplicationChangesSchema }) changes: z.output<typeof orgApplicationChangesSchema>,
    @CurrentCaller() caller: Caller,
  ): Promise<ApplicationItem> {
    const org = await this.#owned(caller, orgId);
    return this.applications.change(caller, id, changes, org);
  }

  @ApiRoute('POST', ':applicationId/secret', {
    scope: applicationScopes['applications:write'],
    recentLogin: true,
    summary: 'Rotate the secret of an organisation’s application',
    description:
      'For owners. Creates a new client secret, which is shown only in this response. The previous secret is accepted for `keepPreviousFor` seconds.',
    ids,
    answer: { status: 201, description: 'Created.', schema: rotatedSecretSchema },
    problems: ['conflict'],
  })
  async rotateSecret(
    @Param('id') orgId: string,
    @Param('applicationId') id: string,
    @Body({ schema: secretRotationSchema }) { keepPreviousFor }: z.output<typeof secretRotationSchema>,
    @CurrentCaller() caller: Caller,
  ): Promise<z.output<typeof rotatedSecretSchema>> {
    const org = await this.#owned(caller, orgId);
    return this.applications.rotateSecret(caller, id, keepPreviousFor, org);
  }

  @ApiRoute('DELETE', ':applicationId', {
    scope: applicationScopes['applications:write'],
    summary: 'Remove an organisation’s application',
    description: 'For owners. The application’s tokens and its users’ consents end at once.',
    ids,
    answer: { description: 'Removed.' },
  })
  async delete(
    @Param('id') orgId: string,
    @Param('applicationId') id: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    const org = await this.#owned(caller, orgId);
    await this.applications.delete(caller, id, org);
  }

  async #owned({ principal }: Caller, given: string): Promise<OwningOrg> {
    const requireStill = () => this.authorization.require(principal, given, 'application.write');
    return { id: await requireStill(), requireStill };
  }
}
