import { z } from 'zod';
import { nextCursor, noNextCursor } from '../../platform/http/page-cursor.js';
import type { ApplicationGrant } from './application-grants.js';
import { exampleId, idSchema } from '../../platform/core/id.schema.js';
import { timestamp, toTimestamp } from '../../platform/time/timestamp.schema.js';

const applicationId = z.string().meta({
  description: 'The application’s `client_id`. Not always a UUID: see docs/applications.md.',
  example: exampleId,
});
const lastUsedAt = timestamp.nullable().meta({
  description:
    'When the user last logged in to the application, or it last refreshed tokens, accurate to the minute; null: not recorded.',
});

/** An application that a user has given access. */
export const connectedAppSchema = z.object({
  applicationId,
  name: z
    .string()
    .nullable()
    .meta({ description: 'Name under which the application was registered.', example: 'Wiki' }),
  logoUri: z.string().nullable(),
  clientUri: z.string().nullable().meta({ description: 'URL of the application’s home page.' }),
  redirectHosts: z.array(z.string()).meta({
    description: 'Hosts to which the application may send users after a login.',
    example: ['wiki.example.org'],
  }),
  redirectsToDevice: z.boolean().meta({
    description: 'Whether a login may also end at a program on the user’s device.',
    example: false,
  }),
  selfRegistration: z
    .object({
      kind: z.enum(['metadata_document', 'registration']),
      documentUrl: z
        .string()
        .nullable()
        .meta({ description: 'URL of the application’s metadata document; null if it has none.' }),
    })
    .nullable()
    .meta({
      description:
        'How the application registered itself, if no administrator has checked it; null if it was registered here.',
      example: null,
    }),
  resources: z
    .array(
      z.object({
        url: z
          .string()
          .meta({ description: 'The resource identifier.', example: 'https://notes.example.org/mcp' }),
        name: z.string().meta({ example: 'Notes' }),
        scopes: z.array(z.object({ scope: z.string(), description: z.string() })).meta({
          description: 'The granted scopes of the resource, described in the operator’s words.',
          example: [{ scope: 'notes:read', description: 'Read your notes' }],
        }),
      }),
    )
    .meta({ description: 'Protected resources that the application may use.' }),
  scope: z.string().meta({
    description: 'Space-separated scopes that the user has granted.',
    example: 'openid profile email',
  }),
  since: timestamp.meta({ description: 'When the user first granted the current access.' }),
  lastUsedAt,
});

/** Answer of the routes that list a user's applications. */
export const connectedAppListSchema = z.object({
  items: z.array(connectedAppSchema).meta({ description: 'Most recently used first.' }),
  nextCursor: noNextCursor,
});

/** A user of an application. */
export const applicationUserSchema = z.object({
  userId: idSchema
    .nullable()
    .meta({ description: 'Id of the user; null if they have no account here.', example: exampleId }),
  subject: z.string().meta({
    description: '`sub` of the ID tokens that the application gets for this user.',
    example: exampleId,
  }),
  name: z.string().nullable().meta({ description: 'The user’s name or, without one, their e-mail address.' }),
  since: timestamp.meta({ description: 'When the user first logged in to the application.' }),
  lastUsedAt: timestamp.meta({
    description:
      'When the user last logged in to the application, or it last refreshed tokens, accurate to the minute.',
  }),
});

/** Answer of the route that lists an application's users. */
export const applicationUserListSchema = z.object({
  items: z.array(applicationUserSchema),
  nextCursor,
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
    redirectHosts: [...grant.redirectHosts],
    resources: resources.map((resource) => ({ ...resource, scopes: [...resource.scopes] })),
    scope: scope.join(' '),
    since: toTimestamp(since),
    lastUsedAt: toTimestamp(usedAt),
  };
}
