import type { Auth0Client } from '../../auth0/auth0.client.js';
import type { Auth0Configuration } from '../../config/configuration.js';
import { Problem } from '../../core/problem.error.js';
import type { OpenIdProvider } from '../../oidc/openid.provider.js';
import {
  type ExchangedTokens,
  type LoginChecks,
  multiFactorPolicy,
  toExchangedTokens,
} from '../../oidc/relying.party.js';
import type { LoginStart, StartedLogin } from '../auth.strategy.js';
import { openIdDemandParameters } from '../login.demand.js';
import type { ProviderGrants } from '../provider.grants.js';
import { OpenIdStrategy } from './openid.strategy.js';

/** Logins through Auth0: the code flow by passport-auth0, signatures by jose, the person by `/userinfo`. */
export class Auth0Strategy extends OpenIdStrategy {
  readonly hints = ['connection', 'organization', 'invitation', 'login_hint', 'ui_locales'];
  readonly #client: Auth0Client;
  readonly #provider: OpenIdProvider;
  readonly #configuration: Auth0Configuration;

  constructor(
    client: Auth0Client,
    provider: OpenIdProvider,
    grants: ProviderGrants,
    configuration: Auth0Configuration,
  ) {
    super(provider, grants, {
      provider: 'auth0',
      clientId: configuration.AUTH0_CLIENT_ID,
      verifiesOwnTokens: configuration.AUTH0_AUDIENCE !== undefined,
    });
    this.#client = client;
    this.#provider = provider;
    this.#configuration = configuration;
  }

  async begin({ kind, hints, demand }: LoginStart): Promise<StartedLogin> {
    await this.#provider.metadata();
    return this.#client.begin({
      ...hints,
      ...openIdDemandParameters(demand, multiFactorPolicy),
      ...(kind === 'signup' ? { screen_hint: 'signup' } : {}),
    });
  }

  async exchange(answer: URL, checks: LoginChecks): Promise<ExchangedTokens> {
    // RFC 9207 section 2.4, which passport-auth0 doesn't know. Auth0 sends no `iss`; a mix-up attack may.
    const { issuer } = await this.#provider.metadata();
    if (answer.searchParams.getAll('iss').some((given) => given !== issuer)) {
      throw new Problem('login_refused', { reason: 'issuer_mismatch' });
    }
    const { accessToken, refreshToken, idToken, scope } = await this.#client.exchange(answer, checks);
    // passport-auth0 reads the ID token's claims without its signature.
    const claims = await this.#provider.verifyIdToken(idToken, checks.nonce);
    return toExchangedTokens(accessToken, scope, claims, refreshToken);
  }

  /** Auth0's own logout endpoint, which needs no ID token. */
  async endSession(): Promise<URL> {
    const { AUTH0_DOMAIN, AUTH0_CLIENT_ID, PUBLIC_URL } = this.#configuration;
    const url = new URL(`${AUTH0_DOMAIN}/v2/logout`);
    url.searchParams.set('client_id', AUTH0_CLIENT_ID);
    url.searchParams.set('returnTo', `${PUBLIC_URL}/`);
    return url;
  }
}
