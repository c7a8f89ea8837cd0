import { Inject, Injectable, Logger } from '@nestjs/common';
import type { ProviderSession, ReportedIdentity } from '../../auth-strategy/auth.strategy.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import type { SessionRow } from '../../platform/database/database.schema.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { Clock } from '../../platform/time/clock.service.js';
import { GrantUses, isFresh } from '../../session/store/grant-uses.js';
import { type ProviderGrant, ProviderGrants, type StoredGrant } from '../../session/store/provider-grants.js';
import { OpenIdProvider } from './openid.provider.js';
import { isEnd } from './provider-refusal.js';
import type { UserInfo } from './user-info.js';

/** Milliseconds before the end of an access token from which on a refusal says nothing: clocks differ. */
const nearEnd = 60_000;

/**
 * Asks an OpenID provider at each renewal whether a session goes on: by the refresh token of its login, or else by the access token as
 * long as that is valid. A session that can't be asked about has a limit of its own.
 */
@Injectable()
export class OpenIdRenewals {
  readonly #logger = new Logger(OpenIdRenewals.name);
  readonly #uses: GrantUses;
  /** Milliseconds that a session may live without a way to ask about it. */
  readonly #unconfirmedLife: number;

  constructor(
    private readonly provider: OpenIdProvider,
    private readonly grants: ProviderGrants,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { SESSION_UNCONFIRMED_TTL }: Configuration,
  ) {
    this.#uses = new GrantUses(grants, clock);
    this.#unconfirmedLife = SESSION_UNCONFIRMED_TTL * 1000;
  }

  /** Stores what a login's session can be asked about with. */
  async remember(sessionId: string, grant: ProviderGrant): Promise<void> {
    if (grant.refreshToken !== undefined || (await this.provider.reportsUsers())) {
      await this.grants.keep(sessionId, grant);
    }
  }

  /** The state of the provider's session behind one of ours. @throws what isn't a refusal of the provider. */
  async stateOf(session: SessionRow): Promise<ProviderSession> {
    const stored = await this.grants.find(session.id);
    if (stored === undefined) {
      return this.#unaskable(session);
    }
    const { refreshToken } = stored.grant;
    if (refreshToken === undefined) {
      return this.#askByAccessToken(session, stored.grant);
    }
    return isFresh(stored.checked_at, this.clock.now())
      ? { state: 'alive' }
      : this.#askByRefreshToken(session, stored, refreshToken);
  }

  async #askByRefreshToken(
    session: SessionRow,
    { sealed }: StoredGrant,
    refreshToken: string,
  ): Promise<ProviderSession> {
    const { provider, grants } = this;
    const use = await this.#uses.run(session.id, sealed, async () =>
      this.#unlessRefused(async () => {
        const tokens = await provider.refresh(refreshToken, async ({ expiresIn, ...next }) =>
          grants.replace(session.id, { ...next, expiresAt: this.endOf(expiresIn) }),
        );
        return provider.currentUser(tokens, session.subject);
      }),
    );
    if (use.by === 'other') {
      return { state: use.isLive ? 'alive' : 'ended' };
    }
    return use.result === undefined ? { state: 'ended' } : this.#aliveAs(use.result);
  }

  async #askByAccessToken(
    session: SessionRow,
    { accessToken, expiresAt }: ProviderGrant,
  ): Promise<ProviderSession> {
    const { provider, clock } = this;
    if (expiresAt !== undefined && expiresAt - nearEnd < clock.now()) {
      return this.#unaskable(session);
    }
    const found = await this.#unlessRefused(async () =>
      provider.currentUser({ accessToken, claims: undefined }, session.subject),
    );
    if (found !== undefined) {
      return this.#aliveAs(found);
    }
    // A token of which no end is known may have ended by itself.
    return expiresAt === undefined ? this.#unaskable(session) : { state: 'ended' };
  }

  /** The user that the provider describes; undefined if it refuses to. */
  async #unlessRefused(ask: () => Promise<UserInfo>): Promise<UserInfo | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof Problem && isEnd(error)) {
        this.#logger.log('a session was ended by its provider', { reason: error.reason });
        return undefined;
      }
      throw error;
    }
  }

  #unaskable({ created_at: createdAt }: SessionRow): ProviderSession {
    return this.clock.now() < createdAt + this.#unconfirmedLife
      ? { state: 'alive' }
      : { state: 'ended', reason: 'session_unconfirmed' };
  }

  /** A session that goes on, with the data of its person that the provider reports. */
  async #aliveAs({ identity, profile }: UserInfo): Promise<ProviderSession> {
    const { issuer, subject, email, emailVerified, name, picture } = identity;
    const reported: ReportedIdentity = {
      issuer,
      subject,
      ...('email' in profile ? { email, emailVerified } : {}),
      ...('name' in profile ? { name } : {}),
      ...('picture' in profile ? { picture } : {}),
    };
    // An ID token for a refresh token may say less than the login's (OpenID Connect Core section 12.2).
    const isWhole = await this.provider.reportsUsers();
    return { state: 'alive', identity: reported, ...(isWhole ? { profile } : {}) };
  }

  /** When tokens of this moment end, in milliseconds since the epoch. @param expiresIn seconds, if the provider states them. */
  endOf(expiresIn: number | undefined): number | undefined {
    return expiresIn === undefined ? undefined : this.clock.now() + expiresIn * 1000;
  }
}
