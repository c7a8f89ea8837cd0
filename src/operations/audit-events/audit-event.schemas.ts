import { z } from 'zod';
import { isAuditEventType } from '../../platform/features/audit-event.catalogue.js';
import { nextCursor, pageQuerySchema } from '../../platform/http/page-cursor.js';
import { exampleId, givenIdSchema } from '../../platform/core/id.schema.js';

/** What a refused type of event must be. */
export const eventTypeMessage = 'must be a type of event';
/** Format of types of events in schemas. The API document has in its place the types that there are. */
export const eventTypeFormat = 'audit-event-type';

const givenTime = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2026-01-31T12:00:00Z' })
  .transform((text) => Date.parse(text));

/** Query of `GET /api/v1/audit-events`. */
export const auditQuerySchema = pageQuerySchema
  .extend({
    type: z
      .string(eventTypeMessage)
      .refine(isAuditEventType, eventTypeMessage)
      .optional()
      .meta({ description: 'Only events of this type.', format: eventTypeFormat }),
    actor: givenIdSchema.optional().meta({ description: 'Only events caused by this user (id).' }),
    target: givenIdSchema.optional().meta({ description: 'Only events about the target with this id.' }),
    org: givenIdSchema.optional().meta({ description: 'Only events of the organisation with this id.' }),
    from: givenTime.optional().meta({ description: 'Only events at this time or later, ISO 8601.' }),
    to: givenTime.optional().meta({ description: 'Only events before this time, ISO 8601.' }),
  })
  .strict();

/** The filters of a query. Times are milliseconds since the epoch. */
export type AuditFilter = Pick<
  z.output<typeof auditQuerySchema>,
  'type' | 'actor' | 'target' | 'org' | 'from' | 'to'
>;

/** An audit event, as responses contain it. Its members are stable: new ones may be added, none is removed or changed. */
export const auditEventSchema = z.object({
  id: z.uuid().meta({ description: 'UUID v7: later events have greater ids.', example: exampleId }),
  at: z.iso
    .datetime()
    .meta({ description: 'When it happened, ISO 8601 in UTC.', example: '2026-01-31T12:00:00.000Z' }),
  type: z.string().meta({
    description: 'What happened, as in the filter `type`. New types may be added.',
    example: 'member_role_changed',
  }),
  outcome: z.enum(['success', 'failure']).meta({ example: 'success' }),
  reason: z.string().nullable().meta({
    description:
      'Reason code, as in the log. For a `user_updated` made in the settings it says what changed: `settings_email` or `settings_email_name`. For an `application_access_granted` it has the scopes.',
    example: 'ended_by_operator',
  }),
  actor: z
    .object({
      id: z.uuid().nullable().meta({ example: exampleId }),
      credential: z.string().nullable().meta({
        description:
          'What the actor used: `cookie`, `bearer`, `api_key`, `form` (a page of the login provider), `operator` or `system`.',
        example: 'cookie',
      }),
    })
    .nullable()
    .meta({ description: 'Who did it, and with which credential; null if unknown.' }),
  target: z
    .object({
      kind: z.string().meta({
        description: '`user`, `org`, `invite`, `api_key`, `application`, `connection`, `session` or `host`.',
        example: 'user',
      }),
      id: z.string().meta({ example: exampleId }),
    })
    .nullable()
    .meta({ description: 'What the event is about.' }),
  orgId: z
    .uuid()
    .nullable()
    .meta({ description: 'Id of the organisation that the event concerns.', example: exampleId }),
  sessionId: z.uuid().nullable().meta({ example: exampleId }),
  count: z.int().min(1).nullable().meta({
    description:
      'How many sessions ended, of a `session_ended` that is about several; null for every other event.',
    example: null,
  }),
  requestId: z
    .string()
    .nullable()
    .meta({ description: 'Id of the request, as in the log.', example: exampleId }),
  remoteAddress: z.string().nullable().meta({ example: '2001:db8::1' }),
});

/** Answer of `GET /api/v1/audit-events`. */
export const auditEventsAnswerSchema = z.object({
  items: z.array(auditEventSchema),
  nextCursor: nextCursor.meta({ example: 'eyJpZCI6IjAxOTgwMDAwLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMCJ9' }),
});
