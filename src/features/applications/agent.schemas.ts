import { z } from 'zod';
import type { SelfRegisteredClient } from './application-list.js';
import { nextCursor, pageQuerySchema } from '../../platform/http/page-cursor.js';
import { timestamp, toTimestamp } from '../../platform/time/timestamp.schema.js';

/** Query of the route that lists agents. No database keeps a text with NUL. */
export const agentQuerySchema = pageQuerySchema.extend({
  id: z
    .string()
    .max(255)
    .regex(/^[^\0]*$/, { error: 'must be an id' })
    .optional()
    .meta({ description: 'Only the client with this id.' }),
});

/** A client that registered itself. */
export const agentSchema = z.object({
  id: z.string().meta({
    description:
      'The client’s id at the login provider. `GET /api/v1/applications/{id}/users` lists its users by this id.',
    example: 'dcr-0198c9f5-4a5b-7c3d-9e2f-000000000000',
  }),
  name: z.string().nullable().meta({
    description: 'The name that the client gives itself; no administrator has checked it.',
    example: 'Notes helper',
  }),
  kind: z.enum(['metadata_document', 'registration']).meta({
    description:
      'How the client registered itself: with a client ID metadata document, or by dynamic registration.',
  }),
  documentUrl: z
    .string()
    .nullable()
    .meta({ description: 'URL of the client’s metadata document; null if it has none.', example: null }),
  since: timestamp.meta({ description: 'When the client was first seen here.' }),
  lastUsedAt: timestamp.nullable().meta({
    description: 'When a user last allowed the client access, accurate to the day; null: none has.',
  }),
});

/** Answer of the route that lists agents. */
export const agentListSchema = z.object({
  items: z.array(agentSchema),
  nextCursor,
});

export type AgentItem = z.output<typeof agentSchema>;

/** A client that registered itself, as answers have it. */
export function toAgent({ id, name, kind, documentUrl, createdAt, usedAt }: SelfRegisteredClient): AgentItem {
  return {
    id,
    name: name === '' ? null : name,
    kind,
    documentUrl,
    since: toTimestamp(createdAt),
    lastUsedAt: toTimestamp(usedAt),
  };
}
