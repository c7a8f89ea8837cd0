import { Body, Param } from '@nestjs/common';
import type { z } from 'zod';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import type { Caller } from '../../session/principal.js';
import {
  type WorkloadInput,
  type WorkloadItem,
  workloadBodySchema,
  workloadListSchema,
  workloadSchema,
} from './workload.schemas.js';
import { WorkloadRules } from './workload-rules.js';

/** The routes with which administrators say which workloads may be a machine. */
@ApiController('api/v1/applications/:id/workloads', {
  tag: 'workloads',
  role: 'admin',
  ids: { id: 'Id of the machine: its `client_id`.' },
  problems: ['provider_unavailable', 'not_found'],
})
export class WorkloadsController {
  constructor(private readonly rules: WorkloadRules) {}

  @ApiRoute('GET', '', {
    summary: 'List the trusted workloads of a machine',
    description:
      'The rules by which tokens of other issuers can be exchanged for a token of the machine, oldest first.',
    answer: { description: 'All rules of the machine.', schema: workloadListSchema },
  })
  async list(@Param('id') id: string): Promise<z.output<typeof workloadListSchema>> {
    return { items: [...(await this.rules.list(id))] };
  }

  @ApiRoute('POST', '', {
    recentLogin: true,
    summary: 'Trust a workload',
    description:
      'Lets the tokens of a Kubernetes service account, a CI job or another workload be exchanged at `POST /auth/token` for a token of the machine, without a secret. A rule can’t be changed: make another one, and remove it.',
    answer: { status: 201, description: 'Created.', schema: workloadSchema },
    problems: ['conflict'],
  })
  async create(
    @Param('id') id: string,
    @Body({ schema: workloadBodySchema }) body: WorkloadInput,
    @CurrentCaller() caller: Caller,
  ): Promise<WorkloadItem> {
    return this.rules.create(caller, id, body);
  }

  @ApiRoute('DELETE', ':workloadId', {
    summary: 'Stop trusting a workload',
    description: 'All tokens of the machine end at once; what is still trusted gets new ones.',
    ids: { workloadId: 'Id of the rule.' },
    answer: { description: 'Removed.' },
  })
  async delete(
    @Param('id') id: string,
    @Param('workloadId') workloadId: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    await this.rules.delete(caller, id, workloadId);
  }
}
