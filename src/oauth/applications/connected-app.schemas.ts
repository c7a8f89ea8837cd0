import { z } from 'zod';
import type { ApplicationGrant } from '../../auth-strategy/grant.administration.js';
import { exampleId, idSchema } from '../../platform/core/id.schema.js';
import { timestamp, toTimestamp } from '../../platform/time/timestamp.schema.js';

const applicationId = z
  .string()
  .meta({ description: 'Its `client_id`. Not always a UUID: see docs/applications.md.', example: exampleId });
const lastUsedAt = timestamp
  .nullable()
  .meta({ description: 'Its latest login or refresh of tokens, to the minute; null: none was recorded.' });

/** An application that a user has given access. */
export const connectedAppSchema = z.object({
  applicationId,
  name: z.string().nullable().meta({ description: 'As it was registered.', example: 'Wiki' }),
  logoUri: z.string().nullable(),
  clientUri: z.string().nullable().meta({ description: 'Its home page.' }),
  redirectHost: z
    .string()
    .nullable()
    .meta({ description: 'Host to which it sends its users back.', example: 'wiki.example.org' }),
  selfRegistration: z
    .object({
      kind: z.enum(['metadata_document', 'registration']),
      documentUrl: z.string().nullable().meta({ description: 'Where it describes itself.' }),
    })
    .nullable()
    .meta({
      description: 'How it came to be known, if it registered itself and no administrator has checked it.',
      example: null,
    }),
  resources: z
    .array(
      z.object({
        url: z
          .string()
          .meta({ description: 'Resource identifier.', example: 'https://notes.example.org/mcp' }),
        name: z.string().meta({ example: 'Notes' }),
        scopes: z.array(z.object({ scope: z.string(), description: z.string() })).meta({
          description: 'Its scopes that were granted, in the operator’s words.',
          example: [{ scope: 'notes:read', description: 'Read your notes' }],
        }),
      }),
    )
    .meta({ description: 'The protected resources that it may use.' }),
  scope: z
    .string()
    .meta({ description: 'What it may do. Space-separated.', example: 'openid profile email' }),
  since: timestamp.meta({ description: 'When the user first gave it the access that it has.' }),
  lastUsedAt,
});

/** Answer of the routes that list a user's applications. */
export const connectedAppListSchema = z.object({
  items: z.array(connectedAppSchema).meta({ description: 'Last used first.' }),
  nextCursor: z.null().meta({ description: 'Always null: all of them are listed.' }),
});

/** A user of an application. */
export const applicationUserSchema = z.object({
  userId: idSchema
    .nullable()
    .meta({ description: 'Null for a person who has no account here.', example: exampleId }),
  subject: z
    .string()
    .meta({ description: '`sub` of the ID tokens that the application gets.', example: exampleId }),
  name: z.string().nullable().meta({ description: 'Their name, or else their e-mail address.' }),
  since: timestamp.meta({ description: 'Their first login there.' }),
  lastUsedAt: timestamp.meta({ description: 'Their latest login or refresh of tokens, to the minute.' }),
});

/** Answer of the route that lists an application's users. */
export const applicationUserListSchema = z.object({
  items: z.array(applicationUserSchema),
  nextCursor: z.string().nullable().meta({ description: 'For the next page; null on the last one.' }),
});

export type ConnectedApp = z.output<typeof connectedAppSchema>;
export type ApplicationUser = z.output<typeof applicationUserSchema>;

/** A grant, as answers have it. */
export function toConnectedApp({
  scope,
  since,
  lastUsedAt: usedAt,
  resources,
  ...grant
}: ApplicationGrant): ConnectedApp {
  return {
    ...grant,
    resources: resources.map((resource) => ({ ...resource, scopes: [...resource.scopes] })),
    scope: scope.join(' '),
    since: toTimestamp(since),
    lastUsedAt: toTimestamp(usedAt),
  };
}
