import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Clock } from '../../platform/time/clock.service.js';
import { timestampOf } from '../../platform/core/identifier.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { UuidSet } from '../../platform/hot-path/uuid-set.js';
import type { RevocationRow } from '../../platform/database/database.schema.js';
import { type Claims, actorsIn } from '../tokens/claims.schema.js';
import { isOfSession } from '../principal.js';

/** Milliseconds after a token's end during which replicas with other clocks may still accept it. */
export const clockAllowance = 120_000;

/**
 * The state of a verified token: `live`; `outdated`, when its claims may have changed, so that a cookie must be renewed and a
 * bearer is refused; `ended`, when its session has ended.
 */
export type TokenVerdict = 'live' | 'outdated' | 'ended';

/** What a list knows. */
export interface RevocationSnapshot {
  /** Ids of ended sessions and keys, 16 bytes each. */
  readonly ended: Buffer;
  /** Users and organisations, each with the time before which their tokens are outdated (milliseconds). */
  readonly changed: readonly (readonly [string, number])[];
  /** Every session that began before has ended (milliseconds); 0 if none has. */
  readonly everythingBefore: number;
}

/**
 * All revocations that can still matter, in memory, so that a guard needs no look-up elsewhere.
 *
 * Ended sessions are kept in two generations of flat sets. Each generation is dropped whole once none of its sessions can have a
 * live token, so the list never searches for expired entries.
 */
@Injectable()
export class RevocationList {
  readonly #generationLength: number;
  readonly #maximumStaleness: number;
  #ended = new UuidSet();
  #endedEarlier = new UuidSet();
  #generationStart: number;
  readonly #changed = new Map<string, { readonly before: number; readonly expiresAt: number }>();
  #everythingBefore = 0;
  #readAt: number;
  #revision = 0;

  constructor(
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#generationLength = configuration.TOKEN_TTL * 1000 + clockAllowance;
    this.#maximumStaleness = (configuration.REVOCATION_MAX_STALENESS ?? Number.POSITIVE_INFINITY) * 1000;
    this.#generationStart = clock.now();
    this.#readAt = clock.now();
  }

  /** Changes whenever something is revoked: a token that was live stays live while this number stays the same. */
  get revision(): number {
    return this.#revision;
  }

  /** The number of ended sessions and keys in memory. */
  get size(): number {
    return this.#ended.size + this.#endedEarlier.size;
  }

  /** The state of the token with these verified claims. Takes two or three look-ups in memory, and two more for each actor. */
  verdict(
    claims: Pick<Claims, 'sid' | 'sub' | 'org' | 'jti' | 'client_id' | 'second_factor' | 'act'>,
  ): TokenVerdict {
    const { sid, sub, jti, act } = claims;
    const org = claims.org ?? claims.second_factor?.org;
    // A token exchanged for an API key's or a service's token begins anew each time; a session begins once.
    const began = timestampOf(isOfSession(claims) ? sid : jti);
    if (this.isEnded(sid) || began < this.#everythingBefore) {
      return 'ended';
    }
    const changedAt = Math.max(this.#changedAt(sub), org === undefined ? 0 : this.#changedAt(org.id));
    if (changedAt > 0 && timestampOf(jti) < changedAt) {
      return 'outdated';
    }
    return act === undefined ? 'live' : this.#verdictOnActors(act, jti);
  }

  /** Whether this session or API key has been ended individually. */
  isEnded(sessionId: string): boolean {
    return this.#ended.has(sessionId) || this.#endedEarlier.has(sessionId);
  }

  /** Whether a session has ended: individually, or with all sessions. */
  isSessionOver(sessionId: string): boolean {
    return this.isEnded(sessionId) || timestampOf(sessionId) < this.#everythingBefore;
  }

  /**
   * Applies revocations from SQL, from another replica, or from this process. In any order, any number of times.
   * @returns those that weren't known.
   */
  apply(rows: readonly RevocationRow[]): readonly RevocationRow[] {
    this.#rotate();
    return rows.filter((row) => {
      const { revision } = this;
      this.#applyOne(row);
      return this.revision !== revision;
    });
  }

  /** All that is known now. */
  snapshot(): RevocationSnapshot {
    return {
      ended: Buffer.concat([this.#ended.bytes(), this.#endedEarlier.bytes()]),
      changed: [...this.#changed].map(([id, { before }]) => [id, before]),
      everythingBefore: this.#everythingBefore,
    };
  }

  /** Records that SQL has just been read: the list is complete up to now. */
  markRead(): void {
    this.#readAt = this.clock.now();
  }

  /** Milliseconds since SQL was last read. */
  staleness(): number {
    return this.clock.now() - this.#readAt;
  }

  /** Requires a list that is recent enough. @throws {Problem} `revocations_unknown` when it is older than the operator allows. */
  requireFresh(): void {
    if (this.staleness() > this.#maximumStaleness) {
      throw new Problem('revocations_unknown', { reason: 'revocations_stale' });
    }
  }

  /** The state of a token as far as its actors decide it. @param jti of the token, for actors of before their own was named. */
  #verdictOnActors(act: Claims['act'], jti: string): TokenVerdict {
    for (const { sub, sid, jti: own = jti } of actorsIn(act)) {
      const readAt = timestampOf(own);
      if ((sid !== undefined && this.isEnded(sid)) || readAt < this.#everythingBefore) {
        return 'ended';
      }
      if (readAt < this.#changedAt(sub)) {
        return 'outdated';
      }
    }
    return 'live';
  }

  #applyOne({ id, kind, before, expires_at: expiresAt }: RevocationRow): void {
    if (kind === 'everything') {
      this.#setEverythingBefore(before ?? 0);
    } else if (before === null) {
      this.#end(id);
    } else {
      this.#setChanged(id, before, expiresAt);
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
    const now = this.clock.now();
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
