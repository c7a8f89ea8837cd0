import { Body, Controller, Get, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { Problem } from '../../core/problem.error.js';
import { type OrgAnswer, orgSchema } from '../../orgs/org.schemas.js';
import { ApiClient } from '../api.client.js';
import { formField, noContent, noticeOf, seeOther } from '../form.answer.js';
import { type FormTexts, mendingOf } from '../form.mending.js';
import type { OpenOrg } from '../views/orgs/org-layout.view.js';
import { OrgQuestionPage } from '../views/orgs/org-question.view.js';
import { OrgSettingsPage } from '../views/orgs/org-settings.view.js';
import { OrgPages, orgPage, orgPath } from './org.pages.js';
import { type ListQuery, listQuerySchema } from './org.query.js';

const trimmed = formField.transform((text) => text.trim());
const formSchema = z.object({ name: trimmed, slug: trimmed, domain: trimmed, joinPolicy: formField });
type Settings = z.output<typeof formSchema>;

/** The page of an organisation's settings, and the one that asks before it's deleted. */
@ApiExcludeController()
@Controller('orgs/:id')
export class OrgSettingsPageController {
  readonly #api: ApiClient;
  readonly #pages: OrgPages;

  constructor(api: ApiClient, pages: OrgPages) {
    this.#api = api;
    this.#pages = pages;
  }

  @Get('settings')
  async settings(
    @Param('id') id: string,
    @Query({ schema: listQuerySchema }) { notice }: ListQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const open = await this.#openFor(request, id, 'org.update');
    await this.#pages.send(request, reply, h(OrgSettingsPage, { ...open, notice }));
  }

  @Post('settings')
  async save(
    @Param('id') id: string,
    @Body({ schema: formSchema }) values: Settings,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const open = await this.#pages.open(request, id);
    const body = { ...values, domain: values.domain === '' ? null : values.domain };
    const call = { method: 'PATCH', path: orgPath(id), body } as const;
    try {
      await this.#api.change(request, reply, call, orgSchema);
    } catch (error) {
      const { status, form } = mendingOf(error, values, textsFor(open.org, values));
      await this.#pages.send(request, reply, h(OrgSettingsPage, { ...open, form }), status);
      return;
    }
    await seeOther(reply, orgPage(id, '/settings'), 'org_saved');
  }

  @Get('delete')
  async ask(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { org } = await this.#openFor(request, id, 'org.delete');
    await this.#pages.send(request, reply, h(OrgQuestionPage, { org, question: 'delete' }));
  }

  @Post('delete')
  async delete(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const change = this.#api.change(request, reply, { method: 'DELETE', path: orgPath(id) }, noContent);
    await seeOther(reply, '/', await noticeOf(change, 'org_deleted', 'org_gone'));
  }

  /** Whoever may not do what a page is for doesn't see it: nothing there asks the API before a form is sent. */
  async #openFor(request: FastifyRequest, id: string, act: 'org.update' | 'org.delete'): Promise<OpenOrg> {
    const open = await this.#pages.open(request, id);
    if (!open.can(act)) {
      throw new Problem('forbidden', { reason: 'org_role_missing' });
    }
    return open;
  }
}

/** Only what was changed can be taken; with both it's either. */
function textsFor(org: OrgAnswer, { slug, domain }: Settings): FormTexts {
  const changed = [
    ...(slug === org.slug ? [] : ['slug']),
    ...(domain.toLowerCase() === (org.domain ?? '') ? [] : ['domain']),
  ];
  return {
    fields: {
      name: 'orgs.error.name',
      slug: 'orgs.error.slug',
      domain: 'orgs.error.domain',
      joinPolicy: 'orgs.error.joinPolicy',
    },
    conflict:
      changed.length === 1
        ? {
            text: changed[0] === 'slug' ? 'orgs.error.slugTaken' : 'orgs.error.domainTaken',
            field: changed[0],
          }
        : { text: 'orgs.error.eitherTaken' },
  };
}
