import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';
import { Clock } from '../../platform/time/clock.service.js';
import type { RevocationKind, RevocationRow } from '../../platform/database/database.schema.js';
import { ReplicaChannel } from '../../platform/pubsub/replica-channel.js';
import { RevocationList } from './revocation-list.js';
import { RevocationRepository } from './revocation.repository.js';

const pollMilliseconds = 2000;
/** The list counts as behind when it hasn't been read for this long (milliseconds). */
const behindAfter = 10_000;
/** Milliseconds by which readings overlap: for clock differences between replicas, and commits that become visible late. */
const overlapMilliseconds = 120_000;
/** Revocations in one message to the other replicas. */
const mostAtOnce = 1000;

const messageSchema = z.array(
  z.object({
    id: z.union([z.uuid(), z.literal('*')]),
    kind: z.enum(['session', 'user', 'org', 'api_key', 'everything']),
    before: z.number().nullable(),
    recorded_at: z.number(),
    expires_at: z.number(),
  }),
);

/** The state of the list's sources. */
export type FeedState = 'up' | 'database_unreachable' | 'redis_unreachable';

/**
 * Keeps the {@link RevocationList} complete. It reads SQL at the start, every two seconds, and whenever Redis comes back; where
 * Redis is configured, it delivers at once. While neither can be read, the known revocations still hold. An end that another
 * replica recorded then takes effect at the latest when its token expires (or never later than `REVOCATION_MAX_STALENESS` allows).
 */
@Injectable()
export class RevocationFeed implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(RevocationFeed.name);
  /** The list that the feed keeps complete. */
  readonly list: RevocationList;
  readonly #listeners = new Set<(rows: readonly RevocationRow[]) => void>();
  readonly #readers = new Set<() => Promise<number | undefined>>();
  readonly #announced = new Map<RevocationKind, number>();
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;

  constructor(
    list: RevocationList,
    private readonly repository: RevocationRepository,
    private readonly channel: ReplicaChannel,
    private readonly clock: Clock,
  ) {
    this.list = list;
  }

  async onModuleInit(): Promise<void> {
    for await (const rows of this.repository.current()) {
      this.#apply(rows);
    }
    await this.#readLatest();
    this.channel.subscribe('revocations', {
      onMessage: (message) => this.#apply(messageSchema.parse(message)),
      onReconnect: () => void this.refresh(),
    });
    this.#timer = setInterval(() => void this.refresh(), pollMilliseconds).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /**
   * Keeps revocations, in SQL, for a reader that passes them on.
   * @param oldestNeeded when the oldest was recorded that it needs (milliseconds); undefined if it needs none.
   */
  keepFor(oldestNeeded: () => Promise<number | undefined>): void {
    this.#readers.add(oldestNeeded);
  }

  /** Removes revocations that no longer matter to tokens, and that no reader needs. */
  async purge(): Promise<void> {
    const needed = await Promise.all([...this.#readers].map(async (oldestNeeded) => oldestNeeded()));
    const oldest = needed.map((moment) => moment ?? Number.MAX_SAFE_INTEGER);
    await this.repository.purge(Math.min(Number.MAX_SAFE_INTEGER, ...oldest));
  }

  /** The number of revocations of each kind that this process has made. */
  get announced(): ReadonlyMap<RevocationKind, number> {
    return this.#announced;
  }

  /** Applies revocations in this process at once, and sends them to the other replicas as fast as the channel allows. */
  announce(rows: readonly RevocationRow[]): void {
    this.#apply(rows);
    for (const { kind } of rows) {
      this.#announced.set(kind, (this.#announced.get(kind) ?? 0) + 1);
    }
    for (let first = 0; first < rows.length; first += mostAtOnce) {
      this.channel.publish('revocations', rows.slice(first, first + mostAtOnce));
    }
  }

  /** Applies revocations that were read from SQL elsewhere, in this process alone: those that can still matter. */
  learn(rows: readonly RevocationRow[]): void {
    const now = this.clock.now();
    this.#apply(rows.filter(({ expires_at: expiresAt }) => expiresAt >= now));
  }

  /** Calls a listener with revocations that this process learns of, from whatever source. @returns what ends that. */
  onChange(listener: (rows: readonly RevocationRow[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  state(): FeedState {
    if (this.list.staleness() > behindAfter) {
      return 'database_unreachable';
    }
    return this.channel.state === 'disconnected' ? 'redis_unreachable' : 'up';
  }

  /** Reads what SQL has recorded lately; only one reading runs at a time. Never throws. */
  async refresh(): Promise<void> {
    this.#reading ??= this.#tryToRead().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  #apply(rows: readonly RevocationRow[]): void {
    const fresh = this.list.apply(rows);
    if (fresh.length > 0) {
      for (const listener of this.#listeners) {
        listener(fresh);
      }
    }
  }

  async #tryToRead(): Promise<void> {
    try {
      await this.#readLatest();
    } catch (error) {
      this.#logger.warn('revocations cannot be read', { reason: 'revocation_feed_down', err: error });
    }
  }

  async #readLatest(): Promise<void> {
    const since = this.clock.now() - this.list.staleness() - overlapMilliseconds;
    this.#apply(await this.repository.recordedSince(since));
    this.list.markRead();
  }
}
