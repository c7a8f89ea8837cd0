import { Body, Controller, Get, Post, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { orgSchema } from '../../../orgs/org.schemas.js';
import { orgListSchema } from '../org-management.schemas.js';
import { RequireRole } from '../../../session/guards/access.decorators.js';
import { ApiClient } from '../../../pages/api.client.js';
import { formField, seeOther } from '../../../pages/form-answer.js';
import { type FormTexts, formErrorsOf } from '../../../pages/form-errors.js';
import { PageSender } from '../../../pages/page-sender.js';
import { OrgsPage } from '../views/orgs.view.js';
import type { FormState } from '../../../pages/views/form-state.js';
import { pagingOf, part, queryOf } from '../../../pages/admin/admin-addresses.js';

const pageSize = '25';
const querySchema = z.object({ search: part.transform((text) => text.trim()), cursor: part });
const formSchema = z.object({ name: formField, slug: formField });

const searchTexts: FormTexts = { fields: { search: 'admin.users.badSearch' } };
const newOrgTexts: FormTexts = {
  fields: { name: 'admin.orgs.badName', slug: 'admin.orgs.badSlug' },
  conflicts: { slug_taken: { text: 'admin.orgs.taken', field: 'slug' } },
};

/**
 * The administration's page of all organisations, with a form for a new one. Each has its own page at `/orgs/:id`, where
 * administrators can do what its owners can.
 */
@ApiExcludeController()
@Controller('admin/orgs')
@RequireRole('admin')
export class AdminOrgsController {
  constructor(
    private readonly api: ApiClient,
    private readonly pages: PageSender,
  ) {}

  @Get()
  async list(
    @Query({ schema: querySchema }) query: z.output<typeof querySchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#send(reply, query);
  }

  /** Creates an organisation. The short name is required: with a generated one, a form that is sent twice would create two. */
  @Post()
  async create(
    @Body({ schema: formSchema }) values: z.output<typeof formSchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const call = { method: 'POST', path: '/api/v1/orgs', body: values } as const;
    const made = await this.api
      .change(reply, call, orgSchema)
      .catch((error: unknown) => formErrorsOf(error, values, newOrgTexts));
    if ('form' in made) {
      await this.#send(reply.code(made.status), { search: '', cursor: '' }, made.form);
      return;
    }
    await seeOther(reply, `/orgs/${made.id}`, 'org_created');
  }

  async #send(
    reply: FastifyReply,
    { search, cursor }: z.output<typeof querySchema>,
    newOrg?: FormState,
  ): Promise<void> {
    const query = queryOf({ all: 'true', search, cursor, limit: pageSize });
    const found = await this.api
      .read(reply.request, `/api/v1/orgs?${query}`, orgListSchema)
      .catch((error: unknown) => formErrorsOf(error, { search }, searchTexts));
    if ('form' in found) {
      void reply.code(found.status);
    }
    const page = h(OrgsPage, {
      search: 'form' in found ? found.form : { values: { search }, errors: {} },
      orgs: 'form' in found ? undefined : found.items,
      paging: pagingOf('/admin/orgs', { search }, cursor, 'form' in found ? null : found.nextCursor),
      newOrg,
    });
    await this.pages.send(reply, page);
  }
}
