import { z } from 'zod';
import { nextCursor } from '../../platform/http/page-cursor.js';
import {
  type Application,
  applicationAccesses,
  applicationKinds,
  codeProtections,
  groupForms,
  groupSources,
} from '../../auth-strategy/application-administration.js';
import { publicKeysSchema } from '../../auth-strategy/public-keys.js';
import { exampleId, givenIdSchema, idSchema } from '../../platform/core/id.schema.js';
import { displayNameForm, isVisible } from '../../platform/core/display-name.js';
import { isScopeToken } from '../../platform/core/scope.form.js';
import { timestamp, toTimestamp } from '../../platform/time/timestamp.schema.js';
import { scopeTokens } from '../../session/guards/scopes.js';

const mostUris = 20;
const longestUri = 2000;

const name = z
  .string({ error: 'must be a name of 1 to 80 characters' })
  .trim()
  .min(1, { error: 'must be a name of 1 to 80 characters', abort: true })
  .max(80, { error: 'must be a name of 1 to 80 characters' })
  .regex(displayNameForm, { error: 'must not have control characters' })
  .refine(isVisible, { error: 'must have a character that can be seen' })
  .meta({ description: 'Name that users see when they log in to the application.', example: 'Wiki' });

const kind = z.enum(applicationKinds, { error: `must be one of ${applicationKinds.join(', ')}` }).meta({
  description:
    '`web`: a server that can keep a secret. `single_page`: runs in browsers. `native`: runs on the user’s device. `machine`: acts for itself, without a user.',
  example: 'web',
});

const uris = (description: string, example: string) =>
  z
    .array(z.string().max(longestUri), { error: 'must be a list of URLs' })
    .max(mostUris, { error: `must have at most ${mostUris} entries` })
    .transform((given) => [...new Set(given)])
    .meta({ description, example: [example] });

const redirectUris = uris(
  'URLs to which users return after a login. They must match exactly: https, or http on a loopback address; no wildcards.',
  'https://wiki.example.org/callback',
);
const postLogoutRedirectUris = uris(
  'URLs to which users may return after a logout that the application requested.',
  'https://wiki.example.org/',
);

const link = (description: string, example: string) =>
  z
    .url({ protocol: /^https?$/, error: 'must be an https URL' })
    .max(longestUri)
    .nullable()
    .meta({ description, example });

const backchannelLogoutUri = link(
  'URL that is notified of each logout (OpenID Connect Back-Channel Logout 1.0). The gateway sends the request, so it must be able to reach the URL.',
  'https://wiki.example.org/backchannel-logout',
);
const links = {
  logoUri: link('URL of the application’s logo.', 'https://wiki.example.org/logo.png'),
  clientUri: link('URL of the application’s home page.', 'https://wiki.example.org/'),
  policyUri: link('URL of the application’s privacy policy.', 'https://wiki.example.org/privacy'),
  tosUri: link('URL of the application’s terms of service.', 'https://wiki.example.org/terms'),
};

const scopeMessage = 'must be up to 20 scopes, separated by blanks';
const scope = z
  .string({ error: scopeMessage })
  .max(2000, { error: scopeMessage })
  .transform((given) => [...new Set(scopeTokens(given))])
  .refine((tokens) => tokens.length <= 20 && tokens.every((token) => isScopeToken(token)), {
    error: scopeMessage,
  })
  .meta({
    description:
      'Scopes that the application may request: `openid`, `profile`, `email`, `roles`, `orgs`, `groups`, `offline_access` (refresh tokens), and scopes of protected resources (`PROTECTED_RESOURCES`), for which it can then get tokens. For `machine`: scopes of your own services, and those of this API that aren’t reserved for administrators.',
    example: 'openid profile email',
  });

const access = z
  .enum(applicationAccesses, { error: `must be one of ${applicationAccesses.join(', ')}` })
  .meta({
    description:
      'Who may log in: `everyone`, members of the application’s `organisation`, or users with one of the `roles`. By default, an organisation’s application is for its members, and any other for everyone. Changing `access` from `roles` to another value clears `roles`.',
  });
const roles = z
  .array(z.enum(['owner', 'admin', 'member'], { error: 'must be owner, admin or member' }))
  .max(3)
  .meta({
    description:
      'If `access` is `roles`: roles in the application’s organisation, or `admin` for administrators of the deployment.',
    example: ['admin'],
  });
const groupsFrom = z.enum(groupSources, { error: `must be one of ${groupSources.join(', ')}` }).meta({
  description:
    'Which of a user’s organisations are in the claim `groups`: the application’s `own`, those `listed` in `groupOrgs`, or `all` (only with `groupsAs` set to `id`). Default: its own, or none if it belongs to none. An organisation with a reserved name is included only if an administrator gave it that name.',
});
const groupOrgs = z
  .array(
    z
      .string()
      .trim()
      .regex(/^[^\0]{1,40}$/),
    { error: 'must be a list of ids or slugs of organisations' },
  )
  .max(50, { error: 'must have at most 50 entries' })
  .transform((given) => [...new Set(given)])
  .meta({
    description:
      'If `groupsFrom` is `listed`: the organisations, by id or slug. Owners can name only organisations that they belong to. Responses have ids.',
    example: [exampleId],
  });
const groupsAs = z.enum(groupForms, { error: `must be one of ${groupForms.join(', ')}` }).meta({
  description:
    'How an organisation is written in `groups`: as its id or its slug. A slug can change; an id never does.',
});
const tokenEndpointAuthMethod = z
  .enum(['client_secret_basic', 'client_secret_post'], {
    error: 'must be client_secret_basic or client_secret_post',
  })
  .meta({
    description:
      'How Hydra takes the application’s secret. The application may send it in either way. Applications without a secret have `none`.',
  });
const jwks = publicKeysSchema.nullable().meta({
  description:
    'Public keys (JWK Set, RFC 7517) by which it authenticates instead of a secret (`private_key_jwt`): 1 to 5, each with a `kid`, for `web` and `machine` only. They end its secret at once. After `null`, make a new secret.',
});
const rememberConsent = z
  .boolean()
  .meta({ description: 'Whether users can have their consent remembered for later logins.' });

/** What owners of an organisation may set. */
const ownMembers = {
  name,
  redirectUris,
  postLogoutRedirectUris,
  scope,
  access,
  roles,
  groupsFrom,
  groupOrgs,
  groupsAs,
  rememberConsent,
  tokenEndpointAuthMethod,
  jwks,
  ...links,
};

/** What only administrators may set. */
const administratorMembers = {
  backchannelLogoutUri,
  firstParty: z.boolean().meta({
    description:
      'Whether the application is part of the product: its users aren’t asked for consent. To use this API, its id must also be in `ALLOWED_CLIENT_IDS`.',
  }),
  codeProtection: z.enum(codeProtections, { error: `must be one of ${codeProtections.join(', ')}` }).meta({
    description:
      'What each login must send to show that a code belongs to it: `pkce` (default), `nonce` (PKCE, or `openid` with a new `nonce` for each login), or `none` (neither, for programs that can’t). A challenge that is sent is checked in any case. `nonce` and `none` are for `web` only, without redirect URIs on `http://127.0.0.1` or `http://[::1]` and without scopes of protected resources.',
  }),
  deviceLogin: z.boolean().meta({
    description:
      'Whether users may log in to it on devices without a browser (RFC 8628), by entering a code on another one. For `web` and `native` only.',
  }),
};

const bodyExample = { name: 'Wiki', kind: 'web', redirectUris: ['https://wiki.example.org/callback'] };

/** Body of `POST /api/v1/orgs/:id/applications`. */
export const orgApplicationBodySchema = z
  .strictObject({ ...ownMembers })
  .partial()
  .extend({ name, kind: kind.exclude(['machine'], { error: 'must be one of web, single_page, native' }) })
  .meta({ example: bodyExample });

/** Body of `POST /api/v1/applications`. */
export const applicationBodySchema = z
  .strictObject({ ...ownMembers, ...administratorMembers })
  .partial()
  .extend({
    name,
    kind,
    orgId: givenIdSchema.nullable().default(null).meta({
      description: 'Id of the organisation that the application belongs to; null: none.',
      example: exampleId,
    }),
  })
  .meta({ example: { ...bodyExample, orgId: null } });

/** Body of `PATCH /api/v1/orgs/:id/applications/:applicationId`. */
export const orgApplicationChangesSchema = z
  .strictObject(ownMembers)
  .partial()
  .meta({ example: { name: 'Wiki' } });

/** Body of `PATCH /api/v1/applications/:id`. */
export const applicationChangesSchema = z
  .strictObject({ ...ownMembers, ...administratorMembers })
  .partial()
  .meta({ example: { name: 'Wiki' } });

/** Body of the routes that rotate a secret. */
export const secretRotationSchema = z.strictObject({
  keepPreviousFor: z
    .number({ error: 'must be seconds, from 0 to 2592000' })
    .int({ error: 'must be seconds, from 0 to 2592000' })
    .min(0, { error: 'must be seconds, from 0 to 2592000' })
    .max(2_592_000, { error: 'must be seconds, from 0 to 2592000' })
    .default(86_400)
    .meta({ description: 'Seconds for which the previous secret is still accepted, at most 30 days.' }),
});

/** An application, as answers have it. */
export const applicationSchema = z.object({
  id: idSchema.meta({ description: 'The application’s `client_id`.', example: exampleId }),
  name: z.string(),
  kind: z.enum(applicationKinds),
  orgId: idSchema.nullable(),
  firstParty: z.boolean(),
  redirectUris: z.array(z.string()),
  postLogoutRedirectUris: z.array(z.string()),
  backchannelLogoutUri: z.string().nullable(),
  scope: z.string().meta({
    description: 'Space-separated scopes that the application may request.',
    example: 'openid profile email',
  }),
  access: z.enum(applicationAccesses),
  roles: z.array(z.string()),
  groupsFrom: z.enum(groupSources),
  groupOrgs: z.array(z.string()),
  groupsAs: z.enum(groupForms),
  rememberConsent: z.boolean(),
  tokenEndpointAuthMethod: z.enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none']),
  jwks: publicKeysSchema.nullable(),
  codeProtection: z.enum(codeProtections),
  deviceLogin: z.boolean(),
  logoUri: z.string().nullable(),
  clientUri: z.string().nullable(),
  policyUri: z.string().nullable(),
  tosUri: z.string().nullable(),
  createdBy: idSchema.meta({
    description: 'Id of the user who registered the application.',
    example: exampleId,
  }),
  createdAt: timestamp,
  previousSecretUntil: timestamp
    .nullable()
    .meta({ description: 'Until when the previous secret is accepted after a rotation; null: it isn’t.' }),
});

const clientSecret = z
  .string()
  .nullable()
  .meta({ description: 'The client secret, shown only in this response; null if the application has none.' });

/** An application that has just been registered. */
export const createdApplicationSchema = applicationSchema.extend({ clientSecret });

/** Answer of the routes that rotate a secret. */
export const rotatedSecretSchema = z.object({
  clientSecret: z.string().meta({ description: 'The new client secret, shown only in this response.' }),
  previousSecretUntil: timestamp.nullable(),
});

/** Answer of the routes that list applications. */
export const applicationListSchema = z.object({
  items: z.array(applicationSchema).meta({ description: 'Oldest first.' }),
  nextCursor,
});

/** A new application, as an administrator or an owner asks for it. */
export type ApplicationInput = Omit<z.output<typeof applicationBodySchema>, 'orgId'>;
export type ApplicationChanges = z.output<typeof applicationChangesSchema>;
export type ApplicationItem = z.output<typeof applicationSchema>;

/** @param previousSecretUntil milliseconds since the epoch. */
export function toItem(application: Application, previousSecretUntil: number | null): ApplicationItem {
  return {
    ...application,
    redirectUris: [...application.redirectUris],
    postLogoutRedirectUris: [...application.postLogoutRedirectUris],
    roles: [...application.roles],
    groupOrgs: [...application.groupOrgs],
    tokenEndpointAuthMethod:
      application.jwks === null ? application.tokenEndpointAuthMethod : 'private_key_jwt',
    scope: application.scope.join(' '),
    createdAt: toTimestamp(application.createdAt),
    previousSecretUntil: toTimestamp(previousSecretUntil),
  };
}
