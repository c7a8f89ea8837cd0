import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OidcConfiguration } from '../../platform/config/configuration.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { OpenIdProvider } from './openid.provider.js';
import { OpenIdRenewals } from './openid-renewals.js';
import { RelyingParty } from './relying-party.js';
import type {
  ExchangedTokens,
  LoginChecks,
  LoginStart,
  StartedLogin,
} from '../../auth-strategy/auth.strategy.js';
import { openIdStepUpParameters } from '../../auth-strategy/step-up-requirement.js';
import { OpenIdStrategy } from './openid.strategy.js';

/** Logins through any OpenID provider, by openid-client. */
@Injectable()
export class OidcStrategy extends OpenIdStrategy {
  readonly hints = ['login_hint', 'ui_locales'];
  readonly #logger = new Logger(OidcStrategy.name);

  readonly #configuration: OidcConfiguration;

  constructor(
    provider: OpenIdProvider,
    renewals: OpenIdRenewals,
    @Inject(CONFIGURATION) configuration: OidcConfiguration,
  ) {
    super(provider, renewals, {
      provider: 'oidc',
      clientId: configuration.OIDC_CLIENT_ID,
      verifiesOwnTokens: false,
    });
    this.#configuration = configuration;
  }

  async begin({ kind, hints, demand, attempt }: LoginStart): Promise<StartedLogin> {
    const relyingParty = await this.provider.relyingParty();
    const { prompt_values_supported: prompts } = await this.provider.metadata();
    const createsAccounts = Array.isArray(prompts) && prompts.includes('create');
    const checks = RelyingParty.newChecks();
    const url = await relyingParty.authorizationUrl(checks, {
      ...hints,
      ...openIdStepUpParameters(demand),
      redirect_uri: `${this.#configuration.PUBLIC_URL}/auth/callback`,
      scope: [...this.#scopes, ...(await this.#offlineScope(attempt))].join(' '),
      // Initiating User Registration via OpenID Connect 1.0; other providers link to the sign-up on their login page.
      ...(kind === 'signup' && createsAccounts ? { prompt: 'create' } : {}),
    });
    return { url, checks };
  }

  get #scopes(): readonly string[] {
    return this.#configuration.OIDC_SCOPES ?? ['openid', 'profile', 'email'];
  }

  /**
   * The scope that is asked for unless the settings say which. A provider that offers refresh tokens by it can be asked later whether
   * the user is still there. It may refuse it to this client, so only the first try of a login asks for it.
   */
  async #offlineScope(attempt: number): Promise<readonly string[]> {
    const { scopes_supported: supported } = await this.provider.metadata();
    const isAsked = attempt === 1 && this.#configuration.OIDC_SCOPES === undefined;
    return isAsked && supported?.includes('offline_access') === true ? ['offline_access'] : [];
  }

  async exchange(answer: URL, login: LoginChecks & Pick<LoginStart, 'attempt'>): Promise<ExchangedTokens> {
    try {
      return await (await this.provider.relyingParty()).exchange(answer, login);
    } catch (error) {
      const isOfScope = error instanceof Problem && error.reason === 'provider_invalid_scope';
      if (!isOfScope || (await this.#offlineScope(login.attempt)).length === 0) {
        throw error;
      }
      this.#logger.warn('the provider refuses offline_access to this client: set OIDC_SCOPES without it', {
        reason: 'offline_access_refused',
      });
      throw new Problem('login_state_invalid', { reason: 'offline_access_refused', cause: error });
    }
  }

  /** RP-Initiated Logout 1.0, if the provider supports it. */
  async endSession(): Promise<URL | undefined> {
    const { end_session_endpoint: endpoint } = await this.provider.metadata();
    if (endpoint === undefined) {
      return undefined;
    }
    const url = new URL(endpoint);
    url.searchParams.set('client_id', this.#configuration.OIDC_CLIENT_ID);
    url.searchParams.set('post_logout_redirect_uri', `${this.#configuration.PUBLIC_URL}/`);
    return url;
  }
}
