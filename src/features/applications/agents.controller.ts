import { Query } from '@nestjs/common';
import type { z } from 'zod';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import { agentListSchema, agentQuerySchema } from './agent.schemas.js';
import { ApplicationsService } from './applications.service.js';
import { applicationScopes } from './application-scopes.js';

/** The route with which administrators see the clients that registered themselves. */
@ApiController('api/v1/agents', {
  tag: 'applications',
  role: 'admin',
  problems: ['provider_unavailable', 'database_unavailable'],
})
export class AgentsController {
  constructor(private readonly applications: ApplicationsService) {}

  @ApiRoute('GET', '', {
    scope: applicationScopes['applications:read'],
    summary: 'List the self-registered clients (agents)',
    description:
      'OAuth clients that registered themselves, ordered by id. No administrator has checked them.',
    answer: { description: 'One page of clients.', schema: agentListSchema },
  })
  async list(
    @Query({ schema: agentQuerySchema }) { id, ...page }: z.output<typeof agentQuerySchema>,
  ): Promise<z.output<typeof agentListSchema>> {
    return this.applications.agents(page, id);
  }
}
