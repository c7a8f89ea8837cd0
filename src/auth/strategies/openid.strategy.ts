import { Logger } from '@nestjs/common';
import { Problem } from '../../core/problem.error.js';
import type { SessionRow } from '../../database/database.schema.js';
import type { OpenIdProvider } from '../../oidc/openid.provider.js';
import type { ExchangedTokens, LoginChecks } from '../../oidc/relying.party.js';
import type { UserInfo } from '../../oidc/user.info.js';
import type { LoginEvidence } from '../../session/session.service.js';
import {
  AuthStrategy,
  type LoginStart,
  type LogoutNotice,
  type ProviderSession,
  type StartedLogin,
  type ToldIdentity,
  type ValidatedLogin,
} from '../auth.strategy.js';
import type { ProviderGrant, ProviderGrants } from '../provider.grants.js';

/** What the strategies of OpenID providers have in common, whichever library talks to them. */
export interface OpenIdStrategySettings {
  readonly provider: LoginEvidence['provider'];
  readonly clientId: string;
  /** Whether the gateway's own access tokens are for our audience too, so that they can be checked like any other. */
  readonly verifiesOwnTokens: boolean;
}

/** Logins whose access tokens are validated locally and then by the provider's `/userinfo`, where it has one (step 9). */
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

  /** The access token is kept for as long as the session: the provider tells about the person for it. */
  async discard(): Promise<void> {
    return undefined;
  }

  override async remember(sessionId: string, { grant }: ValidatedLogin): Promise<void> {
    try {
      if (grant !== undefined && (await this.#provider.tellsOfPeople())) {
        await this.#grants.keep(sessionId, grant);
      }
    } catch (error) {
      this.#warn(error);
    }
  }

  /**
   * These providers can't be asked about a session; they tell by back-channel logout, or its limits end it. They tell about the person for
   * as long as a token of the login is good for that.
   */
  async sessionState(session: SessionRow): Promise<ProviderSession> {
    try {
      return { state: 'alive', identity: await this.#ask(session) };
    } catch (error) {
      this.#warn(error);
      return { state: 'alive' };
    }
  }

  async #ask({ id, subject }: SessionRow): Promise<ToldIdentity | undefined> {
    const stored = await this.#grants.find(id);
    if (stored === undefined) {
      return undefined;
    }
    try {
      return toTold(await this.#provider.userInfo(stored.grant.accessToken, subject, {}));
    } catch (error) {
      if (!isRefused(error)) {
        throw error;
      }
      // A refresh token may be good for one use: of the replicas, one gets it.
      const isTaken = await this.#grants.take(id, stored);
      return isTaken ? this.#refresh(id, subject, stored.grant) : undefined;
    }
  }

  async #refresh(id: string, subject: string, grant: ProviderGrant): Promise<ToldIdentity | undefined> {
    if (grant.refreshToken === undefined) {
      return undefined;
    }
    try {
      const next = await this.#provider.refresh(grant.refreshToken);
      await this.#grants.keep(id, next);
      return toTold(await this.#provider.userInfo(next.accessToken, subject, {}));
    } catch (error) {
      if (isRefused(error)) {
        return undefined;
      }
      await this.#grants.keep(id, grant);
      throw error;
    }
  }

  #warn(error: unknown): void {
    this.#logger.warn('the provider cannot be asked about a person', {
      reason: 'person_not_told',
      err: error,
    });
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

/** The provider takes the token no more, as opposed to not answering. */
function isRefused(error: unknown): boolean {
  return error instanceof Problem && error.code === 'access_token_rejected';
}

/** What the scope of an access token doesn't show is left out. */
function toTold({ identity, profile }: UserInfo): ToldIdentity {
  const { issuer, subject, email, emailVerified, name, picture } = identity;
  return {
    issuer,
    subject,
    ...('email' in profile ? { email, emailVerified } : {}),
    ...('name' in profile ? { name } : {}),
    ...('picture' in profile ? { picture } : {}),
  };
}
