import { Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.service.js';
import { Problem } from '../core/problem.error.js';
import type { Claims } from '../session/claims.schema.js';
import { SessionRenewer } from '../session/session.renewer.js';
import type { MintedSession } from '../session/session.minter.js';
import type { RequestUse } from '../session/used.from.js';
import { SessionService } from '../session/session.service.js';
import type { Account } from '../users/account.query.js';
import { UsersService } from '../users/users.service.js';
import { ProviderConfirmation } from './provider.confirmation.js';

/**
 * How long what came of a renewal is shared with other requests that still carry the old token, in milliseconds: many tabs
 * and parallel requests make one renewal. For as long nobody tries ahead of time what has just failed.
 */
const shareMilliseconds = 5000;
/** Milliseconds that a request waits for a renewal that isn't needed yet. */
const patience = 100;

interface Renewal {
  readonly outcome: Promise<MintedSession>;
  /** Milliseconds since the epoch; null while it runs. */
  doneAt: number | null;
  hasFailed: boolean;
}

/** Renews sessions: one renewal at a time for each session in this process. */
@Injectable()
export class SessionRenewal extends SessionRenewer {
  readonly #provider: ProviderConfirmation;
  readonly #sessions: SessionService;
  readonly #users: UsersService;
  readonly #clock: Clock;
  readonly #renewals = new Map<string, Renewal>();

  constructor(provider: ProviderConfirmation, sessions: SessionService, users: UsersService, clock: Clock) {
    super();
    this.#provider = provider;
    this.#sessions = sessions;
    this.#users = users;
    this.#clock = clock;
  }

  override async renew(claims: Claims, from: RequestUse): Promise<MintedSession> {
    const known = this.#recent(claims);
    return known === undefined || known.hasFailed
      ? this.#begin(claims, from)
      : this.#share(known, claims, from);
  }

  override async renewAhead(claims: Claims, from: RequestUse): Promise<MintedSession | undefined> {
    const known = this.#recent(claims);
    if (known?.doneAt === null || known?.hasFailed === true) {
      return undefined;
    }
    try {
      const renewal = this.renew(claims, from);
      // Whoever stops waiting leaves it running: the next request finds what came of it.
      renewal.catch(() => undefined);
      return await Promise.race([renewal, after(patience)]);
    } catch (error) {
      if (error instanceof Problem && error.definition.status >= 500) {
        return undefined;
      }
      throw error;
    }
  }

  /** What another request of this session has got, or is getting, unless it's the very token that is to be replaced. */
  async #share(known: Renewal, claims: Claims, from: RequestUse): Promise<MintedSession> {
    const renewed = await known.outcome;
    if (renewed.claims.jti !== claims.jti) {
      return renewed;
    }
    const latest = this.#recent(claims) ?? known;
    return latest === known ? this.#begin(claims, from) : latest.outcome;
  }

  #recent({ sid }: Claims): Renewal | undefined {
    const renewal = this.#renewals.get(sid);
    const age = renewal?.doneAt ? Math.abs(this.#clock.now() - renewal.doneAt) : 0;
    return age < shareMilliseconds ? renewal : undefined;
  }

  #begin(claims: Claims, from: RequestUse): Promise<MintedSession> {
    const outcome = this.#counted(claims, from);
    const renewal: Renewal = { outcome, doneAt: null, hasFailed: false };
    this.#renewals.set(claims.sid, renewal);
    const forget = (): void => {
      renewal.doneAt = this.#clock.now();
      setTimeout(() => {
        if (this.#renewals.get(claims.sid) === renewal) {
          this.#renewals.delete(claims.sid);
        }
      }, shareMilliseconds).unref();
    };
    outcome.then(forget, () => {
      renewal.hasFailed = true;
      forget();
    });
    return outcome;
  }

  async #counted(claims: Claims, from: RequestUse): Promise<MintedSession> {
    try {
      const { session, isConfirmed } = await this.#renewOnce(claims, from);
      this.outcomes[isConfirmed ? 'confirmed' : 'grace'] += 1;
      return session;
    } catch (error) {
      this.outcomes[error instanceof Problem && error.definition.status < 500 ? 'refused' : 'failed'] += 1;
      throw error;
    }
  }

  async #renewOnce(
    claims: Claims,
    from: RequestUse,
  ): Promise<{ readonly session: MintedSession; readonly isConfirmed: boolean }> {
    const session = await this.#sessions.findLive(claims.sid);
    if (session === undefined || session.user_id !== claims.sub) {
      throw new Problem('unauthenticated', { reason: 'session_over' });
    }
    const read = async (): Promise<Account> => this.#users.requireAccount(session.user_id, session.org_id);
    const known = await read();
    const { isConfirmed, hasChanged } = await this.#provider.confirm(session, known.user, from);
    const account = hasChanged ? await read() : known;
    // What the database says now and not the look-up decides: a logout in between wins. Only what the provider
    // confirmed counts as a renewal, else each use of the grace would begin another one.
    if (!(await this.#sessions.markUsed(session.id, from, isConfirmed))) {
      throw new Problem('unauthenticated', { reason: 'session_ended' });
    }
    return { session: await this.#sessions.mint(account, session), isConfirmed };
  }
}

/** @returns nothing, after a while. */
async function after(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(undefined), milliseconds).unref();
  });
}
