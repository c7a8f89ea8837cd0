import { Inject, Query } from '@nestjs/common';
import type { Selectable } from 'kysely';
import { z } from 'zod';
import type { AuditEventsTable } from '../../platform/database/database.schema.js';
import { AuditService } from '../../directory/audit/audit.service.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import { type Configuration, featuresOf } from '../../platform/config/configuration.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { auditEventTypesWith } from '../../platform/features/audit-event.catalogue.js';
import { decodeCursor, toPage } from '../../platform/http/page-cursor.js';
import { RequireScope } from '../../session/guards/access.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import { AuditEventReader } from './audit-event-reader.js';
import {
  type auditEventSchema,
  auditEventsAnswerSchema,
  auditQuerySchema,
  eventTypeMessage,
} from './audit-event.schemas.js';

const cursorSchema = z.object({ id: z.uuid() });

/** The route with which administrators read the audit trail. */
@ApiController('api/v1/audit-events', { tag: 'audit', role: 'admin', problems: ['database_unavailable'] })
@RequireScope('audit:read')
export class AuditEventsController {
  readonly #types: ReadonlySet<string>;

  constructor(
    private readonly events: AuditEventReader,
    private readonly audit: AuditService,
    @Inject(CONFIGURATION) configuration: Pick<Configuration, 'features'>,
  ) {
    this.#types = new Set(auditEventTypesWith(featuresOf(configuration)));
  }

  @ApiRoute('GET', '', {
    summary: 'List audit events',
    description:
      'Security events, newest first. Filters are combined with AND. An event can be read immediately at the replica where it happened, and about 100 ms later at the others. Events are removed after `AUDIT_RETENTION`.',
    answer: { description: 'One page of events.', schema: auditEventsAnswerSchema },
  })
  async list(
    @Query({ schema: auditQuerySchema }) query: z.output<typeof auditQuerySchema>,
  ): Promise<z.output<typeof auditEventsAnswerSchema>> {
    const { limit, cursor, ...filter } = query;
    const before = decodeCursor(cursorSchema, cursor)?.id;
    // Administrators look for what they have just done.
    await this.audit.flush();
    await this.#requireType(filter.type);
    const rows = await this.events.list(filter, limit + 1, before);
    return toPage(rows, limit, toItem, ({ id }) => ({ id }));
  }

  /** Events of a feature that was left out since have a type that isn't declared any more. @throws {Problem} `validation_failed` */
  async #requireType(type: string | undefined): Promise<void> {
    if (type !== undefined && !this.#types.has(type) && !(await this.events.hasType(type))) {
      throw new Problem('validation_failed', { errors: [{ field: 'type', message: eventTypeMessage }] });
    }
  }
}

function toItem(row: Selectable<AuditEventsTable>): z.output<typeof auditEventSchema> {
  return {
    id: row.id,
    at: new Date(row.at).toISOString(),
    type: row.type,
    outcome: row.outcome === 'failure' ? 'failure' : 'success',
    reason: row.reason,
    actor:
      row.actor_id === null && row.actor_credential === null
        ? null
        : { id: row.actor_id, credential: row.actor_credential },
    target:
      row.target_kind === null || row.target_id === null
        ? null
        : { kind: row.target_kind, id: row.target_id },
    orgId: row.org_id,
    sessionId: row.session_id,
    count: row.count,
    requestId: row.request_id,
    remoteAddress: row.remote_address,
  };
}
