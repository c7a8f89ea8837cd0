import { providerEnv } from './gateway.js';
import { StandIn } from './stand-in.js';

/** An OpenID provider that can be discovered, and has no keys: nobody logs in there. */
export interface DiscoveredProvider {
  readonly issuer: string;
  /** Settings of a gateway that uses it. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts one. @param extra what its metadata says besides (OpenID Connect Discovery 1.0 section 3). */
export async function startDiscoveredProvider(
  extra: (issuer: string) => Readonly<Record<string, unknown>> = () => ({}),
): Promise<DiscoveredProvider> {
  const server = new StandIn('http://127.0.0.1:9');
  const issuer = await server.start();
  const metadata = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    ...extra(issuer),
  };
  server.say((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(request.url === '/jwks' ? { keys: [] } : metadata));
    return true;
  });
  return { issuer, env: { ...providerEnv.oidc, OIDC_ISSUER: issuer }, stop: () => server.stop() };
}
