import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../../session/guards/access.decorators.js';
import { MetricsAccess } from './metrics-access.js';
import { MetricsExposition } from './metrics-exposition.js';

/** The route that Prometheus scrapes. */
@ApiExcludeController()
@Controller('metrics')
@Public()
export class MetricsController {
  constructor(
    private readonly access: MetricsAccess,
    private readonly exposition: MetricsExposition,
  ) {}

  @Get()
  async read(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    this.access.require(request);
    await reply.type(this.exposition.contentType).send(await this.exposition.render());
  }
}
