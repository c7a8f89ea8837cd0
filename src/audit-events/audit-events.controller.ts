import { Controller, Get, Query } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCookieAuth,
  ApiOperation,
  ApiQuery,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import type { Selectable } from 'kysely';
import { z } from 'zod';
import { auditEventTypes } from '../audit/audit.event.js';
import type { AuditEventsTable } from '../database/database.schema.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { decodeCursor, toPage } from '../http/page.cursor.js';
import { RequireRole, RequireScope } from '../session/access.decorators.js';
import { AuditEventReader } from './audit-event.reader.js';
import { type auditEventSchema, auditEventsAnswerSchema, auditQuerySchema } from './audit-event.schemas.js';

const cursorSchema = z.object({ id: z.uuid() });
const uuid = { type: 'string', format: 'uuid' } as const;
const moment = { type: 'string', format: 'date-time' } as const;

/** The audit trail, for administrators. */
@ApiTags('audit')
@ApiCookieAuth()
@ApiBearerAuth()
@ApiSecurity('apiKey')
@RequireRole('admin')
@RequireScope('audit:read')
@Controller('api/v1/audit-events')
export class AuditEventsController {
  readonly #events: AuditEventReader;

  constructor(events: AuditEventReader) {
    this.#events = events;
  }

  @Get()
  @ApiOperation({
    summary: 'What happened',
    description:
      'Security-relevant acts, newest first; filters narrow together. An act can be read about 100 ms after it happened, and is removed after `AUDIT_RETENTION`.',
  })
  @ApiQuery({
    name: 'limit',
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: 100, default: 50 },
  })
  @ApiQuery({
    name: 'cursor',
    required: false,
    description: '`nextCursor` of the page before.',
    schema: { type: 'string' },
  })
  @ApiQuery({
    name: 'type',
    required: false,
    description: 'What happened.',
    schema: { type: 'string', enum: [...auditEventTypes] },
  })
  @ApiQuery({ name: 'actor', required: false, description: 'Id of the user who did it.', schema: uuid })
  @ApiQuery({
    name: 'target',
    required: false,
    description: 'Id of whom or what it was done to.',
    schema: uuid,
  })
  @ApiQuery({ name: 'org', required: false, description: 'Id of the organisation.', schema: uuid })
  @ApiQuery({ name: 'from', required: false, description: 'At this moment or later.', schema: moment })
  @ApiQuery({ name: 'to', required: false, description: 'Before this moment.', schema: moment })
  @ApiResponse({ status: 200, description: 'One page of events.', standardSchema: auditEventsAnswerSchema })
  @ApiProblems(
    'validation_failed',
    'unauthenticated',
    'forbidden',
    'insufficient_scope',
    'database_unavailable',
  )
  async list(
    @Query({ schema: auditQuerySchema }) query: z.output<typeof auditQuerySchema>,
  ): Promise<z.output<typeof auditEventsAnswerSchema>> {
    const { limit, cursor, ...filter } = query;
    const before = decodeCursor(cursorSchema, cursor)?.id;
    const rows = await this.#events.list(filter, limit + 1, before);
    return toPage(rows, limit, toItem, ({ id }) => ({ id }));
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
    requestId: row.request_id,
    remoteAddress: row.remote_address,
  };
}
