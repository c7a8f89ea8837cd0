import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import type { z } from 'zod';
import { Clock } from '../../../platform/time/clock.service.js';
import { requireId } from '../../../orgs/org-access.js';
import { createdOrgKeySchema, orgKeyListSchema } from '../org-api-keys.schemas.js';
import { leadingBackTo } from '../../../pages/admin/admin-refusals.js';
import { ApiClient } from '../../../pages/api.client.js';
import { formField, noContent, noticeOf, seeOther } from '../../../pages/form-answer.js';
import { formErrorsOf } from '../../../pages/form-errors.js';
import { endOf, keyFormSchema, keyFormTexts, scopeIn, wrongLife } from '../../../pages/key.form.js';
import { CreatedKeyPage } from '../../../pages/views/api-keys.view.js';
import { OrgKeysPage, type OrgKeysPageProps } from '../views/org-keys.view.js';
import { OrgPages, orgPage, orgPath } from '../../../pages/orgs/org.pages.js';
import { type ListQuery, listQuerySchema } from '../../../pages/orgs/org.query.js';

const formSchema = keyFormSchema.extend({ role: formField });
/** Reserved names are refused here, because the name becomes the service account's. */
const formTexts = { ...keyFormTexts, fields: { ...keyFormTexts.fields, name: 'orgs.error.name' } } as const;

/** The page of an organisation's API keys, and its forms. */
@ApiExcludeController()
@Controller('orgs/:id/api-keys')
export class OrgKeysPageController {
  constructor(
    private readonly api: ApiClient,
    private readonly pages: OrgPages,
    private readonly clock: Clock,
  ) {}

  @Get()
  async keys(
    @Param('id') id: string,
    @Query({ schema: listQuerySchema }) { after, notice }: ListQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const page = await this.#pageOf(reply, id, after);
    await this.pages.send(reply, h(OrgKeysPage, { ...page, notice }));
  }

  /** Creates a key. Only this response shows it. */
  @Post()
  @HttpCode(200)
  async create(
    @Param('id') id: string,
    @Body({ schema: formSchema }) values: z.output<typeof formSchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { name, role, life } = values;
    const expiresAt = endOf(life, this.clock.now());
    const path = orgPath(id, '/api-keys');
    const body = { name, role, scope: scopeIn(values, this.pages.scopes(reply)), expiresAt };
    const call = { method: 'POST', path, body } as const;
    const made =
      expiresAt === undefined
        ? wrongLife(values)
        : await this.api
            .change(reply, call, createdOrgKeySchema)
            .catch((error: unknown) =>
              formErrorsOf(leadingBackTo(orgPage(id, '/api-keys'), error), values, formTexts),
            );
    if ('form' in made) {
      const page = await this.#pageOf(reply, id);
      await this.pages.send(reply, h(OrgKeysPage, { ...page, form: made.form }), made.status);
      return;
    }
    const { org } = await this.pages.open(reply, id);
    const place = { name: org.name, href: orgPage(id, '/api-keys') };
    const page = h(CreatedKeyPage, { name: made.name, value: made.key, org: place });
    await this.pages.send(reply, page);
  }

  @Post(':keyId/revoke')
  async revoke(
    @Param('id') id: string,
    @Param('keyId') keyId: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const call = { method: 'DELETE', path: orgPath(id, `/api-keys/${requireId(keyId)}`) } as const;
    const change = this.api.change(reply, call, noContent);
    const notice = await noticeOf(change, 'key_revoked', 'key_gone');
    await seeOther(reply, orgPage(id, '/api-keys'), notice);
  }

  async #pageOf(reply: FastifyReply, id: string, after?: string): Promise<OrgKeysPageProps> {
    const open = await this.pages.open(reply, id);
    const place = { path: orgPath(id, '/api-keys'), after };
    const keys = await this.pages.list(reply, place, orgKeyListSchema);
    return { ...open, keys, isLater: after !== undefined };
  }
}
