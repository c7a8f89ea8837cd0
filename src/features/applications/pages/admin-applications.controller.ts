import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { RequireRole } from '../../../session/guards/access.decorators.js';
import { ApplicationPagesController } from './application-pages.controller.js';
import { ApplicationPages, type Visit } from './application.pages.js';
import { type ListQuery, listQuerySchema } from '../../../pages/orgs/org.query.js';

/** The administration's pages of all applications that log users in here. */
@ApiExcludeController()
@Controller('admin/applications')
@RequireRole('admin')
export class AdminApplicationsController extends ApplicationPagesController {
  constructor(protected override readonly applications: ApplicationPages) {
    super();
  }

  @Get('agents')
  async agents(
    @Query({ schema: listQuerySchema }) query: ListQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.agents(this.visit(reply), query);
  }

  @Get('agents/:id')
  async agent(
    @Param('id') id: string,
    @Query({ schema: listQuerySchema }) query: ListQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.agent(this.visit(reply), id, query);
  }

  protected override visit(reply: FastifyReply): Visit {
    const place = { path: '/admin/applications' };
    return { reply, place, api: '/api/v1/applications' };
  }
}
