import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../../session/guards/access.decorators.js';
import { Exposition } from './exposition.js';
import { MetricsAccess } from './metrics-access.js';

/** The route that Prometheus scrapes. It exists only with `METRICS=on`. */
@ApiExcludeController()
@Controller('metrics')
@Public()
export class MetricsController {
  constructor(
    private readonly access: MetricsAccess,
    private readonly exposition: Exposition,
  ) {}

  @Get()
  async read(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    this.access.require(request);
    await reply.type(this.exposition.contentType).send(await this.exposition.render());
  }
}
