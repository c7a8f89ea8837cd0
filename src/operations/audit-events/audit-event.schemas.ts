import { z } from 'zod';
import { auditEventTypes } from '../../directory/audit/audit.event.js';
import { pageQuerySchema } from '../../platform/http/page.cursor.js';
import { exampleId, givenIdSchema } from '../../platform/core/id.schema.js';

const givenTime = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2026-01-31T12:00:00Z' })
  .transform((text) => Date.parse(text));

/** Query of `GET /api/v1/audit-events`. */
export const auditQuerySchema = pageQuerySchema
  .extend({
    type: z
      .enum(auditEventTypes, 'must be a type of event')
      .optional()
      .meta({ description: 'What happened.' }),
    actor: givenIdSchema.optional().meta({ description: 'Id of the user who did it.' }),
    target: givenIdSchema.optional().meta({ description: 'Target id.' }),
    org: givenIdSchema.optional().meta({ description: 'Id of the organisation.' }),
    from: givenTime.optional().meta({ description: 'At this moment or later.' }),
    to: givenTime.optional().meta({ description: 'Before this moment.' }),
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
  at: z.iso.datetime().meta({ description: 'ISO 8601 in UTC.', example: '2026-01-31T12:00:00.000Z' }),
  type: z.string().meta({
    description: `What happened; new types may come. So far: ${auditEventTypes.map((type) => `\`${type}\``).join(', ')}.`,
    example: 'member_role_changed',
  }),
  outcome: z.enum(['success', 'failure']).meta({ example: 'success' }),
  reason: z.string().nullable().meta({
    description:
      'Reason id, as in the log. Of a `user_updated` in the settings it names what changed: `settings_email`, `settings_email_name`; of an `application_access_granted` it has the scopes.',
    example: 'ended_by_operator',
  }),
  actor: z
    .object({
      id: z.uuid().nullable().meta({ example: exampleId }),
      credential: z.string().nullable().meta({
        description:
          '`cookie`, `bearer`, `api_key`, `form` (a page of the login provider), `operator` or `system`.',
        example: 'cookie',
      }),
    })
    .nullable()
    .meta({ description: 'Who did it, and with what; null when that is not known.' }),
  target: z
    .object({
      kind: z
        .string()
        .meta({ description: '`user`, `org`, `invite`, `api_key`, `session` or `host`.', example: 'user' }),
      id: z.string().meta({ example: exampleId }),
    })
    .nullable()
    .meta({ description: 'Whom or what it was done to.' }),
  orgId: z.uuid().nullable().meta({ description: 'The organisation that it concerns.', example: exampleId }),
  sessionId: z.uuid().nullable().meta({ example: exampleId }),
  requestId: z.string().nullable().meta({ description: 'Finds the request in the log.', example: exampleId }),
  remoteAddress: z.string().nullable().meta({ example: '2001:db8::1' }),
});

/** Answer of `GET /api/v1/audit-events`. */
export const auditEventsAnswerSchema = z.object({
  items: z.array(auditEventSchema),
  nextCursor: z.string().nullable().meta({
    description: 'For the next page; null on the last one.',
    example: 'eyJpZCI6IjAxOTgwMDAwLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMCJ9',
  }),
});
