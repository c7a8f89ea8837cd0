import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../platform/errors/problem.error.js';
import { Public } from '../../session/guards/access.decorators.js';
import { MetricsAccess } from './metrics-access.js';
import type { MetricsExposition } from './metrics-exposition.js';

/** Token of what renders the metrics; undefined if they are off. */
export const EXPOSITION = Symbol('exposition of metrics');

/** The route that Prometheus scrapes. It answers 404 if metrics are off. */
@ApiExcludeController()
@Controller('metrics')
@Public()
export class MetricsController {
  constructor(
    private readonly access: MetricsAccess,
    @Inject(EXPOSITION) private readonly exposition: MetricsExposition | undefined,
  ) {}

  @Get()
  async read(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    if (this.exposition === undefined) {
      throw new Problem('not_found');
    }
    this.access.require(request);
    await reply.type(this.exposition.contentType).send(await this.exposition.render());
  }
}
