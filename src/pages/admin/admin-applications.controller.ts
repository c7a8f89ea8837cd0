import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import type { z } from 'zod';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { RequireRole } from '../../session/guards/access.decorators.js';
import { RequireRecentLogin } from '../../session/guards/step-up.decorators.js';
import { changesSchema, newApplicationSchema, rotationSchema } from '../applications/application.form.js';
import { ApplicationPages, type Visit } from '../applications/application.pages.js';
import { type ListQuery, listQuerySchema } from '../orgs/org.query.js';
import { PageSender } from '../page-sender.js';
import { ApplicationsElsewherePage } from '../views/applications/applications-elsewhere.view.js';

const place = { path: '/admin/applications' };

/** The administration's pages of all applications that log users in here. */
@ApiExcludeController()
@Controller('admin/applications')
@RequireRole('admin')
export class AdminApplicationsController {
  constructor(private readonly applications: ApplicationPages) {}

  @Get()
  async list(
    @Query({ schema: listQuerySchema }) query: ListQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.list(visitOf(request, reply), query);
  }

  /** It requires a recent login already, so that the form isn't refused for lack of one. */
  @Get('new')
  @RequireRecentLogin()
  async form(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.applications.form(visitOf(request, reply));
  }

  @Get('agents')
  async agents(
    @Query({ schema: listQuerySchema }) query: ListQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.agents(visitOf(request, reply), query);
  }

  @Get('agents/:id')
  async agent(
    @Param('id') id: string,
    @Query({ schema: listQuerySchema }) query: ListQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.agent(visitOf(request, reply), id, query);
  }

  @Post()
  @HttpCode(200)
  async create(
    @Body({ schema: newApplicationSchema }) values: z.output<typeof newApplicationSchema>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.create(visitOf(request, reply), values);
  }

  @Get(':id')
  async show(
    @Param('id') id: string,
    @Query({ schema: listQuerySchema }) query: ListQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.show(visitOf(request, reply), id, query);
  }

  @Post(':id')
  async change(
    @Param('id') id: string,
    @Body({ schema: changesSchema }) values: z.output<typeof changesSchema>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.change(visitOf(request, reply), id, values);
  }

  @Post(':id/secret')
  @HttpCode(200)
  async rotate(
    @Param('id') id: string,
    @Body({ schema: rotationSchema }) values: z.output<typeof rotationSchema>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.rotate(visitOf(request, reply), id, values);
  }

  @Get(':id/remove')
  async ask(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.ask(visitOf(request, reply), id);
  }

  @Post(':id/remove')
  async remove(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.remove(visitOf(request, reply), id);
  }
}

function visitOf(request: FastifyRequest, reply: FastifyReply): Visit {
  return { request, reply, place, api: '/api/v1/applications' };
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
