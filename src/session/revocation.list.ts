import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { momentOf } from '../core/identifier.js';
import { Problem } from '../core/problem.error.js';
import { UuidSet } from '../core/uuid.set.js';
import type { RevocationRow } from '../database/database.schema.js';
import type { Claims } from './claims.schema.js';
import { isOfSession } from './principal.js';

/** Milliseconds beyond a token's life during which replicas with other clocks may still take it. */
export const clockAllowance = 120_000;

/**
 * What is left of a verified token: `live`; `stale`, when what it says may have changed, so that a cookie must be renewed
 * and a bearer is refused; `ended`, when its session is over.
 */
export type TokenVerdict = 'live' | 'stale' | 'ended';

/**
 * Everything that has been revoked and can still matter, in memory, so that a guard needs no look-up elsewhere.
 *
 * Ended sessions are in two generations of flat sets: each is dropped whole once none of its sessions can have a live
 * token, so that nothing is ever searched for what is over.
 */
@Injectable()
export class RevocationList {
  readonly #clock: Clock;
  readonly #generationLength: number;
  readonly #maximumStaleness: number;
  #ended = new UuidSet();
  #endedEarlier = new UuidSet();
  #generationStart: number;
  readonly #changed = new Map<string, { readonly before: number; readonly expiresAt: number }>();
  #everythingBefore = 0;
  #readAt: number;
  #revision = 0;

  constructor(clock: Clock, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#clock = clock;
    this.#generationLength = configuration.TOKEN_TTL * 1000 + clockAllowance;
    this.#maximumStaleness = (configuration.REVOCATION_MAX_STALENESS ?? Number.POSITIVE_INFINITY) * 1000;
    this.#generationStart = clock.now();
    this.#readAt = clock.now();
  }

  /** Another number whenever something was revoked: a token that was live stays so as long as this does. */
  get revision(): number {
    return this.#revision;
  }

  /** How many ended sessions and keys are held. */
  get size(): number {
    return this.#ended.size + this.#endedEarlier.size;
  }

  /** What is left of the token with these verified claims. Two or three look-ups in memory. */
  verdict(claims: Pick<Claims, 'sid' | 'sub' | 'org' | 'jti' | 'client_id'>): TokenVerdict {
    const { sid, sub, org, jti } = claims;
    // What an API key or a service's token is exchanged for begins anew each time; a session begins once.
    const began = momentOf(isOfSession(claims) ? sid : jti);
    if (this.isEnded(sid) || began < this.#everythingBefore) {
      return 'ended';
    }
    const changedAt = Math.max(this.#changedAt(sub), org === undefined ? 0 : this.#changedAt(org.id));
    return changedAt > 0 && momentOf(jti) < changedAt ? 'stale' : 'live';
  }

  /** Whether this session or API key has been ended by itself. */
  isEnded(sessionId: string): boolean {
    return this.#ended.has(sessionId) || this.#endedEarlier.has(sessionId);
  }

  /** Whether a session is over: ended by itself, or with everything. */
  isSessionOver(sessionId: string): boolean {
    return this.isEnded(sessionId) || momentOf(sessionId) < this.#everythingBefore;
  }

  /** Takes over revocations: from SQL, from another replica, or from this process. In any order, any number of times. */
  apply(rows: readonly RevocationRow[]): void {
    this.#rotate();
    for (const { id, kind, before, expires_at: expiresAt } of rows) {
      if (kind === 'everything') {
        this.#setEverythingBefore(before ?? 0);
      } else if (before === null) {
        this.#end(id);
      } else {
        this.#setChanged(id, before, expiresAt);
      }
    }
  }

  /** SQL has just been read: the list is complete up to now. */
  markRead(): void {
    this.#readAt = this.#clock.now();
  }

  /** Milliseconds since SQL was last read. */
  staleness(): number {
    return this.#clock.now() - this.#readAt;
  }

  /** @throws {Problem} `revocations_unknown` when the list is older than the operator allows. */
  requireFresh(): void {
    if (this.staleness() > this.#maximumStaleness) {
      throw new Problem('revocations_unknown', { reason: 'revocations_stale' });
    }
  }

  #setEverythingBefore(before: number): void {
    if (before > this.#everythingBefore) {
      this.#everythingBefore = before;
      this.#revision += 1;
    }
  }

  #end(id: string): void {
    if (!this.isEnded(id)) {
      this.#ended.add(id);
      this.#revision += 1;
    }
  }

  #setChanged(id: string, before: number, expiresAt: number): void {
    const known = this.#changed.get(id);
    if (known === undefined || before > known.before) {
      this.#changed.set(id, { before, expiresAt });
      this.#revision += 1;
    }
  }

  #changedAt(id: string): number {
    return this.#changed.get(id)?.before ?? 0;
  }

  #rotate(): void {
    const now = this.#clock.now();
    if (now < this.#generationStart + this.#generationLength) {
      return;
    }
    this.#generationStart = now;
    this.#endedEarlier = this.#ended;
    this.#ended = new UuidSet();
    for (const [id, { expiresAt }] of this.#changed) {
      if (expiresAt < now) {
        this.#changed.delete(id);
      }
    }
  }
}
