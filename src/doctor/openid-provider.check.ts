import { z } from 'zod';
import type { Auth0Configuration, OidcConfiguration } from '../config/configuration.js';
import type { Check, Observation } from './check.port.js';
import { NoAnswerError, ask, shown } from './http.probe.js';

const discoverySchema = z.looseObject({
  issuer: z.string(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
});
const errorSchema = z.looseObject({ error: z.string() });

/** The provider can be discovered, calls itself what we expect, and knows our client, its secret and redirect URI. */
export const openIdProviderCheck: Check<Auth0Configuration | OidcConfiguration> = {
  name: 'OpenID provider',
  isCheap: true,
  run: async (configuration) => {
    const { issuer, clientId, clientSecret } = clientOf(configuration);
    const { host, origin } = new URL(issuer);
    try {
      const { status, json } = await ask(`${issuer}/.well-known/openid-configuration`);
      const { data } = discoverySchema.safeParse(json);
      if (status !== 200 || data === undefined) {
        return [{ code: 'provider_unreachable', detail: `${host} answers ${status}`, unreachable: origin }];
      }
      const expected = new URL(issuer).href;
      const isSame = URL.canParse(data.issuer) && new URL(data.issuer).href === expected;
      const redirectUri = `${configuration.PUBLIC_URL}/auth/callback`;
      const troubles = await Promise.all([
        knowsClient(data.token_endpoint, { clientId, clientSecret, redirectUri }),
        takesRedirect(data.authorization_endpoint, { clientId, redirectUri }),
      ]);
      return [
        ...(isSame
          ? []
          : [{ code: 'issuer_mismatch', detail: `${shown(data.issuer)} instead of ${expected}` } as const]),
        ...troubles.flat(),
      ];
    } catch (error) {
      if (error instanceof NoAnswerError && error.origin === origin) {
        return [{ code: 'provider_unreachable', detail: `${host}: ${error.message}`, unreachable: origin }];
      }
      throw error;
    }
  },
};

function clientOf(configuration: Auth0Configuration | OidcConfiguration) {
  return configuration.AUTH_PROVIDER === 'auth0'
    ? {
        issuer: configuration.AUTH0_DOMAIN,
        clientId: configuration.AUTH0_CLIENT_ID,
        clientSecret: configuration.AUTH0_CLIENT_SECRET,
      }
    : {
        issuer: configuration.OIDC_ISSUER,
        clientId: configuration.OIDC_CLIENT_ID,
        clientSecret: configuration.OIDC_CLIENT_SECRET,
      };
}

/** A code that nobody was given: the client is looked at first (RFC 6749 section 5.2). */
async function knowsClient(
  endpoint: string,
  client: { readonly clientId: string; readonly clientSecret: string; readonly redirectUri: string },
): Promise<readonly Observation[]> {
  const { json } = await ask(endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: 'asked-by-the-doctor',
      code_verifier: 'asked-by-the-doctor-asked-by-the-doctor-asked',
      redirect_uri: client.redirectUri,
      client_id: client.clientId,
      client_secret: client.clientSecret,
    }),
  });
  const error = errorSchema.safeParse(json).data?.error ?? '';
  return ['invalid_client', 'unauthorized_client', 'access_denied'].includes(error)
    ? [{ code: 'provider_client_refused', detail: error }]
    : [];
}

/** Only to a redirect URI that is registered may a provider redirect (RFC 6749 section 4.1.2.1). */
async function takesRedirect(
  endpoint: string,
  client: { readonly clientId: string; readonly redirectUri: string },
): Promise<readonly Observation[]> {
  const url = new URL(endpoint);
  const parameters = {
    client_id: client.clientId,
    redirect_uri: client.redirectUri,
    response_type: 'code',
    scope: 'openid',
    state: 'asked-by-the-doctor',
    nonce: 'asked-by-the-doctor',
    code_challenge: 'YXNrZWQtYnktdGhlLWRvY3Rvci1hc2tlZC1ieS10aGU',
    code_challenge_method: 'S256',
    prompt: 'none',
  };
  for (const [name, value] of Object.entries(parameters)) {
    url.searchParams.set(name, value);
  }
  const { status } = await ask(url.href);
  return status >= 400 && status < 500
    ? [{ code: 'provider_redirect_uri_refused', detail: `it answers ${status}` }]
    : [];
}
