import { Controller, Get, Inject, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { auditEventsAnswerSchema } from '../../operations/audit-events/audit-event.schemas.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import { type Configuration, featuresOf } from '../../platform/config/configuration.js';
import { auditEventTypesWith } from '../../platform/features/audit-event.catalogue.js';
import { RequireRole } from '../../session/guards/access.decorators.js';
import { UserDirectory } from '../../directory/users/user-directory.js';
import { ApiClient } from '../api.client.js';
import { FeatureParts } from '../feature-parts.js';
import { type FormTexts, formErrorsOf } from '../form-errors.js';
import { PageSender } from '../page-sender.js';
import { AuditEventsPage } from '../views/admin/audit-events.view.js';
import { pagingOf, part, queryOf } from './admin-addresses.js';

const pageSize = '25';
const id = part.transform((text) => text.trim());
/** Inputs send times without a time zone; a pasted time may end with the `Z` of UTC, which is removed. */
const time = part.transform((text) => text.replace(/Z$/i, ''));
const querySchema = z.object({
  type: part,
  actor: id,
  target: id,
  org: id,
  from: time,
  to: time,
  cursor: part,
});

const texts: FormTexts = {
  fields: {
    type: 'admin.audit.badType',
    actor: 'admin.audit.badId',
    target: 'admin.audit.badId',
    org: 'admin.audit.badId',
    from: 'admin.audit.badTime',
    to: 'admin.audit.badTime',
  },
};

/** The administration's page of audit events. */
@ApiExcludeController()
@Controller('admin/audit-events')
@RequireRole('admin')
export class AdminAuditController {
  readonly #types: readonly string[];

  constructor(
    private readonly api: ApiClient,
    private readonly pages: PageSender,
    private readonly directory: UserDirectory,
    private readonly parts: FeatureParts,
    @Inject(CONFIGURATION) configuration: Pick<Configuration, 'features'>,
  ) {
    this.#types = auditEventTypesWith(featuresOf(configuration));
  }

  @Get()
  async list(
    @Query({ schema: querySchema }) query: z.output<typeof querySchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { cursor, ...values } = query;
    const moments = { from: inUtc(values.from), to: inUtc(values.to) };
    const path = `/api/v1/audit-events?${queryOf({ ...values, ...moments, cursor, limit: pageSize })}`;
    const found = await this.api
      .read(reply.request, path, auditEventsAnswerSchema)
      .catch((error: unknown) => formErrorsOf(error, values, texts));
    if ('form' in found) {
      void reply.code(found.status);
    }
    const names =
      'form' in found ? new Map<string, string>() : await this.#namesIn(reply.request, found.items);
    const page = h(AuditEventsPage, {
      names,
      types: this.#types,
      form: 'form' in found ? found.form : { values, errors: {} },
      events: 'form' in found ? undefined : found.items,
      paging: pagingOf('/admin/audit-events', values, cursor, 'form' in found ? null : found.nextCursor),
    });
    await this.pages.send(reply, page);
  }

  /** Names of the users, organisations and applications in these events, by id. Deleted ones are missing, and only their ids are shown. */
  async #namesIn(
    request: FastifyRequest,
    events: z.output<typeof auditEventsAnswerSchema>['items'],
  ): Promise<ReadonlyMap<string, string>> {
    const users = events.flatMap(({ actor, target }) => [
      actor?.id ?? null,
      target?.kind === 'user' ? target.id : null,
    ]);
    const orgs = events.map(({ target }) => (target?.kind === 'org' ? target.id : null));
    const names = await this.directory.namesOf(given(users), given(orgs));
    const applications = events.flatMap(({ target }) => (target?.kind === 'application' ? [target.id] : []));
    return new Map([...names, ...(await this.parts.applications.namesOf(request, applications))]);
  }
}

const given = (ids: readonly (string | null)[]): readonly string[] => [
  ...new Set(ids.filter((id) => id !== null).filter((id) => z.uuid().safeParse(id).success)),
];

/** `2026-01-31T12:00` → `2026-01-31T12:00:00Z`. Other text only gets a `Z`; if it's no time, the API refuses it. */
function inUtc(text: string): string {
  if (/T\d\d:\d\d$/.test(text)) {
    return `${text}:00Z`;
  }
  return text === '' ? '' : `${text}Z`;
}
