import { z } from 'zod';

/** The redirect that Hydra requires after a decision, or for a challenge that was used before. */
export const redirectSchema = z.looseObject({ redirect_to: z.string() });

/** A client, as consent pages and lists state it. */
export const clientSchema = z.looseObject({
  client_id: z.string(),
  client_name: z.string().nullish(),
  logo_uri: z.string().nullish(),
  client_uri: z.string().nullish(),
  policy_uri: z.string().nullish(),
  tos_uri: z.string().nullish(),
  skip_consent: z.boolean().nullish(),
  grant_types: z.array(z.string()).nullish(),
  redirect_uris: z.array(z.string()).nullish(),
  token_endpoint_auth_method: z.string().nullish(),
  backchannel_logout_uri: z.string().nullish(),
  metadata: z.unknown().optional(),
});

/** Hints in the application's request (OpenID Connect Core section 3.1.2.1): text that anyone may have written. */
const hintsSchema = z
  .looseObject({
    login_hint: z.string().optional().catch(undefined),
    ui_locales: z.array(z.string()).nullish().catch(undefined),
  })
  .nullish()
  .catch(undefined);

/** A login challenge (step 5). */
export const loginRequestSchema = z.looseObject({
  challenge: z.string(),
  /** Whether Hydra already has a session for this browser; `subject` is then its person. */
  skip: z.boolean(),
  subject: z.string(),
  session_id: z.string().nullish(),
  requested_scope: z.array(z.string()).nullish(),
  requested_access_token_audience: z.array(z.string()).nullish(),
  request_url: z.string(),
  oidc_context: hintsSchema,
  client: clientSchema,
});

/** The data that the login step passes to the consent step, through Hydra. */
export const loginContextSchema = z.looseObject({
  kratos_session_id: z.uuid(),
  amr: z.array(z.string()),
  /** Milliseconds since the epoch. */
  auth_time: z.number(),
  acr: z.enum(['aal1', 'aal2']).optional(),
  /** Hydra's login session: the `sid` of its ID tokens and logout tokens. */
  hydra_session_id: z.string().optional(),
  /** Of a consent for a protected resource: its id, the `sid` of the resource's tokens. */
  grant_id: z.uuid().optional(),
  /** With it: the `client_id`, as the client knows it. */
  client_id: z.string().optional(),
  /** With it: thumbprint of the key to which the client has bound its code (RFC 9449 section 10). */
  dpop_jkt: z.string().optional(),
});

/** A consent challenge (step 5). */
export const consentRequestSchema = z.looseObject({
  challenge: z.string(),
  subject: z.string(),
  login_session_id: z.string().nullish(),
  skip: z.boolean().nullish(),
  requested_scope: z.array(z.string()).nullish(),
  requested_access_token_audience: z.array(z.string()).nullish(),
  request_url: z.string(),
  oidc_context: hintsSchema,
  client: clientSchema,
  context: loginContextSchema,
});

const grantedConsentSchema = z.looseObject({
  /** Whether the consent also applied to later logins of any browser; Hydra doesn't list those. */
  remember: z.boolean().nullish(),
  grant_scope: z.array(z.string()).nullish(),
  /** Milliseconds since the epoch; 0 if Hydra doesn't state it. */
  handled_at: z
    .string()
    .nullish()
    .transform((at) => Date.parse(at ?? '') || 0),
  /** What the tokens were made from. */
  session: z
    .looseObject({
      access_token: z
        .looseObject({ grant_id: z.uuid().optional(), kratos_session_id: z.string().optional() })
        .nullish(),
    })
    .nullish()
    .catch(undefined),
  consent_request: z.looseObject({
    /** Null once Hydra's session is gone. */
    login_session_id: z.string().nullish(),
    requested_access_token_audience: z.array(z.string()).nullish(),
    client: clientSchema,
  }),
});

/** Consents that were granted. */
export const grantedConsentsSchema = z.array(grantedConsentSchema);

/** A logout challenge. */
export const logoutRequestSchema = z.looseObject({
  subject: z.string().nullish(),
  /** Id of the session that ends. */
  sid: z.string().nullish(),
  /** Path and query of the application's request. */
  request_url: z.string().nullish(),
  client: clientSchema.nullish(),
});

/** An active access token, as introspection returns it (RFC 7662 section 2.2, with our consent's `ext`). */
export const activeTokenSchema = z.looseObject({
  active: z.literal(true),
  client_id: z.string(),
  sub: z.string(),
  token_use: z.string(),
  scope: z.string().optional(),
  aud: z.array(z.string()).nullish(),
  exp: z.number(),
  ext: loginContextSchema,
});

/** An active refresh token that came from a person's consent. */
export const refreshTokenSchema = z.looseObject({
  active: z.literal(true),
  client_id: z.string(),
  sub: z.string(),
  token_use: z.literal('refresh_token'),
  scope: z.string().optional(),
  aud: z.array(z.string()).nullish(),
  /** Undefined if the consent was given elsewhere. */
  ext: loginContextSchema.optional().catch(undefined),
});

/** An active access token that a client got for itself. It came from no person's consent, so its `ext` has no Kratos session. */
export const clientTokenSchema = activeTokenSchema.extend({
  ext: z.looseObject({ kratos_session_id: z.undefined().optional() }).nullish(),
});

export type LoginRequest = z.output<typeof loginRequestSchema>;
export type ConsentRequest = z.output<typeof consentRequestSchema>;
export type GrantedConsent = z.output<typeof grantedConsentSchema>;
export type LogoutRequest = z.output<typeof logoutRequestSchema>;
export type LoginContext = z.output<typeof loginContextSchema>;
export type ActiveToken = z.output<typeof activeTokenSchema>;
export type RefreshToken = z.output<typeof refreshTokenSchema>;
export type ClientToken = z.output<typeof clientTokenSchema>;
