import { Body, Param } from '@nestjs/common';
import type { z } from 'zod';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import type { Caller } from '../../session/principal.js';
import {
  type CrossAppTarget,
  type CrossAppTargetInput,
  crossAppTargetBodySchema,
  crossAppTargetListSchema,
  crossAppTargetSchema,
} from './cross-app-target.schemas.js';
import { CrossAppTargets } from './cross-app-targets.js';

/** The routes with which administrators say where applications may act for users on the word of this gateway. */
@ApiController('api/v1/applications/:id/cross-app-targets', {
  tag: 'cross-app-targets',
  role: 'admin',
  ids: { id: 'Id of the application: its `client_id`.' },
  problems: ['provider_unavailable', 'not_found'],
})
export class CrossAppTargetsController {
  constructor(private readonly targets: CrossAppTargets) {}

  @ApiRoute('GET', '', {
    summary: 'List where an application may act for its users',
    description:
      'The resources of other sites for which the application gets assertions (ID-JAG) about its users, oldest first.',
    answer: { description: 'All targets of the application.', schema: crossAppTargetListSchema },
  })
  async list(@Param('id') id: string): Promise<z.output<typeof crossAppTargetListSchema>> {
    return { items: [...(await this.targets.list(id))] };
  }

  @ApiRoute('POST', '', {
    recentLogin: true,
    summary: 'Let an application act for its users at another site',
    description:
      'The application can then exchange an ID token of a user for an assertion (ID-JAG), with which the other site’s authorization server gives it a token. A target can’t be changed: remove it, and name another one.',
    answer: { status: 201, description: 'Created.', schema: crossAppTargetSchema },
    problems: ['conflict'],
  })
  async create(
    @Param('id') id: string,
    @Body({ schema: crossAppTargetBodySchema }) body: CrossAppTargetInput,
    @CurrentCaller() caller: Caller,
  ): Promise<CrossAppTarget> {
    return this.targets.create(caller, id, body);
  }

  @ApiRoute('DELETE', ':targetId', {
    summary: 'No longer let an application act for its users at another site',
    description: 'It gets no more assertions for it. Tokens that it has are the other site’s.',
    ids: { targetId: 'Id of the target.' },
    answer: { description: 'Removed.' },
  })
  async delete(
    @Param('id') id: string,
    @Param('targetId') targetId: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    await this.targets.delete(caller, id, targetId);
  }
}
