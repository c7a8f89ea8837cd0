import { setTimeout } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Clock } from '../../platform/time/clock.service.js';
import type {
  RevocationKind,
  RevocationRow,
  Schema,
  SessionRow,
} from '../../platform/database/database.schema.js';
import type { TransactionPart } from '../../platform/database/transaction-part.js';
import { RevocationFeed } from './revocation-feed.js';
import { clockAllowance } from './revocation-list.js';
import { RevocationRepository } from './revocation.repository.js';
import { type SessionSelector, type SessionsOfUser, SessionRepository } from '../store/session.repository.js';

/** The end of an API key, which holds only as long as a token from it can be live: the key's own row must be ended too. */
export interface KeyEnd {
  /** Stores it, in the transaction that ends the key's row: otherwise that could succeed alone, and the key not be found again. */
  record(transaction: Kysely<Schema>): Promise<void>;
  /** Puts it into force here at once, and sends it to the other replicas. For after the commit. */
  announce(): void;
}

/** Revokes sessions, tokens and keys: recorded in SQL first, then applied here, then sent to the other replicas. */
@Injectable()
export class RevocationService {
  readonly #configuration: Configuration;

  constructor(
    private readonly sessions: SessionRepository,
    private readonly revocations: RevocationRepository,
    private readonly feed: RevocationFeed,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#configuration = configuration;
  }

  /** Ends sessions. @param reason id for the row, snake_case. @returns the sessions that were live until now. */
  async endSessions(which: SessionSelector, reason: string): Promise<SessionRow[]> {
    // SQL first: an end that only this process knew would be reported as done at the next attempt, and be lost with the process.
    const { sessions, revocations } = await this.sessions.end(which, reason, this.#expiresAt());
    if ('id' in which && sessions.length === 0 && (await this.sessions.find(which.id)) !== undefined) {
      // An earlier attempt has ended it, and failed to hear of that, or the commit became visible so late that no replica reads it.
      await this.#record(this.#row('session', which.id, null));
    }
    this.feed.announce(revocations);
    return sessions;
  }

  /**
   * Ends all sessions of a user but those that stay, in one go. A session has a live token only if it was used lately: its row says when a
   * token was last minted for it. Only of those do the guards hear, here and in other services.
   * @param reason id for the rows, snake_case. @param within is done in their transaction.
   * @returns ids of the sessions that were live until now.
   */
  async endSessionsOf(
    which: SessionsOfUser,
    reason: string,
    within?: TransactionPart,
  ): Promise<readonly string[]> {
    // Twice, because clocks of replicas differ, and a shorter life of tokens may have been configured meanwhile.
    const usedBefore = this.clock.now() - 2 * this.#lifeOfToken();
    const { ids, revocations } = await this.sessions.endAll(
      which,
      { reason, expiresAt: this.#expiresAt(), usedBefore },
      within,
    );
    this.feed.announce(revocations);
    return ids;
  }

  /**
   * Makes all current tokens of a user, or of an organisation's members, outdated: cookies are renewed from the current state in
   * SQL, bearers are refused. A token of a replica whose clock is ahead may count as newer by that difference.
   */
  async invalidate(kind: 'user' | 'org', id: string): Promise<void> {
    // Data that was read earlier in this same millisecond may be from before the change, so it must not count as newer.
    const before = this.clock.now() + 1;
    await this.#record(this.#row(kind, id, before));
    if (this.clock.now() < before) {
      // Data that is read from here on is newer, and must not count as older either.
      await setTimeout(2);
    }
  }

  /**
   * A change that makes all current tokens of a user or an organisation outdated. Its transaction records that: otherwise it could succeed
   * alone, if the process ends then. It is recorded again after the commit, so that it holds at once, and for what was read until then.
   * @param change gets what belongs to its transaction.
   */
  async invalidateBy<T>(
    kind: 'user' | 'org',
    id: string,
    change: (part: TransactionPart) => Promise<T>,
  ): Promise<T> {
    const result = await change((transaction) => this.recordWithin(transaction, kind, id));
    await this.invalidate(kind, id);
    return result;
  }

  /** Records in the transaction of a change that what was read before is outdated. Call {@link invalidate} after the commit. */
  async recordWithin(transaction: Kysely<Schema>, kind: 'user' | 'org', id: string): Promise<void> {
    await this.revocations.insert(this.#row(kind, id, this.clock.now() + 1), transaction);
  }

  /**
   * Ends the tokens of a grant that is no session: one that a user gave a client for a protected resource. This is remembered for as
   * long as such a token lives, so that the provider's consent, from which refresh tokens make new ones, must be revoked as well.
   * @param id UUID v7.
   */
  async endGrant(id: string): Promise<void> {
    await this.#record(this.#row('session', id, null));
  }

  /** Prepares the end of an API key. */
  endOfKey(id: string): KeyEnd {
    const row = this.#row('api_key', id, null);
    return {
      record: async (transaction) => this.revocations.insert(row, transaction),
      announce: () => this.feed.announce([row]),
    };
  }

  /** Ends every session that began before a time (milliseconds). */
  async endEverythingBefore(moment: number): Promise<void> {
    const expiresAt = moment + this.#configuration.SESSION_MAX_TTL * 1000 + clockAllowance;
    await this.#record({ ...this.#row('everything', '*', moment), expires_at: expiresAt });
  }

  /** Whether a session has ended, from memory. */
  isSessionOver(sessionId: string): boolean {
    return this.feed.list.isSessionOver(sessionId);
  }

  async #record(row: RevocationRow): Promise<void> {
    await this.revocations.insert(row);
    this.feed.announce([row]);
  }

  #row(kind: RevocationKind, id: string, before: number | null): RevocationRow {
    return { id, kind, before, recorded_at: this.clock.now(), expires_at: this.#expiresAt() };
  }

  /** The time from which no token that lives now can be live (milliseconds). */
  #expiresAt(): number {
    return this.clock.now() + this.#lifeOfToken();
  }

  /** Milliseconds after which every replica refuses a token. */
  #lifeOfToken(): number {
    return this.#configuration.TOKEN_TTL * 1000 + clockAllowance;
  }
}
