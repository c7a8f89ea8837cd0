import * as openid from 'openid-client';
import type { OryConfiguration } from '../config/configuration.js';
import type { CircuitBreaker } from '../core/circuit.breaker.js';
import { fetchThrough } from '../oidc/circuit.fetch.js';
import { LogoutTokenVerifier } from '../oidc/logout.token.js';
import type { ProviderKeys } from '../oidc/provider.keys.js';
import { RelyingParty } from '../oidc/relying.party.js';
import type { UpstreamCalls } from '../upstreams/upstream.calls.js';
import { gatewayClientId, gatewayClientSecret } from './hydra.clients.js';

/**
 * One exchange costs Hydra a secret's hash, a signature and several writes: too many in parallel make each other exceed
 * the time-out, where in line each takes a fraction of it.
 */
const exchangesAtOnce = 2;

/**
 * The gateway as Hydra's relying party. Nothing is discovered: browsers go to Hydra by way of the proxy on our own
 * origin, the gateway itself by the inside URL.
 */
export function hydraRelyingParty(
  configuration: OryConfiguration,
  keys: ProviderKeys,
  breaker: CircuitBreaker,
  calls: UpstreamCalls,
): RelyingParty {
  const { PUBLIC_URL, HYDRA_PUBLIC_URL } = configuration;
  const client = new openid.Configuration(
    {
      issuer: issuerOf(configuration),
      authorization_endpoint: `${PUBLIC_URL}/ory/hydra/oauth2/auth`,
      token_endpoint: `${HYDRA_PUBLIC_URL}/oauth2/token`,
      revocation_endpoint: `${HYDRA_PUBLIC_URL}/oauth2/revoke`,
      jwks_uri: hydraKeysUrl(configuration),
      id_token_signing_alg_values_supported: ['RS256'],
    },
    gatewayClientId,
    { id_token_signed_response_alg: 'RS256' },
    openid.ClientSecretBasic(gatewayClientSecret(configuration)),
  );
  client[openid.customFetch] = fetchThrough(breaker, calls.fetch('hydra'));
  if (HYDRA_PUBLIC_URL.startsWith('http:')) {
    openid.allowInsecureRequests(client);
  }
  return new RelyingParty(client, keys, exchangesAtOnce);
}

/** Logout tokens of Hydra for any of our clients. */
export function hydraLogoutTokens(configuration: OryConfiguration, keys: ProviderKeys): LogoutTokenVerifier {
  return new LogoutTokenVerifier({
    keys,
    issuer: issuerOf(configuration),
    audiences: configuration.ALLOWED_CLIENT_IDS,
  });
}

/** What Hydra calls itself: `URLS_SELF_ISSUER` in docker/hydra/hydra.env. */
function issuerOf({ PUBLIC_URL }: OryConfiguration): string {
  return `${PUBLIC_URL}/ory/hydra`;
}

/** Where Hydra publishes its keys, by the inside URL. */
export function hydraKeysUrl({ HYDRA_PUBLIC_URL }: OryConfiguration): string {
  return `${HYDRA_PUBLIC_URL}/.well-known/jwks.json`;
}
