import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { userListSchema } from '../users.schemas.js';
import { RequireRole } from '../../../session/guards/access.decorators.js';
import { ApiClient } from '../../../pages/api.client.js';
import { formErrorsOf } from '../../../pages/form-errors.js';
import { PageSender } from '../../../pages/page-sender.js';
import { UsersPage } from '../views/users.view.js';
import { noticeIn } from '../../../pages/views/notice.view.js';
import { pagingOf, part, queryOf } from '../../../pages/admin/admin-addresses.js';

const pageSize = '25';
const querySchema = z.object({
  search: part.transform((text) => text.trim()),
  role: part,
  state: part,
  cursor: part,
  notice: z.unknown().optional(),
});

/** The list of users, which is the administration's start page. */
@ApiExcludeController()
@Controller('admin/users')
@RequireRole('admin')
export class AdminUsersController {
  constructor(
    private readonly api: ApiClient,
    private readonly pages: PageSender,
  ) {}

  @Get()
  async list(
    @Query({ schema: querySchema }) query: z.output<typeof querySchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { cursor, notice, ...values } = query;
    const path = `/api/v1/users?${queryOf({ ...values, cursor, limit: pageSize })}`;
    const found = await this.api
      .read(reply.request, path, userListSchema)
      .catch((error: unknown) =>
        formErrorsOf(error, values, { fields: { search: 'admin.users.badSearch' } }),
      );
    if ('form' in found) {
      void reply.code(found.status);
    }
    const page = h(UsersPage, {
      form: 'form' in found ? found.form : { values, errors: {} },
      users: 'form' in found ? undefined : found.items,
      paging: pagingOf('/admin/users', values, cursor, 'form' in found ? null : found.nextCursor),
      notice: noticeIn(notice),
    });
    await this.pages.send(reply, page);
  }
}
