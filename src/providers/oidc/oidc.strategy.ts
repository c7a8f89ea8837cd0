import type { OidcConfiguration } from '../../platform/config/configuration.js';
import type { OpenIdProvider } from './openid.provider.js';
import { RelyingParty } from './relying.party.js';
import type {
  ExchangedTokens,
  LoginChecks,
  LoginStart,
  StartedLogin,
} from '../../auth-strategy/auth.strategy.js';
import { openIdStepUpParameters } from '../../auth-strategy/step-up.requirement.js';
import type { ProviderGrants } from '../../session/store/provider.grants.js';
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
      ...openIdStepUpParameters(demand),
      redirect_uri: `${this.#configuration.PUBLIC_URL}/auth/callback`,
      scope: 'openid profile email',
      // Initiating User Registration via OpenID Connect 1.0; other providers link to the sign-up on their login page.
      ...(kind === 'signup' && createsAccounts ? { prompt: 'create' } : {}),
    });
    return { url, checks };
  }

  async exchange(answer: URL, checks: LoginChecks): Promise<ExchangedTokens> {
    return (await this.#provider.relyingParty()).exchange(answer, checks);
  }

  /** RP-Initiated Logout 1.0, if the provider supports it. */
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
