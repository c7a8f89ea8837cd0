import { z } from 'zod';
import { connectionFaults, connectionSteps } from '../accounts/org-connections.port.js';
import { exampleId, idSchema } from '../platform/core/id.schema.js';
import { timestamp } from '../platform/time/timestamp.schema.js';

const name = z
  .string({ error: 'must be a name of 1 to 80 characters' })
  .trim()
  .min(1, { error: 'must be a name of 1 to 80 characters', abort: true })
  .max(80, { error: 'must be a name of 1 to 80 characters' })
  // Also refused: lone surrogates, line separators and invisible characters, but for those that join letters.
  .regex(/^(?:[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|[\u200C\u200D])*$/u, {
    error: 'must not have control characters',
  })
  .meta({ description: 'As the login page calls it.', example: 'Example Ltd.' });

const domains = z
  .array(z.string().max(253), { error: 'must be a list of domains' })
  .max(20, { error: 'must have at most 20 entries' })
  .meta({
    description: 'Confirmed domains of the organisation whose addresses lead to it; empty: none yet.',
    example: ['example.org'],
  });

const required = z.boolean({ error: 'must be true or false' }).meta({
  description:
    'Whether users in its domains must log in by it. Owners, and administrators of the deployment, needn’t.',
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
      'Roles by group. With rules, the role of its users follows their groups at each login and renewal; others are members. Never of an owner.',
    example: [{ group: 'it', role: 'admin' }],
  });

const settings = z
  .record(z.string().max(60), z.union([z.string(), z.boolean(), z.number(), z.array(z.string()), z.null()]), {
    error: 'must be an object of settings',
  })
  .meta({
    description:
      'Settings of its kind, as docs/connections.md lists them, but for `id`, `kind`, `name`, `domains` and files. Secrets are accepted and never returned.',
    example: { issuer: 'https://login.example.org', client_id: 'vestibule', client_secret: 'a secret' },
  });

const kind = z
  .string({ error: 'must be a kind of connection' })
  .max(20, { error: 'must be a kind of connection' })
  .meta({ description: '`oidc`, `saml` or `ldap`, if `ORG_CONNECTION_KINDS` has it.', example: 'oidc' });

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
        'All settings but secrets: a secret that is left out stays, and null removes it. It must be given again if where it is sent changes.',
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
      .meta({ description: 'Of a user who should be found, in a directory.', example: 'ada@example.org' }),
  })
  .prefault({})
  .meta({ example: {} });

/** A connection of an organisation, as answers have it. */
export const connectionSchema = z.object({
  id: idSchema,
  kind: z.string(),
  name: z.string(),
  domains: z.array(z.string()),
  serves: z
    .array(z.string())
    .meta({ description: 'Those of `domains` that lead to it now: the organisation has proven them.' }),
  required: z.boolean(),
  roleRules: z.array(z.object({ group: z.string(), role: z.enum(['admin', 'member']) })),
  settings: z.record(z.string(), z.unknown()).meta({ description: 'Without secrets.' }),
  secrets: z.array(z.string()).meta({ description: 'Names of the secrets that are set.' }),
  redirectUri: z.string().nullable().meta({ description: 'To be registered at the provider.' }),
  logoutUri: z.string().nullable().meta({
    description:
      'To be registered at the provider: back-channel logout (OpenID), single logout service (SAML).',
  }),
  metadataUrl: z.string().nullable().meta({ description: 'What a SAML provider reads instead of both.' }),
  createdBy: idSchema.meta({ description: 'The user who made it.', example: exampleId }),
  createdAt: timestamp,
  updatedAt: timestamp,
});

/** Answer of the route that lists connections. */
export const connectionListSchema = z.object({
  items: z.array(connectionSchema).meta({ description: 'Oldest first; all of them.' }),
  kinds: z.array(z.string()).meta({ description: 'Kinds that may be made.' }),
});

/** Answer of the route that tests a connection. */
export const connectionReportSchema = z.object({
  ok: z.boolean(),
  steps: z
    .array(
      z.object({
        step: z.enum(connectionSteps),
        target: z.string().meta({ description: 'The server, URL or name that it is about.' }),
        ok: z.boolean(),
        fault: z.enum(connectionFaults).nullable(),
        found: z.string().nullable().meta({
          description:
            'What was found there instead: another issuer, other entity IDs, or the code of what is wrong with a certificate.',
          example: 'CERT_HAS_EXPIRED',
        }),
        detail: z.string().nullable().meta({ description: 'What is wrong, in plain words.' }),
      }),
    )
    .meta({ description: 'In order, up to the first that fails.' }),
  latestRefusal: z
    .object({
      at: timestamp,
      reason: z
        .string()
        .meta({ description: 'docs/connections.md explains most.', example: 'saml_not_verified' }),
    })
    .nullable()
    .meta({
      description:
        'The latest login that was refused at it, but for wrong passwords: what only a login shows, such as a wrong signature.',
    }),
});

export type ConnectionItem = z.output<typeof connectionSchema>;
export type ConnectionReport = z.output<typeof connectionReportSchema>;
