import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { Problem } from '../../../platform/errors/problem.error.js';
import { RequiredFactors } from '../../../directory/users/required-factors.js';
import { orgSchema } from '../../../orgs/org.schemas.js';
import { ApiClient } from '../../../pages/api.client.js';
import { formField, noContent, noticeOf, seeOther } from '../../../pages/form-answer.js';
import { type FormTexts, formErrorsOf } from '../../../pages/form-errors.js';
import type { OpenOrg } from '../../../pages/views/orgs/org-layout.view.js';
import { OrgQuestionPage } from '../views/org-question.view.js';
import { OrgSettingsPage } from '../views/org-settings.view.js';
import { OrgPages, orgPage, orgPath } from '../../../pages/orgs/org.pages.js';
import { type ListQuery, listQuerySchema } from '../../../pages/orgs/org.query.js';

const trimmed = formField.transform((text) => text.trim());
const formSchema = z.object({
  name: trimmed,
  slug: trimmed,
  domain: trimmed,
  joinPolicy: formField,
  secondFactor: formField,
});

const texts: FormTexts = {
  fields: {
    name: 'orgs.error.name',
    slug: 'orgs.error.slug',
    domain: 'orgs.error.domain',
    joinPolicy: 'orgs.error.joinPolicy',
  },
  quota: 'orgs.error.tooManyNames',
  conflicts: {
    slug_taken: { text: 'orgs.error.slugTaken', field: 'slug' },
    domain_taken: { text: 'orgs.error.domainTaken', field: 'domain' },
  },
};

/** The page of an organisation's settings, and the one that asks for confirmation before it's deleted. */
@ApiExcludeController()
@Controller('orgs/:id')
export class OrgSettingsPageController {
  constructor(
    private readonly api: ApiClient,
    private readonly pages: OrgPages,
    private readonly factors: RequiredFactors,
  ) {}

  @Get('settings')
  async settings(
    @Param('id') id: string,
    @Query({ schema: listQuerySchema }) { notice }: ListQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const open = await this.#openFor(reply, id, 'org.update');
    await this.pages.send(
      reply,
      h(OrgSettingsPage, { ...open, notice, hasFactorPolicy: this.factors.areServed }),
    );
  }

  @Post('settings')
  async save(
    @Param('id') id: string,
    @Body({ schema: formSchema }) values: z.output<typeof formSchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const open = await this.pages.open(reply, id);
    const { secondFactor, slug, ...others } = values;
    const body = {
      ...others,
      // An administrator who sends it confirms a reserved one.
      ...(slug === open.org.slug ? {} : { slug }),
      domain: values.domain === '' ? null : values.domain,
      // A change of it takes a recent login, so it's only sent if it is one.
      ...(secondFactor === '' || secondFactor === open.org.secondFactor ? {} : { secondFactor }),
    };
    const call = { method: 'PATCH', path: orgPath(id), body } as const;
    try {
      await this.api.change(reply, call, orgSchema);
    } catch (error) {
      const { status, form } = formErrorsOf(error, values, texts);
      await this.pages.send(
        reply,
        h(OrgSettingsPage, { ...open, form, hasFactorPolicy: this.factors.areServed }),
        status,
      );
      return;
    }
    await seeOther(reply, orgPage(id, '/settings'), 'org_saved');
  }

  @Get('delete')
  async ask(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const { org } = await this.#openFor(reply, id, 'org.delete');
    await this.pages.send(reply, h(OrgQuestionPage, { org, question: 'delete' }));
  }

  @Post('delete')
  async delete(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const change = this.api.change(reply, { method: 'DELETE', path: orgPath(id) }, noContent);
    await seeOther(reply, '/', await noticeOf(change, 'org_deleted', 'org_gone'));
  }

  /**
   * Opens an organisation for a page that only people with this permission see. The API checks it only once a form is sent.
   * @throws {Problem} `not_found`, `forbidden`
   */
  async #openFor(reply: FastifyReply, id: string, act: 'org.update' | 'org.delete'): Promise<OpenOrg> {
    const open = await this.pages.open(reply, id);
    if (!open.can(act)) {
      throw new Problem('forbidden', { reason: 'org_role_missing' });
    }
    return open;
  }
}
