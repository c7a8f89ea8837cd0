import { createHash } from 'node:crypto';
import { z } from 'zod';

/** Numeric date: whole seconds since the epoch (RFC 7519 section 2). */
const numericDate = z.int().nonnegative();

/** An actor: whose token acted, as of which time, and by which session or API key. A client that acts at a resource has `sub` alone. */
const actorSchema = z.object({ sub: z.string(), sid: z.uuid().optional(), jti: z.uuid().optional() });
const actorClaimSchema = actorSchema.extend({ act: z.unknown().optional() });

/** Claims of the augmented token, an RFC 9068 access token with the application's own claims. */
const knownClaimsSchema = z.object({
  iss: z.string().meta({ description: 'Issuer: `PUBLIC_URL`.' }),
  aud: z
    .string()
    .meta({ description: 'Audience: `TOKEN_AUDIENCE`, or the origin of a host in `PROTECTED_HOSTS`.' }),
  sub: z.uuid().meta({ description: 'Subject: id of the local user.' }),
  sub_profile: z.enum(['service']).optional().meta({
    description:
      '`service` for a service account: of an organisation’s API key, a service client or a machine; people have none.',
  }),
  sid: z.uuid().meta({ description: 'Id of the session, or of the API key for which the token was issued.' }),
  jti: z.uuid().meta({ description: 'Id of this token.' }),
  iat: numericDate.meta({ description: 'When the token was issued, in seconds since the epoch.' }),
  nbf: numericDate.meta({ description: 'Not valid before this time.' }),
  exp: numericDate.meta({ description: 'Expiry: not valid at or after this time.' }),
  auth_time: numericDate.meta({
    description: 'When the user last gave credentials; 0 if the provider doesn’t state it.',
  }),
  amr: z.array(z.string()).meta({ description: 'How the user authenticated (RFC 8176).' }),
  acr: z.enum(['aal1', 'aal2']).optional().meta({ description: '`aal2` if a second factor was given.' }),
  roles: z.array(z.string()).optional().meta({ description: '`admin` for administrators (RFC 9068).' }),
  act: z.looseObject(actorSchema.shape).optional().meta({
    description: 'Actor: who acts for `sub` (RFC 8693, section 4.1), with the `sid` and `jti` of its token.',
  }),
  org: z
    .object({ id: z.uuid(), slug: z.string(), role: z.enum(['owner', 'admin', 'member']) })
    .optional()
    .meta({ description: 'The active organisation.' }),
  second_factor: z
    .object({
      due: numericDate,
      missing: z.array(z.enum(['session', 'role', 'org'])).optional(),
      org: z.object({ id: z.uuid(), slug: z.string() }).optional(),
    })
    .optional()
    .meta({
      description:
        'Present if a required second factor was not given: `due` is when it becomes mandatory; from then on, `missing` names what this token lacks because of it (docs/security.md).',
    }),
  idp: z.enum(['ory', 'auth0', 'oidc']).meta({ description: 'Login provider that authenticated the user.' }),
  idp_sub: z.string().optional().meta({
    description:
      'Id of the user at the login provider: with Ory, the `sub` that applications get. Only tokens of sessions have it.',
  }),
  cnf: z.object({ jkt: z.string() }).optional().meta({
    description:
      'Confirmation (RFC 7800): the token is good only with a DPoP proof by the key with this thumbprint `jkt` (RFC 9449).',
  }),
  client_id: z.string().meta({ description: 'OAuth client through which the user logged in.' }),
  scope: z.string().meta({ description: 'Space-separated scopes.' }),
  email: z.string().optional().meta({ description: 'E-mail address.' }),
  email_verified: z.boolean().meta({ description: 'Whether the e-mail address has been verified.' }),
  name: z.string().optional().meta({ description: 'Display name.' }),
  picture: z.string().optional().meta({ description: 'URL of a picture.' }),
});

/** Parses the claims of a verified token; the application's mapped claims stay beside the known ones. */
export const claimsSchema = z.looseObject(knownClaimsSchema.shape);

/** The claims that every token may have. */
export type KnownClaims = z.output<typeof knownClaimsSchema>;

/** Parsed claims of a verified augmented token. */
export type Claims = z.output<typeof claimsSchema>;

/** An actor of a token, without those before it. */
export type Actor = z.output<typeof actorSchema>;

/** The actors that the claim `act` names: the current one, then those before it, who are at most five in a token of ours. */
export function actorsIn(act: unknown): readonly Actor[] {
  const parsed = actorClaimSchema.safeParse(act);
  if (!parsed.success) {
    return [];
  }
  const { act: before, ...actor } = parsed.data;
  return [actor, ...actorsIn(before)];
}

/** Identifies the form of claims that {@link claimsSchema} produces: any other schema has another value. */
export const claimsForm = createHash('sha256')
  .update(JSON.stringify(z.toJSONSchema(claimsSchema)))
  .digest('base64url')
  .slice(0, 8);

/**
 * The claims, if the value has their form.
 * @param form of the schema that parsed the value before, where that is proven: a value of the current form isn't parsed again.
 */
export function parseClaims(value: unknown, form?: string): Claims | undefined {
  return wasParsed(value, form) ? value : claimsSchema.safeParse(value).data;
}

function wasParsed(value: unknown, form: string | undefined): value is Claims {
  return form === claimsForm && typeof value === 'object' && value !== null;
}
