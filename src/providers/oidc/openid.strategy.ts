import { Logger } from '@nestjs/common';
import { Problem } from '../../platform/errors/problem.error.js';
import type { SessionRow } from '../../platform/database/database.schema.js';
import type { OpenIdProvider } from './openid.provider.js';
import {
  type ExchangedTokens,
  AuthStrategy,
  type LogoutNotice,
  type ProviderSession,
  type ReportedIdentity,
  type ValidatedLogin,
} from '../../auth-strategy/auth.strategy.js';
import type { UserInfo } from './user.info.js';
import type { AuthenticationContext } from '../../session/session.service.js';
import type { ProviderGrant, ProviderGrants } from '../../session/store/provider.grants.js';

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
  readonly #provider: OpenIdProvider;
  readonly #grants: ProviderGrants;
  readonly #settings: OpenIdStrategySettings;

  constructor(provider: OpenIdProvider, grants: ProviderGrants, settings: OpenIdStrategySettings) {
    super();
    this.#grants = grants;
    this.#provider = provider;
    this.#settings = settings;
  }

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
      grant: { accessToken, refreshToken: exchanged?.refreshToken },
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

  /** Does nothing: the access token is kept for as long as the session, because the provider returns the person's data for it. */
  async discard(): Promise<void> {
    return undefined;
  }

  override async remember(sessionId: string, { grant }: ValidatedLogin): Promise<void> {
    try {
      if (grant !== undefined && (await this.#provider.reportsUsers())) {
        await this.#grants.keep(sessionId, grant);
      }
    } catch (error) {
      this.#warn(error);
    }
  }

  /**
   * The state of the provider's session. These providers can't be asked about it: a session ends by back-channel logout or by its
   * limits. They return the person's data for as long as a token of the login is accepted for that.
   */
  async sessionState(session: SessionRow): Promise<ProviderSession> {
    try {
      return { state: 'alive', identity: await this.#ask(session) };
    } catch (error) {
      this.#warn(error);
      return { state: 'alive' };
    }
  }

  async #ask({ id, subject }: SessionRow): Promise<ReportedIdentity | undefined> {
    const stored = await this.#grants.find(id);
    if (stored === undefined) {
      return undefined;
    }
    try {
      return toReportedIdentity(await this.#provider.userInfo(stored.grant.accessToken, subject, {}));
    } catch (error) {
      if (!isRefused(error)) {
        throw error;
      }
      // A refresh token may work only once: only one of the replicas gets it.
      const isTaken = await this.#grants.take(id, stored);
      return isTaken ? this.#refresh(id, subject, stored.grant) : undefined;
    }
  }

  async #refresh(id: string, subject: string, grant: ProviderGrant): Promise<ReportedIdentity | undefined> {
    if (grant.refreshToken === undefined) {
      return undefined;
    }
    let latest = grant;
    try {
      const { accessToken } = await this.#provider.refresh(grant.refreshToken, async (next) => {
        latest = next;
        await this.#grants.keep(id, next);
      });
      return toReportedIdentity(await this.#provider.userInfo(accessToken, subject, {}));
    } catch (error) {
      if (isRefused(error)) {
        return undefined;
      }
      await this.#grants.keep(id, latest);
      throw error;
    }
  }

  #warn(error: unknown): void {
    this.#logger.warn('the provider cannot be asked about a person', {
      reason: 'person_not_told',
      err: error,
    });
  }

  async verifyLogoutToken(token: string): Promise<LogoutNotice> {
    const verified = await this.#provider.verifyLogoutToken(token);
    return { ...verified, issuer: verified.tokenIssuer };
  }

  async requireReady(): Promise<void> {
    await this.#provider.requireReady();
  }
}

/** Whether the provider no longer accepts the token, as opposed to not answering. */
function isRefused(error: unknown): boolean {
  return error instanceof Problem && error.code === 'access_token_rejected';
}

/** The identity without the data that the access token's scope doesn't cover. */
function toReportedIdentity({ identity, profile }: UserInfo): ReportedIdentity {
  const { issuer, subject, email, emailVerified, name, picture } = identity;
  return {
    issuer,
    subject,
    ...('email' in profile ? { email, emailVerified } : {}),
    ...('name' in profile ? { name } : {}),
    ...('picture' in profile ? { picture } : {}),
  };
}
