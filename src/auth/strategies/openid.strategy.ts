import type { SessionRow } from '../../database/database.schema.js';
import type { OpenIdProvider } from '../../oidc/openid.provider.js';
import type { ExchangedTokens, LoginChecks } from '../../oidc/relying.party.js';
import type { LoginEvidence } from '../../session/session.service.js';
import {
  AuthStrategy,
  type LoginStart,
  type LogoutNotice,
  type ProviderSessionState,
  type StartedLogin,
  type ValidatedLogin,
} from '../auth.strategy.js';

/** What the strategies of OpenID providers have in common, whichever library talks to them. */
export interface OpenIdStrategySettings {
  readonly provider: LoginEvidence['provider'];
  readonly clientId: string;
  /** Whether the gateway's own access tokens are for our audience too, so that they can be checked like any other. */
  readonly verifiesOwnTokens: boolean;
}

/** Logins whose access tokens are validated locally and then by the provider's `/userinfo`, where it has one (step 9). */
export abstract class OpenIdStrategy extends AuthStrategy {
  readonly #provider: OpenIdProvider;
  readonly #settings: OpenIdStrategySettings;

  constructor(provider: OpenIdProvider, settings: OpenIdStrategySettings) {
    super();
    this.#provider = provider;
    this.#settings = settings;
  }

  abstract override begin(start: LoginStart): Promise<StartedLogin>;

  abstract override exchange(answer: URL, checks: LoginChecks): Promise<ExchangedTokens>;

  async validate(accessToken: string, exchanged?: ExchangedTokens): Promise<ValidatedLogin> {
    const verified =
      exchanged === undefined || this.#settings.verifiesOwnTokens
        ? await this.#provider.verifyAccessToken(accessToken)
        : undefined;
    const subject = exchanged?.subject ?? verified?.subject ?? '';
    const sid = exchanged?.sessionId ?? verified?.sessionId ?? null;
    const claims = exchanged?.claims ?? verified?.claims ?? {};
    const { identity, profile } = await this.#provider.userInfo(accessToken, subject, claims);
    return {
      identity,
      profile,
      evidence: {
        provider: this.#settings.provider,
        issuer: identity.issuer,
        subject: identity.subject,
        clientId: verified?.clientId ?? this.#settings.clientId,
        scope: exchanged?.scope ?? verified?.scope ?? [],
        amr: exchanged?.amr ?? [],
        acr: exchanged?.acr ?? 'aal1',
        authTime: (exchanged ?? verified)?.authTime ?? null,
        providerSessionId: sid,
        oidcSid: sid,
      },
    };
  }

  /** Access tokens of these providers are short and not kept; there's nothing to give up. */
  async discard(): Promise<void> {
    return undefined;
  }

  /** These providers can't be asked about a session; they tell by back-channel logout, or its limits end it. */
  async sessionState(): Promise<ProviderSessionState> {
    return 'alive';
  }

  abstract override endSession(session: SessionRow): Promise<URL | undefined>;

  async verifyLogoutToken(token: string): Promise<LogoutNotice> {
    const verified = await this.#provider.verifyLogoutToken(token);
    return { ...verified, issuer: verified.tokenIssuer };
  }

  async requireReady(): Promise<void> {
    await this.#provider.requireReady();
  }
}
