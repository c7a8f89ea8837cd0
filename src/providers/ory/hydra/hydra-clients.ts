import type { OAuth2Client } from '@ory/client';
import { z } from 'zod';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { deriveCredential } from '../../../platform/crypto/purpose-cipher.js';

/** Scopes that each of our clients may request. */
const scope = 'openid profile email';

/** The gateway's own client. */
export const gatewayClientId = 'vestibule';

/** The gateway's client secret: derived, so that every replica knows it and none stores it. */
export function gatewayClientSecret(configuration: OryConfiguration): string {
  return deriveCredential(firstSecret(configuration), 'hydra-client');
}

/** The secret from which credentials at Hydra are derived. */
export function firstSecret({ SECRETS: [first] }: OryConfiguration): Uint8Array {
  if (first === undefined) {
    throw new RangeError('SECRETS is empty');
  }
  return first;
}

/** Whether an application stays logged in by itself, with refresh tokens. */
export function keepsLoggedIn(client: {
  readonly grant_types?: readonly string[] | null | undefined;
}): boolean {
  return client.grant_types?.includes('refresh_token') === true;
}

/**
 * Whether an application is registered as a native one: a public client whose codes go to a loopback address or to a custom
 * scheme. Any program on the machine can listen there in its name, so it's never authorized without a page (RFC 8252 section
 * 8.6). A redirect to our own origin doesn't count, unless that is a numeric loopback address: Hydra accepts any port of those.
 */
export function isNativeApp(
  client: {
    readonly token_endpoint_auth_method?: string | null | undefined;
    readonly redirect_uris?: readonly string[] | null | undefined;
  },
  publicUrl: string,
): boolean {
  return (
    client.token_endpoint_auth_method === 'none' &&
    (client.redirect_uris ?? []).some((uri) => isOpenToPrograms(uri, publicUrl))
  );
}

function isOpenToPrograms(uri: string, publicUrl: string): boolean {
  if (!URL.canParse(uri)) {
    return true;
  }
  const { protocol, hostname, origin } = new URL(uri);
  if (/^(?:127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)) {
    return true;
  }
  const isLocal = /^(?:.+\.)?localhost\.?$/.test(hostname);
  return !/^https?:$/.test(protocol) || (isLocal && origin !== publicUrl);
}

/** The product's own single-page app. */
const spaClientId = 'vestibule-spa';

/** Whether a client is one that the bootstrap registers for the product itself. */
export function isOwnClient(id: string): boolean {
  return id === gatewayClientId || id === spaClientId;
}

/** Whether a text has the form of a client's id at Hydra. */
export function isHydraId(id: string): boolean {
  return /^[\w~-][\w.~-]{0,254}$/.test(id);
}

const recordSchema = z.looseObject({
  client_id: z.string(),
  redirect_uris: z.array(z.string()).nullish(),
  grant_types: z.array(z.string()).nullish(),
});

/** A client as Hydra has it, as far as its authorization requests are judged by it. */
export interface HydraClientRecord {
  readonly id: string;
  readonly redirectUris: readonly string[];
  readonly refreshes: boolean;
}

/** Reads a client as Hydra answers it; undefined for none. */
export function recordOf(client: unknown): HydraClientRecord | undefined {
  const { data } = recordSchema.safeParse(client);
  return (
    data && { id: data.client_id, redirectUris: data.redirect_uris ?? [], refreshes: keepsLoggedIn(data) }
  );
}

/** Clients that earlier versions registered and that are no longer needed; the bootstrap removes them. */
export const retiredClientIds = ['vestibule-cli'] as const;

/** The clients that the bootstrap registers at Hydra. Consent is skipped, because they're the product itself. */
export function ownClients(configuration: OryConfiguration): (OAuth2Client & { client_id: string })[] {
  const { BACKCHANNEL_LOGOUT_URL, PUBLIC_URL, SPA_REDIRECT_URIS, TOKEN_AUDIENCE } = configuration;
  const common = {
    grant_types: ['authorization_code'],
    response_types: ['code'],
    scope,
    audience: [TOKEN_AUDIENCE],
    skip_consent: true,
    skip_logout_consent: true,
    backchannel_logout_uri: BACKCHANNEL_LOGOUT_URL,
    backchannel_logout_session_required: true,
  };
  return [
    {
      ...common,
      client_id: gatewayClientId,
      client_name: 'Vestibule',
      client_secret: gatewayClientSecret(configuration),
      token_endpoint_auth_method: 'client_secret_basic',
      redirect_uris: [`${PUBLIC_URL}/auth/callback`],
      post_logout_redirect_uris: [`${PUBLIC_URL}/`],
    },
    {
      ...common,
      client_id: spaClientId,
      client_name: 'Vestibule (single-page app)',
      token_endpoint_auth_method: 'none',
      redirect_uris: SPA_REDIRECT_URIS,
      post_logout_redirect_uris: [...new Set(SPA_REDIRECT_URIS.map((uri) => `${new URL(uri).origin}/`))],
    },
  ];
}
