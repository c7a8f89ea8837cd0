import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { SessionRepository } from './session.repository.js';

const pollMilliseconds = 2000;
/** Clock difference between replicas, and commits that become visible late. */
const overlapMilliseconds = 60_000;

/**
 * The ended sessions whose tokens haven't expired yet, in memory, so that a guard needs no look-up elsewhere.
 *
 * SQL is the truth: it's read at the start and every two seconds. While it can't be read, what is known still holds,
 * and an end that another replica recorded takes effect at the latest when the token expires.
 */
@Injectable()
export class RevocationList implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(RevocationList.name);
  readonly #repository: SessionRepository;
  readonly #clock: Clock;
  readonly #horizon: number;
  readonly #endedAt = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    repository: SessionRepository,
    clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#repository = repository;
    this.#clock = clock;
    this.#horizon = configuration.TOKEN_TTL * 1000 + overlapMilliseconds;
  }

  async onModuleInit(): Promise<void> {
    await this.refresh(this.#clock.now() - this.#horizon);
    this.#timer = setInterval(() => void this.#poll(), pollMilliseconds).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** Whether the session has ended. */
  has(sessionId: string): boolean {
    return this.#endedAt.has(sessionId);
  }

  /** Makes an end effective in this process at once. */
  add(sessionId: string): void {
    this.#endedAt.set(sessionId, this.#clock.now());
  }

  /** Takes over what SQL holds since a moment (milliseconds) and drops what can't matter any more. */
  async refresh(since: number): Promise<void> {
    for (const { id, ended_at } of await this.#repository.endedSince(since)) {
      this.#endedAt.set(id, ended_at ?? since);
    }
    const expired = this.#clock.now() - this.#horizon;
    for (const [id, endedAt] of this.#endedAt) {
      if (endedAt < expired) {
        this.#endedAt.delete(id);
      }
    }
  }

  async #poll(): Promise<void> {
    try {
      await this.refresh(this.#clock.now() - overlapMilliseconds);
    } catch (error) {
      this.#logger.warn('revocations cannot be read', { reason: 'revocation_feed_down', err: error });
    }
  }
}
