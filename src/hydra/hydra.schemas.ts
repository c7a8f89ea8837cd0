import { z } from 'zod';

/** Redirect that Hydra asks for after a decision, or after a challenge that was used before. */
export const redirectSchema = z.looseObject({ redirect_to: z.string() });

const clientSchema = z.looseObject({
  client_id: z.string(),
  client_name: z.string().nullish(),
  logo_uri: z.string().nullish(),
  skip_consent: z.boolean().nullish(),
  grant_types: z.array(z.string()).nullish(),
  redirect_uris: z.array(z.string()).nullish(),
  token_endpoint_auth_method: z.string().nullish(),
});

/** A login challenge (step 5). */
export const loginRequestSchema = z.looseObject({
  challenge: z.string(),
  /** Whether Hydra remembers who this browser's person is, and as whom. */
  skip: z.boolean(),
  subject: z.string(),
  session_id: z.string().nullish(),
  request_url: z.string(),
  client: clientSchema,
});

/** What the login step hands to the consent step, through Hydra. */
export const loginContextSchema = z.looseObject({
  kratos_session_id: z.uuid(),
  amr: z.array(z.string()),
  /** Milliseconds since the epoch. */
  auth_time: z.number(),
  acr: z.enum(['aal1', 'aal2']).optional(),
  /** Hydra's login session: the `sid` of its ID tokens and logout tokens. */
  hydra_session_id: z.string().optional(),
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
  client: clientSchema,
  context: loginContextSchema,
});

const grantedConsentSchema = z.looseObject({
  /** Whether later logins, of any browser, were let through by it: Hydra lists none of those. */
  remember: z.boolean().nullish(),
  consent_request: z.looseObject({
    /** Null once Hydra's session is gone. */
    login_session_id: z.string().nullish(),
    client: clientSchema,
  }),
});

/** Consents that were granted. */
export const grantedConsentsSchema = z.array(grantedConsentSchema);

/** A logout challenge. */
export const logoutRequestSchema = z.looseObject({
  subject: z.string().nullish(),
  /** Of the session that ends. */
  sid: z.string().nullish(),
  client: clientSchema.nullish(),
});

/** An access token that is active, as introspection tells it (RFC 7662 section 2.2, with our consent's `ext`). */
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

/** The same of one that a client got for itself: no person's consent is behind it, so there is nothing in `ext`. */
export const clientTokenSchema = activeTokenSchema.extend({
  ext: z.looseObject({ kratos_session_id: z.undefined().optional() }).nullish(),
});

export type LoginRequest = z.output<typeof loginRequestSchema>;
export type ConsentRequest = z.output<typeof consentRequestSchema>;
export type GrantedConsent = z.output<typeof grantedConsentSchema>;
export type LogoutRequest = z.output<typeof logoutRequestSchema>;
export type LoginContext = z.output<typeof loginContextSchema>;
export type ActiveToken = z.output<typeof activeTokenSchema>;
export type ClientToken = z.output<typeof clientTokenSchema>;
