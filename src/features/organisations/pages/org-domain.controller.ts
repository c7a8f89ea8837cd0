import { Body, Controller, Param, Post, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Problem } from '../../../platform/errors/problem.error.js';
import { orgSchema } from '../../../orgs/org.schemas.js';
import { leadingBackTo } from '../../../pages/admin/admin-refusals.js';
import { type ApiCall, ApiClient } from '../../../pages/api.client.js';
import { formField, seeOther } from '../../../pages/form-answer.js';
import { orgPage, orgPath } from '../../../pages/orgs/org.pages.js';

const formSchema = z.object({ domain: formField });

/** The forms that confirm an organisation's domain, on the page of its settings. */
@ApiExcludeController()
@Controller('orgs/:id/domain')
export class OrgDomainFormController {
  constructor(private readonly api: ApiClient) {}

  @Post('check')
  async check(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    await this.#change(reply, id, { method: 'POST', path: orgPath(id, '/domain/check') });
  }

  @Post('confirm')
  async confirm(
    @Param('id') id: string,
    @Body({ schema: formSchema }) body: z.output<typeof formSchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#change(reply, id, { method: 'POST', path: orgPath(id, '/domain/confirm'), body });
  }

  async #change(reply: FastifyReply, id: string, call: ApiCall): Promise<void> {
    const settings = orgPage(id, '/settings');
    try {
      await this.api.change(reply, call, orgSchema);
      await seeOther(reply, settings, 'org_domain_confirmed');
    } catch (error) {
      if (error instanceof Problem && error.definition.status === 409) {
        await seeOther(reply, settings, 'org_domain_unconfirmed');
        return;
      }
      throw leadingBackTo(settings, error);
    }
  }
}
