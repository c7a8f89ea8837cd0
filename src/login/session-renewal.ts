import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/time/clock.service.js';
import { Problem } from '../platform/errors/problem.error.js';
import type { Claims } from '../session/tokens/claims.schema.js';
import { type Renewable, SessionRenewer } from '../session/session-renewer.js';
import type { MintedSession } from '../session/session-minter.js';
import { RevocationList } from '../session/revocation/revocation-list.js';
import { SessionService } from '../session/session.service.js';
import type { Account } from '../directory/users/account.query.js';
import { UsersService } from '../directory/users/users.service.js';
import { ProviderConfirmation } from './provider-confirmation.js';
import type { ClientInfo } from '../platform/http/client-info.js';

/**
 * Milliseconds for which a renewal's outcome is shared with other requests that still carry the old token: many tabs and parallel
 * requests make one renewal. During this time no request retries an early renewal that has just failed.
 */
const shareMilliseconds = 5000;
/** Milliseconds that a request waits for a renewal that isn't needed yet. */
const timeout = 100;

/** How often the provider is asked by one renewal, if what it says keeps changing the account. */
const attempts = 3;

interface Renewal {
  readonly outcome: Promise<MintedSession>;
  /** Milliseconds since the epoch; null while it runs. */
  doneAt: number | null;
  hasFailed: boolean;
}

/** Renews sessions: one renewal at a time in this process for each session and each host on which it has a cookie. */
@Injectable()
export class SessionRenewal extends SessionRenewer {
  readonly #renewals = new Map<string, Renewal>();

  constructor(
    private readonly provider: ProviderConfirmation,
    private readonly sessions: SessionService,
    private readonly users: UsersService,
    private readonly revocations: RevocationList,
    private readonly clock: Clock,
  ) {
    super();
  }

  /** A shared renewal may be older than the change that made this token outdated: then it renews once more. */
  override async renew(claims: Renewable, client: ClientInfo): Promise<MintedSession> {
    const renewed = await this.#newer(claims, client);
    return this.revocations.verdict(renewed.claims) === 'outdated'
      ? this.#newer(renewed.claims, client)
      : renewed;
  }

  override async renewAhead(claims: Claims, client: ClientInfo): Promise<MintedSession | undefined> {
    const known = this.#recent(claims);
    if (known?.doneAt === null || known?.hasFailed === true) {
      return undefined;
    }
    try {
      const renewal = this.renew(claims, client);
      // A request that stops waiting leaves it running: the next request finds the outcome.
      renewal.catch(() => undefined);
      return await Promise.race([renewal, delay(timeout, undefined, { ref: false })]);
    } catch (error) {
      if (error instanceof Problem && error.definition.status >= 500) {
        return undefined;
      }
      throw error;
    }
  }

  async #newer(claims: Renewable, client: ClientInfo): Promise<MintedSession> {
    const known = this.#recent(claims);
    return known === undefined || known.hasFailed
      ? this.#begin(claims, client)
      : this.#share(known, claims, client);
  }

  /** The token that another request of this session has got, or is getting, unless it's the very token to be replaced. */
  async #share(known: Renewal, claims: Renewable, client: ClientInfo): Promise<MintedSession> {
    const renewed = await known.outcome;
    if (renewed.claims.jti !== claims.jti) {
      return renewed;
    }
    const latest = this.#recent(claims) ?? known;
    return latest === known ? this.#begin(claims, client) : latest.outcome;
  }

  #recent(claims: Renewable): Renewal | undefined {
    const renewal = this.#renewals.get(keyOf(claims));
    const age = renewal?.doneAt ? Math.abs(this.clock.now() - renewal.doneAt) : 0;
    return age < shareMilliseconds ? renewal : undefined;
  }

  #begin(claims: Renewable, client: ClientInfo): Promise<MintedSession> {
    const outcome = this.#counted(claims, client);
    const renewal: Renewal = { outcome, doneAt: null, hasFailed: false };
    const key = keyOf(claims);
    this.#renewals.set(key, renewal);
    const forget = (): void => {
      renewal.doneAt = this.clock.now();
      setTimeout(() => {
        if (this.#renewals.get(key) === renewal) {
          this.#renewals.delete(key);
        }
      }, shareMilliseconds).unref();
    };
    outcome.then(forget, () => {
      renewal.hasFailed = true;
      forget();
    });
    return outcome;
  }

  async #counted(claims: Renewable, client: ClientInfo): Promise<MintedSession> {
    try {
      const { session, isConfirmed } = await this.#renewOnce(claims, client);
      this.outcomes[isConfirmed ? 'confirmed' : 'grace'] += 1;
      return session;
    } catch (error) {
      this.outcomes[error instanceof Problem && error.definition.status < 500 ? 'refused' : 'failed'] += 1;
      throw error;
    }
  }

  async #renewOnce(
    claims: Renewable,
    client: ClientInfo,
  ): Promise<{ readonly session: MintedSession; readonly isConfirmed: boolean }> {
    const session = await this.sessions.findLive(claims.sid);
    if (session === undefined || session.user_id !== claims.sub) {
      throw new Problem('unauthenticated', { reason: 'session_over' });
    }
    const read = async (): Promise<Account> => this.users.requireAccount(session.user_id, session.org_id);
    let account = await read();
    let confirmation = await this.provider.confirm(session, account, client);
    // What a token states was read before the provider was asked: an end in between outdates it.
    for (let attempt = 1; confirmation.hasChanged && attempt < attempts; attempt += 1) {
      account = await read();
      const { profile } = confirmation;
      const next = await this.provider.confirm(confirmation.session, account, client);
      confirmation = { ...next, profile: next.profile ?? profile };
    }
    const { isConfirmed } = confirmation;
    const current = await this.provider.remap(account, confirmation);
    const vouching = await this.users.vouchingOrgOf(session.issuer);
    const refusal = vouching === null ? undefined : await this.users.vouchRefusal(claims.sub, vouching);
    if (refusal !== undefined) {
      // Appointed, or a member elsewhere, meanwhile.
      await this.provider.end(session, refusal);
    }
    // The database decides now, not the earlier look-up: a logout in between takes precedence. Only a renewal that the provider
    // confirmed counts; otherwise each use of the grace period would begin another one.
    if (!(await this.sessions.markUsed(session.id, client, isConfirmed))) {
      throw new Problem('unauthenticated', { reason: 'session_ended' });
    }
    return { session: await this.sessions.mint(account, current, { audience: claims.aud }), isConfirmed };
  }
}

/** Tokens of one session for different audiences never take each other's place: their audience states the host. */
function keyOf({ sid, aud }: Renewable): string {
  return `${sid} ${aud}`;
}
