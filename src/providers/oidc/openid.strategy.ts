import { Logger } from '@nestjs/common';
import type { SessionRow } from '../../platform/database/database.schema.js';
import type { OpenIdProvider } from './openid.provider.js';
import {
  type ExchangedTokens,
  AuthStrategy,
  type LogoutNotice,
  type ProviderSession,
  type ValidatedLogin,
} from '../../auth-strategy/auth.strategy.js';
import type { AuthenticationContext } from '../../session/session.service.js';
import type { OpenIdRenewals } from './openid-renewals.js';

/** The settings that the strategies of OpenID providers share, whichever library calls them. */
export interface OpenIdStrategySettings {
  readonly provider: AuthenticationContext['provider'];
  readonly clientId: string;
  /** Whether the gateway's own access tokens also have our audience, so that they can be checked like any other. */
  readonly verifiesOwnTokens: boolean;
}

/** Logins whose access tokens are validated locally and then by the provider's `/userinfo`, if it has one (step 9). */
export abstract class OpenIdStrategy extends AuthStrategy {
  readonly #logger = new Logger(OpenIdStrategy.name);

  constructor(
    protected readonly provider: OpenIdProvider,
    private readonly renewals: OpenIdRenewals,
    private readonly settings: OpenIdStrategySettings,
  ) {
    super();
  }

  async validate(accessToken: string, exchanged?: ExchangedTokens): Promise<ValidatedLogin> {
    const verified =
      exchanged === undefined || this.settings.verifiesOwnTokens
        ? await this.provider.verifyAccessToken(accessToken)
        : undefined;
    const subject = exchanged?.subject ?? verified?.subject ?? '';
    const sid = exchanged?.sessionId ?? verified?.sessionId ?? null;
    const claims = exchanged?.claims ?? verified?.claims ?? {};
    const { identity, profile } = await this.provider.userInfo(accessToken, subject, claims);
    return {
      identity,
      profile,
      grant: {
        accessToken,
        refreshToken: exchanged?.refreshToken,
        expiresAt: verified?.expiresAt ?? this.renewals.endOf(exchanged?.expiresIn),
      },
      evidence: {
        provider: this.settings.provider,
        issuer: identity.issuer,
        subject: identity.subject,
        clientId: verified?.clientId ?? this.settings.clientId,
        scope: exchanged?.scope ?? verified?.scope ?? [],
        amr: exchanged?.amr ?? [],
        acr: exchanged?.acr ?? 'aal1',
        authTime: (exchanged ?? verified)?.authTime ?? null,
        providerSessionId: sid,
        oidcSid: sid,
      },
    };
  }

  /** Does nothing: the access token is kept for as long as the session, because the provider returns the person's data for it. */
  async discard(): Promise<void> {
    return undefined;
  }

  override async remember(sessionId: string, { grant }: ValidatedLogin): Promise<void> {
    await (grant && this.renewals.remember(sessionId, grant));
  }

  async sessionState(session: SessionRow): Promise<ProviderSession> {
    try {
      return await this.renewals.stateOf(session);
    } catch (error) {
      this.#warn(error);
      return { state: 'unknown' };
    }
  }

  #warn(error: unknown): void {
    this.#logger.warn('the provider cannot be asked about a session', {
      reason: 'source_unreachable',
      err: error,
    });
  }

  async verifyLogoutToken(token: string): Promise<LogoutNotice> {
    const verified = await this.provider.verifyLogoutToken(token);
    return { ...verified, issuer: verified.tokenIssuer };
  }

  async requireReady(): Promise<void> {
    await this.provider.requireReady();
  }
}
