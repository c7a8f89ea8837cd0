import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { createdInviteSchema } from '../../orgs/invite.schemas.js';
import { orgListSchema } from '../../orgs/org.schemas.js';
import { RequireRole } from '../../session/guards/access.decorators.js';
import { ApiClient } from '../api.client.js';
import { formField, seeOther } from '../form.answer.js';
import { type FormTexts, formErrorsOf } from '../form.errors.js';
import { PageSender } from '../page.sender.js';
import { AdminInvitePage, InvitedPage } from '../views/admin/invite.view.js';
import type { FormState } from '../views/form.state.js';
import { idPart } from './admin.addresses.js';

/** Maximum number of organisations to choose from. Every organisation's own pages have the same form. */
const choices = 100;
const formSchema = z.object({
  email: formField.transform((email) => email.trim()),
  org: formField,
  role: formField,
});
const texts: FormTexts = {
  fields: { email: 'invites.error.email', role: 'orgs.error.role' },
  conflict: { text: 'invites.error.tooMany' },
};

/** The page where an administrator invites a person to an organisation of their choice. */
@ApiExcludeController()
@Controller('admin/invite')
@RequireRole('admin')
export class AdminInviteController {
  readonly #api: ApiClient;
  readonly #pages: PageSender;

  constructor(api: ApiClient, pages: PageSender) {
    this.#api = api;
    this.#pages = pages;
  }

  @Get()
  async form(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#send(request, reply);
  }

  /** Creates an invitation. If it wasn't mailed, only this response shows its link. */
  @Post()
  @HttpCode(200)
  async invite(
    @Body({ schema: formSchema }) values: z.output<typeof formSchema>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { email, org, role } = values;
    const path = `/api/v1/orgs/${idPart(org)}/invites`;
    const call = { method: 'POST', path, body: { email, role } } as const;
    const made = await this.#api
      .change(request, reply, call, createdInviteSchema)
      .catch((error: unknown) => formErrorsOf(error, values, texts));
    if ('form' in made) {
      await this.#send(request, reply.code(made.status), made.form);
      return;
    }
    if (made.url === null) {
      await seeOther(reply, '/admin/users', 'invite_mailed');
      return;
    }
    await this.#pages.send(request, reply, h(InvitedPage, { email, url: made.url }));
  }

  async #send(request: FastifyRequest, reply: FastifyReply, form?: FormState): Promise<void> {
    const path = `/api/v1/orgs?all=true&limit=${choices}`;
    const { items: orgs } = await this.#api.read(request, path, orgListSchema);
    await this.#pages.send(request, reply, h(AdminInvitePage, { orgs, form }));
  }
}
