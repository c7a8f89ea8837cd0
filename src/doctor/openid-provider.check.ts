import { z } from 'zod';
import type { Auth0Configuration, OidcConfiguration } from '../platform/config/configuration.js';
import {
  authenticatedForm,
  clientRefusalOf,
  secretMethodOf,
} from '../providers/oidc/client-authentication.js';
import { isOfDeployment } from '../providers/oidc/provider-refusal.js';
import type { Check, Observation } from './check.port.js';
import { NoAnswerError, ask, shown } from './http.probe.js';

const discoverySchema = z.looseObject({
  issuer: z.string(),
  authorization_endpoint: z.url().optional(),
  token_endpoint: z.url().optional(),
  jwks_uri: z.url().optional(),
  revocation_endpoint: z.url().optional(),
  response_modes_supported: z.array(z.string()).default(['query']),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
});
type Metadata = z.output<typeof discoverySchema>;
/** Metadata without which nobody can log in. */
const needed = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const;
/** Checks the provider's discovery document and issuer, and that it knows our client, its secret and its redirect URI. */
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
      const missing: string[] = needed.filter((name) => data[name] === undefined);
      if (!data.response_modes_supported.includes('query')) {
        missing.push('the response mode query');
      }
      const troubles = await Promise.all([
        knowsClient(data, { clientId, clientSecret, redirectUri }),
        takesRedirect(data, { clientId, redirectUri }),
      ]);
      return [
        ...(missing.length === 0
          ? []
          : [{ code: 'provider_metadata_incomplete', detail: missing.join(', ') } as const]),
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

interface Client {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUri: string;
}

/**
 * Checks that the provider accepts the client's credentials, by redeeming a made-up code: most providers check the client first.
 * Some check the code first, so the credentials are also sent to revoke a made-up token, without a code (RFC 7009 section 2).
 */
async function knowsClient(metadata: Metadata, client: Client): Promise<readonly Observation[]> {
  const questions = [
    {
      endpoint: metadata.token_endpoint,
      body: {
        grant_type: 'authorization_code',
        code: 'asked-by-the-doctor',
        code_verifier: 'asked-by-the-doctor-asked-by-the-doctor-asked',
        redirect_uri: client.redirectUri,
      },
    },
    { endpoint: metadata.revocation_endpoint, body: { token: 'asked-by-the-doctor' } },
  ];
  const method = secretMethodOf(metadata);
  const refusals = await Promise.all(
    questions.map(async ({ endpoint, body }) => {
      if (endpoint === undefined) {
        return undefined;
      }
      const question = { method: 'POST', ...authenticatedForm(body, client, method) } as const;
      const { status, json } = await ask(endpoint, question);
      return clientRefusalOf(status, json);
    }),
  );
  const refusal = refusals.find((error) => error !== undefined);
  return refusal === undefined ? [] : [{ code: 'provider_client_refused', detail: refusal }];
}

/** Checks the redirect URI. A provider may only redirect to a registered one (RFC 6749 section 4.1.2.1). */
async function takesRedirect(
  { authorization_endpoint: endpoint }: Metadata,
  client: Pick<Client, 'clientId' | 'redirectUri'>,
): Promise<readonly Observation[]> {
  if (endpoint === undefined) {
    return [];
  }
  const url = new URL(endpoint);
  const parameters = {
    client_id: client.clientId,
    redirect_uri: client.redirectUri,
    response_type: 'code',
    scope: 'openid profile email',
    state: 'asked-by-the-doctor',
    nonce: 'asked-by-the-doctor',
    code_challenge: 'YXNrZWQtYnktdGhlLWRvY3Rvci1hc2tlZC1ieS10aGU',
    code_challenge_method: 'S256',
    prompt: 'none',
  };
  for (const [name, value] of Object.entries(parameters)) {
    url.searchParams.set(name, value);
  }
  const { headers, status } = await ask(url.href);
  const { location = '' } = headers;
  const error = location.startsWith(client.redirectUri)
    ? (new URL(location).searchParams.get('error') ?? '')
    : '';
  if (isOfDeployment(error)) {
    return [{ code: 'provider_client_refused', detail: error }];
  }
  return status >= 400 && status < 500
    ? [{ code: 'provider_redirect_uri_refused', detail: `it answers ${status}` }]
    : [];
}
