import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { RequireRecentLogin } from '../../session/guards/step-up.decorators.js';
import { changesSchema, newApplicationSchema, rotationSchema } from '../applications/application.form.js';
import { ApplicationPages, type Visit } from '../applications/application.pages.js';
import { OrgPages, orgPage, orgPath } from './org.pages.js';
import { type ListQuery, listQuerySchema } from './org.query.js';

/** An application of an organisation, by the ids in the URL. */
interface Place {
  readonly id: string;
  readonly applicationId: string;
}

/** The pages of an organisation's applications, for its owners. */
@ApiExcludeController()
@Controller('orgs/:id/applications')
export class OrgApplicationsPageController {
  constructor(
    private readonly applications: ApplicationPages,
    private readonly orgs: OrgPages,
  ) {}

  @Get()
  async list(
    @Param('id') id: string,
    @Query({ schema: listQuerySchema }) query: ListQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.list(await this.#visit(request, reply, id), query);
  }

  /** It requires a recent login already, so that the form isn't refused for lack of one. */
  @Get('new')
  @RequireRecentLogin()
  async form(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.form(await this.#visit(request, reply, id));
  }

  @Post()
  @HttpCode(200)
  async create(
    @Param('id') id: string,
    @Body({ schema: newApplicationSchema }) values: z.output<typeof newApplicationSchema>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.create(await this.#visit(request, reply, id), values);
  }

  @Get(':applicationId')
  async show(
    @Param() { id, applicationId }: Place,
    @Query({ schema: listQuerySchema }) query: ListQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.show(await this.#visit(request, reply, id), applicationId, query);
  }

  @Post(':applicationId')
  async change(
    @Param() { id, applicationId }: Place,
    @Body({ schema: changesSchema }) values: z.output<typeof changesSchema>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.change(await this.#visit(request, reply, id), applicationId, values);
  }

  @Post(':applicationId/secret')
  @HttpCode(200)
  async rotate(
    @Param() { id, applicationId }: Place,
    @Body({ schema: rotationSchema }) values: z.output<typeof rotationSchema>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.rotate(await this.#visit(request, reply, id), applicationId, values);
  }

  @Get(':applicationId/remove')
  async ask(
    @Param() { id, applicationId }: Place,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.ask(await this.#visit(request, reply, id), applicationId);
  }

  @Post(':applicationId/remove')
  async remove(
    @Param() { id, applicationId }: Place,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.remove(await this.#visit(request, reply, id), applicationId);
  }

  async #visit(request: FastifyRequest, reply: FastifyReply, id: string): Promise<Visit> {
    const org = await this.orgs.open(request, id);
    const place = { path: orgPage(id, '/applications'), org };
    return { request, reply, place, api: orgPath(id, '/applications') };
  }
}
