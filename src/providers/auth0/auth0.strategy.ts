import { Inject, Injectable } from '@nestjs/common';
import { Auth0Client } from './auth0.client.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Auth0Configuration } from '../../platform/config/configuration.js';
import { OpenIdProvider } from '../oidc/openid.provider.js';
import { OpenIdRenewals } from '../oidc/openid-renewals.js';
import { multiFactorPolicy, requireIssuer, toExchangedTokens } from '../oidc/relying-party.js';
import type {
  ExchangedTokens,
  LoginChecks,
  LoginStart,
  StartedLogin,
} from '../../auth-strategy/auth.strategy.js';
import { openIdStepUpParameters } from '../../auth-strategy/step-up-requirement.js';
import { OpenIdStrategy } from '../oidc/openid.strategy.js';

/** Logins through Auth0: the code flow by passport-auth0, signatures by jose, the person from `/userinfo`. */
@Injectable()
export class Auth0Strategy extends OpenIdStrategy {
  readonly hints = ['connection', 'organization', 'invitation', 'login_hint', 'ui_locales'];

  readonly #configuration: Auth0Configuration;

  constructor(
    private readonly client: Auth0Client,
    provider: OpenIdProvider,
    renewals: OpenIdRenewals,
    @Inject(CONFIGURATION) configuration: Auth0Configuration,
  ) {
    super(provider, renewals, {
      provider: 'auth0',
      clientId: configuration.AUTH0_CLIENT_ID,
      verifiesOwnTokens: configuration.AUTH0_AUDIENCE !== undefined,
    });
    this.#configuration = configuration;
  }

  async begin({ kind, hints, demand }: LoginStart): Promise<StartedLogin> {
    await this.provider.metadata();
    return this.client.begin({
      ...hints,
      ...openIdStepUpParameters(demand, multiFactorPolicy),
      ...(kind === 'signup' ? { screen_hint: 'signup' } : {}),
    });
  }

  async exchange(answer: URL, checks: LoginChecks): Promise<ExchangedTokens> {
    // passport-auth0 doesn't check it.
    requireIssuer(answer, (await this.provider.metadata()).issuer);
    const { accessToken, refreshToken, extra } = await this.client.exchange(answer, checks);
    // passport-auth0 reads the ID token's claims without verifying its signature.
    const claims = await this.provider.verifyIdToken(extra.id_token, checks.nonce);
    const { scope, expires_in: expiresIn } = extra;
    return toExchangedTokens({ accessToken, refreshToken, expiresIn, scope }, claims);
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
