import { Body, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { CurrentUser } from '../../../session/guards/access.decorators.js';
import { ApiController, ApiRoute } from '../../../session/guards/api-route.js';
import { CurrentCaller } from '../../../session/guards/caller.decorators.js';
import { RateLimited } from '../../../session/guards/rate-limited.decorators.js';
import type { Caller, Principal } from '../../../session/principal.js';
import {
  type ConnectionItem,
  type ConnectionReport,
  connectionBodySchema,
  connectionChangesSchema,
  connectionListSchema,
  connectionReportSchema,
  connectionSchema,
  connectionTestSchema,
} from './org-connection.schemas.js';
import { OrgConnectionsService } from './org-connections.service.js';
import { connectionScopes } from '../connection-scopes.js';

const ids = { connectionId: 'Id of the connection.' };

/** The routes with which an organisation's owners connect their company's login. */
@ApiController('api/v1/orgs/:id/connections', {
  tag: 'connections',
  ids: { id: 'Id of the organisation.' },
  problems: ['forbidden', 'not_found', 'reauthentication_required'],
})
export class OrgConnectionsController {
  constructor(private readonly connections: OrgConnectionsService) {}

  @ApiRoute('POST', '', {
    scope: connectionScopes['connections:write'],
    recentLogin: true,
    summary: 'Connect a company’s login',
    description:
      'For owners. Lets users log in through the company’s identity provider or directory. The addresses in the settings must be public, or allowed by the operator. Secrets are never returned.',
    answer: { status: 201, description: 'Connected.', schema: connectionSchema },
    problems: ['conflict', 'overloaded'],
  })
  async create(
    @Param('id') org: string,
    @Body({ schema: connectionBodySchema }) body: z.output<typeof connectionBodySchema>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ConnectionItem> {
    const made = await this.connections.create(caller, org, body);
    void reply.header('location', `/api/v1/orgs/${org.toLowerCase()}/connections/${made.id}`);
    return made;
  }

  @ApiRoute('GET', '', {
    scope: connectionScopes['connections:read'],
    summary: 'List an organisation’s connections',
    description: 'For owners. Secrets are never returned.',
    answer: { description: 'All connections.', schema: connectionListSchema },
  })
  async list(
    @Param('id') org: string,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof connectionListSchema>> {
    const found = await this.connections.list(principal, org);
    return { ...found, kinds: [...this.connections.kinds] };
  }

  @ApiRoute('GET', ':connectionId', {
    scope: connectionScopes['connections:read'],
    summary: 'Get an organisation’s connection',
    description: 'For owners. Secrets are never returned.',
    ids,
    answer: { description: 'The connection.', schema: connectionSchema },
  })
  async get(
    @Param('id') org: string,
    @Param('connectionId') connection: string,
    @CurrentUser() principal: Principal,
  ): Promise<ConnectionItem> {
    return this.connections.get(principal, { org, connection });
  }

  @ApiRoute('PATCH', ':connectionId', {
    scope: connectionScopes['connections:write'],
    recentLogin: true,
    summary: 'Change an organisation’s connection',
    description: 'For owners. Properties that are left out don’t change. The kind can’t be changed.',
    ids,
    answer: { description: 'Changed.', schema: connectionSchema },
    problems: ['conflict', 'overloaded'],
  })
  async change(
    @Param('id') org: string,
    @Param('connectionId') connection: string,
    @Body({ schema: connectionChangesSchema }) changes: z.output<typeof connectionChangesSchema>,
    @CurrentCaller() caller: Caller,
  ): Promise<ConnectionItem> {
    return this.connections.change(caller, { org, connection }, changes);
  }

  @ApiRoute('POST', ':connectionId/test', {
    scope: connectionScopes['connections:write'],
    summary: 'Test an organisation’s connection',
    description: 'For owners. Tries each step that a login needs, and reports the first that fails.',
    ids,
    answer: { status: 200, description: 'The report of the test.', schema: connectionReportSchema },
    problems: ['rate_limited'],
  })
  @RateLimited('connection-address', 'all')
  async test(
    @Param('id') org: string,
    @Param('connectionId') connection: string,
    @Body({ schema: connectionTestSchema }) { address }: z.output<typeof connectionTestSchema>,
    @CurrentCaller() caller: Caller,
  ): Promise<ConnectionReport> {
    return this.connections.test(caller, { org, connection }, address);
  }

  @ApiRoute('DELETE', ':connectionId', {
    scope: connectionScopes['connections:write'],
    recentLogin: true,
    summary: 'Remove an organisation’s connection',
    description: 'For owners. Sessions that began through the connection end. Its users stay members.',
    ids,
    answer: { description: 'Removed.' },
  })
  async delete(
    @Param('id') org: string,
    @Param('connectionId') connection: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    await this.connections.remove(caller, { org, connection });
  }
}
