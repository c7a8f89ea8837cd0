import { z } from 'zod';
import { connectionFaults, connectionSteps } from '../connection-step.js';
import { isVisible } from '../../../platform/core/display-name.js';
import { exampleId, idSchema } from '../../../platform/core/id.schema.js';
import { timestamp } from '../../../platform/time/timestamp.schema.js';

const name = z
  .string({ error: 'must be a name of 1 to 80 characters' })
  .trim()
  .min(1, { error: 'must be a name of 1 to 80 characters', abort: true })
  .max(80, { error: 'must be a name of 1 to 80 characters' })
  // Also refused: lone surrogates, line separators and invisible characters, but for those that join letters.
  .regex(/^(?:[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|[\u200C\u200D])*$/u, {
    error: 'must not have control characters',
  })
  .refine(isVisible, { error: 'must have a character that can be seen' })
  .meta({ description: 'Name shown on the login page.', example: 'Example Ltd.' });

const domains = z
  .array(z.string().max(253), { error: 'must be a list of domains' })
  .max(20, { error: 'must have at most 20 entries' })
  .meta({
    description:
      'Confirmed domains of the organisation. Users with an address in one of them log in through this connection. Empty: none yet.',
    example: ['example.org'],
  });

const required = z.boolean({ error: 'must be true or false' }).meta({
  description:
    'Whether users in its domains must log in through this connection. Owners, administrators of the deployment, and members of other organisations needn’t.',
});

const rule = z.strictObject({
  group: z
    .string({ error: 'must be the name of a group' })
    .trim()
    .min(1, { error: 'must be the name of a group' })
    .max(500, { error: 'must have at most 500 characters' })
    .regex(/^\P{Cc}*$/u, { error: 'must not have control characters' }),
  role: z.enum(['admin', 'member'], { error: 'must be admin or member: owners are appointed by owners' }),
});

const roleRules = z
  .array(rule, { error: 'must be a list of groups with their role' })
  .max(50, { error: 'must have at most 50 entries' })
  .refine((rules) => new Set(rules.map(({ group }) => group)).size === rules.length, {
    error: 'must name each group once',
  })
  .meta({
    description:
      'Maps groups to roles. If there are rules, each login and renewal sets the user’s role from their groups; users without a matching group become `member`. Owners keep their role.',
    example: [{ group: 'it', role: 'admin' }],
  });

const settings = z
  .record(z.string().max(60), z.union([z.string(), z.boolean(), z.number(), z.array(z.string()), z.null()]), {
    error: 'must be an object of settings',
  })
  .meta({
    description:
      'Settings of this kind of connection, as listed in docs/connections.md, except `id`, `kind`, `name`, `domains` and files. Secrets are accepted but never returned.',
    example: { issuer: 'https://login.example.org', client_id: 'vestibule', client_secret: 'a secret' },
  });

const kind = z
  .string({ error: 'must be a kind of connection' })
  .max(20, { error: 'must be a kind of connection' })
  .meta({ description: '`oidc`, `saml` or `ldap`, if it is in `ORG_CONNECTION_KINDS`.', example: 'oidc' });

/** Body of `POST /api/v1/orgs/:id/connections`. */
export const connectionBodySchema = z
  .strictObject({
    name,
    kind,
    settings,
    domains: domains.default([]),
    required: required.default(false),
    roleRules: roleRules.default([]),
  })
  .meta({
    example: {
      name: 'Example Ltd.',
      kind: 'oidc',
      settings: { issuer: 'https://login.example.org', client_id: 'vestibule', client_secret: 'a secret' },
      domains: [],
    },
  });

/** Body of `PATCH /api/v1/orgs/:id/connections/:connectionId`. */
export const connectionChangesSchema = z
  .strictObject({
    name,
    settings: settings.meta({
      description:
        'Replaces all settings except secrets: a secret that is left out is kept, and null removes it. If the address to which a secret is sent changes, the secret must be given again.',
    }),
    domains,
    required,
    roleRules,
  })
  .partial()
  .meta({ example: { name: 'Example Ltd.' } });

/** Body of `POST /api/v1/orgs/:id/connections/:connectionId/test`. */
export const connectionTestSchema = z
  .strictObject({
    address: z
      .string({ error: 'must be an address' })
      .trim()
      .min(1, { error: 'must be an address' })
      .max(320, { error: 'must be an address' })
      .optional()
      .meta({
        description: 'E-mail address of a user that the test should find in the directory.',
        example: 'ada@example.org',
      }),
  })
  .prefault({})
  .meta({ example: {} });

/** A connection of an organisation, as answers have it. */
export const connectionSchema = z.object({
  id: idSchema,
  kind: z.string(),
  name: z.string(),
  domains: z.array(z.string()),
  serves: z.array(z.string()).meta({
    description:
      'Those of `domains` that currently lead to this connection, because the organisation has proven that it owns them.',
  }),
  required: z.boolean(),
  roleRules: z.array(z.object({ group: z.string(), role: z.enum(['admin', 'member']) })),
  settings: z.record(z.string(), z.unknown()).meta({ description: 'Settings, without secrets.' }),
  secrets: z.array(z.string()).meta({ description: 'Names of the secrets that are set.' }),
  redirectUri: z.string().nullable().meta({
    description:
      'URL to register at the provider, to which it sends users back after a login; null if there is none.',
  }),
  logoutUri: z.string().nullable().meta({
    description:
      'URL to register at the provider for logouts: back-channel logout (OpenID) or single logout service (SAML).',
  }),
  metadataUrl: z.string().nullable().meta({
    description:
      'URL of the metadata from which a SAML provider can read both instead; null for other kinds.',
  }),
  createdBy: idSchema.meta({ description: 'Id of the user who created the connection.', example: exampleId }),
  createdAt: timestamp,
  updatedAt: timestamp,
});

/** Answer of the route that lists connections. */
export const connectionListSchema = z.object({
  items: z.array(connectionSchema).meta({ description: 'All connections, oldest first.' }),
  kinds: z.array(z.string()).meta({ description: 'Kinds of connection that can be created.' }),
  members: z
    .object({
      withAccount: z.int().meta({
        description:
          'Number of active members with an address in the confirmed domain who haven’t logged in through one of the connections yet. Unless it is linked to their account, their first such login creates a second one.',
      }),
      exempt: z.int().meta({
        description:
          'Number of members in the domain who needn’t log in through a `required` connection: owners, administrators of the deployment, and members of other organisations, for whom it can’t vouch.',
      }),
      linked: z.boolean().meta({
        description:
          'Whether such a login is linked to the existing account (`LINK_BY_VERIFIED_EMAIL`). Both sides must have verified the address, and the connection must be able to vouch for the user.',
      }),
    })
    .meta({ description: 'Members who already have an account here.' }),
});

/** Answer of the route that tests a connection. */
export const connectionReportSchema = z.object({
  ok: z.boolean(),
  steps: z
    .array(
      z.object({
        step: z.enum(connectionSteps),
        target: z.string().meta({ description: 'The server, URL or name that this step checks.' }),
        ok: z.boolean(),
        fault: z.enum(connectionFaults).nullable(),
        found: z.string().nullable().meta({
          description:
            'What was found instead of what was expected: another issuer, other entity IDs, or the code of a certificate error.',
          example: 'CERT_HAS_EXPIRED',
        }),
        detail: z.string().nullable().meta({ description: 'What is wrong, in plain words.' }),
      }),
    )
    .meta({ description: 'The steps in order, up to the first that fails.' }),
  latestRefusal: z
    .object({
      at: timestamp,
      reason: z.string().meta({
        description: 'Reason code; docs/connections.md explains most of them.',
        example: 'saml_not_verified',
      }),
    })
    .nullable()
    .meta({
      description:
        'The latest login that was refused, except for wrong passwords. It shows faults that only a login reveals, such as a wrong signature.',
    }),
});

export type ConnectionList = z.output<typeof connectionListSchema>;
export type ConnectionItem = z.output<typeof connectionSchema>;
export type ConnectionReport = z.output<typeof connectionReportSchema>;
