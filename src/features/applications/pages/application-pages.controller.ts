import { Body, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { RequireRecentLogin } from '../../../session/guards/step-up.decorators.js';
import { type ListQuery, listQuerySchema } from '../../../pages/orgs/org.query.js';
import { changesSchema, newApplicationSchema, rotationSchema } from './application.form.js';
import type { ApplicationPages, Visit } from './application.pages.js';

/** An application by the ids in the URL. `id` is that of the organisation, on the pages of one. */
interface Place {
  readonly id?: string;
  readonly applicationId: string;
}

/** The routes of the pages of applications, which the administration and each organisation have alike. */
export abstract class ApplicationPagesController {
  protected abstract readonly applications: ApplicationPages;

  /** @param id of the organisation, as in the URL; undefined in the administration. */
  protected abstract visit(reply: FastifyReply, id: string | undefined): Visit | Promise<Visit>;

  @Get()
  async list(
    @Param('id') id: string | undefined,
    @Query({ schema: listQuerySchema }) query: ListQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.list(await this.visit(reply, id), query);
  }

  /** It requires a recent login already, so that the form isn't refused for lack of one. */
  @Get('new')
  @RequireRecentLogin()
  async form(@Param('id') id: string | undefined, @Res() reply: FastifyReply): Promise<void> {
    await this.applications.form(await this.visit(reply, id));
  }

  @Post()
  @HttpCode(200)
  async create(
    @Param('id') id: string | undefined,
    @Body({ schema: newApplicationSchema }) values: z.output<typeof newApplicationSchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.create(await this.visit(reply, id), values);
  }

  @Get(':applicationId')
  async show(
    @Param() { id, applicationId }: Place,
    @Query({ schema: listQuerySchema }) query: ListQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.show(await this.visit(reply, id), applicationId, query);
  }

  @Post(':applicationId')
  async change(
    @Param() { id, applicationId }: Place,
    @Body({ schema: changesSchema }) values: z.output<typeof changesSchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.change(await this.visit(reply, id), applicationId, values);
  }

  @Post(':applicationId/secret')
  @HttpCode(200)
  async rotate(
    @Param() { id, applicationId }: Place,
    @Body({ schema: rotationSchema }) values: z.output<typeof rotationSchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.applications.rotate(await this.visit(reply, id), applicationId, values);
  }

  @Get(':applicationId/remove')
  async ask(@Param() { id, applicationId }: Place, @Res() reply: FastifyReply): Promise<void> {
    await this.applications.ask(await this.visit(reply, id), applicationId);
  }

  @Post(':applicationId/remove')
  async remove(@Param() { id, applicationId }: Place, @Res() reply: FastifyReply): Promise<void> {
    await this.applications.remove(await this.visit(reply, id), applicationId);
  }
}
