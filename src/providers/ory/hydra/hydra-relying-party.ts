import * as openid from 'openid-client';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import type { CircuitBreaker } from '../../../platform/upstream/circuit-breaker.js';
import { fetchThrough } from '../../oidc/circuit-fetch.js';
import { LogoutTokenVerifier } from '../../oidc/logout-token.js';
import type { ProviderKeys } from '../../../platform/upstream/provider-keys.js';
import { RelyingParty } from '../../oidc/relying-party.js';
import type { UpstreamCalls } from '../../../platform/upstream/upstream-calls.js';
import { gatewayClientId, gatewayClientSecret } from './hydra-clients.js';

/**
 * Concurrent code exchanges. One exchange costs Hydra a hash of the secret, a signature and several writes. Too many in parallel
 * make each other exceed the time-out; in line, each takes a fraction of it.
 */
export const exchangesAtOnce = 2;

/**
 * The gateway as Hydra's relying party. There is no discovery: browsers reach Hydra through the proxy on our own origin, the
 * gateway itself by the internal URL.
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
      issuer: hydraIssuer(configuration),
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

/** The verifier of Hydra's logout tokens for any of our clients. */
export function hydraLogoutTokens(configuration: OryConfiguration, keys: ProviderKeys): LogoutTokenVerifier {
  return new LogoutTokenVerifier({
    keys,
    issuer: hydraIssuer(configuration),
    audiences: configuration.ALLOWED_CLIENT_IDS,
  });
}

/** Hydra's issuer: `URLS_SELF_ISSUER` in docker/hydra/hydra.env. */
export function hydraIssuer({ PUBLIC_URL }: OryConfiguration): string {
  return `${PUBLIC_URL}/ory/hydra`;
}

/** The internal URL at which Hydra publishes its keys. */
export function hydraKeysUrl({ HYDRA_PUBLIC_URL }: OryConfiguration): string {
  return `${HYDRA_PUBLIC_URL}/.well-known/jwks.json`;
}
