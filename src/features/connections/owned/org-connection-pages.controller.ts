import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import {
  type ConnectionItem,
  type ConnectionList,
  type ConnectionReport,
  connectionListSchema,
  connectionReportSchema,
  connectionSchema,
} from './org-connection.schemas.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { RequireRecentLogin } from '../../../session/guards/step-up.decorators.js';
import { idPart } from '../../../pages/admin/admin-addresses.js';
import { leadingBackTo } from '../../../pages/admin/admin-refusals.js';
import { ApiClient } from '../../../pages/api.client.js';
import { formField, noContent, noticeOf, seeOther } from '../../../pages/form-answer.js';
import { formErrorsOf } from '../../../pages/form-errors.js';
import { SentForms, newFormId } from '../../../pages/sent-forms.js';
import type { FormState } from '../../../pages/views/form-state.js';
import type { PageNotice } from '../../../pages/views/notice.view.js';
import {
  ConnectionQuestionPage,
  OrgConnectionPage,
  OrgConnectionsPage,
  NewConnectionPage,
} from './org-connections.view.js';
import type { OpenOrg } from '../../../pages/views/orgs/org-layout.view.js';
import {
  bodyOf,
  connectionFormSchema,
  connectionTexts,
  plainly,
  settingFields,
  testFormSchema,
  valuesOf,
  withoutSecrets,
} from './connection.form.js';
import { OrgPages, orgPage, orgPath } from '../../../pages/orgs/org.pages.js';
import { type ListQuery, listQuerySchema } from '../../../pages/orgs/org.query.js';

const kindSchema = z.object({ kind: formField });
const newConnectionSchema = connectionFormSchema.extend({ kind: formField });
type Values = FormState['values'];

/** A connection of an organisation, by the ids in the URL. */
interface Place {
  readonly id: string;
  readonly connectionId: string;
}

/** The pages of an organisation's connections, for its owners. */
@ApiExcludeController()
@Controller('orgs/:id/connections')
export class OrgConnectionsPageController {
  constructor(
    private readonly api: ApiClient,
    private readonly orgs: OrgPages,
    private readonly forms: SentForms,
  ) {}

  @Get()
  async list(
    @Param('id') id: string,
    @Query({ schema: listQuerySchema }) { notice }: ListQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const org = await this.orgs.open(reply, id);
    const list = await this.#list(reply, id);
    await this.orgs.send(reply, h(OrgConnectionsPage, { ...org, ...list, notice }));
  }

  /** It requires a recent login already, so that the form isn't refused for lack of one. */
  @Get('new')
  @RequireRecentLogin()
  async form(
    @Param('id') id: string,
    @Query({ schema: kindSchema }) { kind }: z.output<typeof kindSchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#sendForm(await this.orgs.open(reply, id), kind, reply);
  }

  @Post()
  @HttpCode(200)
  async create(
    @Param('id') id: string,
    @Body({ schema: newConnectionSchema })
    { kind, formId, ...values }: z.output<typeof newConnectionSchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const org = await this.orgs.open(reply, id);
    const list = orgPage(id, '/connections');
    const body = { ...bodyOf(kind, values, domainOf(org)), kind };
    const call = { method: 'POST', path: orgPath(id, '/connections'), body } as const;
    const made = await this.forms
      .once(formId, async () => this.api.change(reply, call, connectionSchema))
      .catch((error: unknown) => this.#refusal(error, `${list}/new?kind=${kind}`, kind, values));
    if (made === undefined) {
      await seeOther(reply, list);
    } else if ('form' in made) {
      await this.#sendForm(org, kind, reply, made.form, made.status);
    } else {
      await seeOther(reply, `${list}/${made.id}`, 'connection_saved');
    }
  }

  @Get(':connectionId')
  async show(
    @Param() place: Place,
    @Query({ schema: listQuerySchema }) { notice }: ListQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const org = await this.orgs.open(reply, place.id);
    await this.#sendOne(org, await this.#find(reply, place), reply, { notice });
  }

  @Post(':connectionId')
  @HttpCode(200)
  async change(
    @Param() place: Place,
    @Body({ schema: connectionFormSchema }) { formId, ...values }: z.output<typeof connectionFormSchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    void formId;
    const org = await this.orgs.open(reply, place.id);
    const known = await this.#find(reply, place);
    const page = `${orgPage(place.id, '/connections')}/${known.id}`;
    const call = {
      method: 'PATCH',
      path: this.#path(place),
      body: bodyOf(known.kind, values, domainOf(org), known),
    } as const;
    const changed = await this.api
      .change(reply, call, connectionSchema)
      .catch((error: unknown) => this.#refusal(error, page, known.kind, values));
    if ('form' in changed) {
      await this.#sendOne(org, known, reply, changed);
      return;
    }
    await seeOther(reply, page, 'connection_saved');
  }

  @Post(':connectionId/test')
  @HttpCode(200)
  async test(
    @Param() place: Place,
    @Body({ schema: testFormSchema }) { address }: z.output<typeof testFormSchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const org = await this.orgs.open(reply, place.id);
    const known = await this.#find(reply, place);
    const body = address.trim() === '' ? {} : { address: address.trim() };
    const call = { method: 'POST', path: `${this.#path(place)}/test`, body } as const;
    const report = await this.api.change(reply, call, connectionReportSchema);
    await this.#sendOne(org, known, reply, { report, address });
  }

  @Get(':connectionId/remove')
  @RequireRecentLogin()
  async ask(@Param() place: Place, @Res() reply: FastifyReply): Promise<void> {
    const org = await this.orgs.open(reply, place.id);
    const { id, name } = await this.#find(reply, place);
    await this.orgs.send(reply, h(ConnectionQuestionPage, { ...org, connection: { id, name } }));
  }

  @Post(':connectionId/remove')
  async remove(@Param() place: Place, @Res() reply: FastifyReply): Promise<void> {
    const call = { method: 'DELETE', path: this.#path(place) } as const;
    const list = orgPage(place.id, '/connections');
    const change = this.api.change(reply, call, noContent).catch((error: unknown) => {
      throw leadingBackTo(`${list}/${idPart(place.connectionId)}/remove`, error);
    });
    await seeOther(reply, list, await noticeOf(change, 'connection_removed', 'connection_gone'));
  }

  #path({ id, connectionId }: Place): string {
    return `${orgPath(id, '/connections')}/${idPart(connectionId)}`;
  }

  async #list(reply: FastifyReply, id: string): Promise<ConnectionList> {
    return this.api.read(reply.request, orgPath(id, '/connections'), connectionListSchema);
  }

  async #find(reply: FastifyReply, place: Place): Promise<ConnectionItem> {
    return this.api.read(reply.request, this.#path(place), connectionSchema);
  }

  #refusal(error: unknown, page: string, kind: string, values: Values) {
    return formErrorsOf(plainly(leadingBackTo(page, error)), withoutSecrets(kind, values), connectionTexts);
  }

  async #sendForm(
    org: OpenOrg,
    kind: string,
    reply: FastifyReply,
    form?: FormState,
    status?: number,
  ): Promise<void> {
    if (settingFields[kind] === undefined || !org.can('connection.write')) {
      throw new Problem('not_found', { reason: 'no_such_kind' });
    }
    const { members } = await this.#list(reply, org.org.id);
    const page = h(NewConnectionPage, { ...org, kind, members, formId: newFormId(), form });
    await this.orgs.send(reply, page, status);
  }

  async #sendOne(
    org: OpenOrg,
    connection: ConnectionItem,
    reply: FastifyReply,
    more: {
      readonly notice?: PageNotice | undefined;
      readonly form?: FormState;
      readonly status?: number;
      readonly report?: ConnectionReport;
      readonly address?: string;
    },
  ): Promise<void> {
    const { status, ...props } = more;
    const { members } = await this.#list(reply, org.org.id);
    const initial = valuesOf(connection, domainOf(org));
    const page = h(OrgConnectionPage, { ...org, connection, members, initial, ...props });
    await this.orgs.send(reply, page, status);
  }
}

/** The domain that a connection of the organisation can serve. */
function domainOf({ org }: OpenOrg): string | null {
  return org.domainState === 'confirmed' ? org.domain : null;
}
