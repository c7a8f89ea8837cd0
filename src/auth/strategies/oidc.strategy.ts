import type { OidcConfiguration } from '../../config/configuration.js';
import type { OpenIdProvider } from '../../oidc/openid.provider.js';
import { type ExchangedTokens, type LoginChecks, RelyingParty } from '../../oidc/relying.party.js';
import type { LoginStart, StartedLogin } from '../auth.strategy.js';
import { openIdDemandParameters } from '../login.demand.js';
import type { ProviderGrants } from '../provider.grants.js';
import { OpenIdStrategy } from './openid.strategy.js';

/** Logins through any OpenID provider, by openid-client. */
export class OidcStrategy extends OpenIdStrategy {
  readonly hints = ['login_hint', 'ui_locales'];
  readonly #provider: OpenIdProvider;
  readonly #configuration: OidcConfiguration;

  constructor(provider: OpenIdProvider, grants: ProviderGrants, configuration: OidcConfiguration) {
    super(provider, grants, {
      provider: 'oidc',
      clientId: configuration.OIDC_CLIENT_ID,
      verifiesOwnTokens: false,
    });
    this.#provider = provider;
    this.#configuration = configuration;
  }

  async begin({ kind, hints, demand }: LoginStart): Promise<StartedLogin> {
    const relyingParty = await this.#provider.relyingParty();
    const { prompt_values_supported: prompts } = await this.#provider.metadata();
    const createsAccounts = Array.isArray(prompts) && prompts.includes('create');
    const checks = RelyingParty.newChecks();
    const url = await relyingParty.authorizationUrl(checks, {
      ...hints,
      ...openIdDemandParameters(demand),
      redirect_uri: `${this.#configuration.PUBLIC_URL}/auth/callback`,
      scope: 'openid profile email',
      // Initiating User Registration via OpenID Connect 1.0; others show the way to sign up on their login page.
      ...(kind === 'signup' && createsAccounts ? { prompt: 'create' } : {}),
    });
    return { url, checks };
  }

  async exchange(answer: URL, checks: LoginChecks): Promise<ExchangedTokens> {
    return (await this.#provider.relyingParty()).exchange(answer, checks);
  }

  /** RP-Initiated Logout 1.0, where the provider has it. */
  async endSession(): Promise<URL | undefined> {
    const { end_session_endpoint: endpoint } = await this.#provider.metadata();
    if (endpoint === undefined) {
      return undefined;
    }
    const url = new URL(endpoint);
    url.searchParams.set('client_id', this.#configuration.OIDC_CLIENT_ID);
    url.searchParams.set('post_logout_redirect_uri', `${this.#configuration.PUBLIC_URL}/`);
    return url;
  }
}
