import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { RequireRole } from '../../session/guards/access.decorators.js';
import { ApplicationPagesController } from '../applications/application-pages.controller.js';
import { ApplicationPages, type Visit } from '../applications/application.pages.js';
import { type ListQuery, listQuerySchema } from '../orgs/org.query.js';
import { PageSender } from '../page-sender.js';
import { ApplicationsElsewherePage } from '../views/applications/applications-elsewhere.view.js';

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
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.agents(this.visit(request, reply), query);
  }

  @Get('agents/:id')
  async agent(
    @Param('id') id: string,
    @Query({ schema: listQuerySchema }) query: ListQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.agent(this.visit(request, reply), id, query);
  }

  protected override visit(request: FastifyRequest, reply: FastifyReply): Visit {
    const place = { path: '/admin/applications' };
    return { request, reply, place, api: '/api/v1/applications' };
  }
}

/** The administration's page of applications where another provider registers them: it states where. */
@ApiExcludeController()
@Controller('admin/applications')
@RequireRole('admin')
export class AdminApplicationsElsewhereController {
  readonly #issuer: string | undefined;

  constructor(
    private readonly pages: PageSender,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#issuer = configuration.AUTH_PROVIDER === 'oidc' ? configuration.OIDC_ISSUER : undefined;
  }

  @Get()
  async state(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.pages.send(request, reply, h(ApplicationsElsewherePage, { issuer: this.#issuer }));
  }
}
