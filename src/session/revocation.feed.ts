import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';
import { Clock } from '../core/clock.service.js';
import type { RevocationKind, RevocationRow } from '../database/database.schema.js';
import { ReplicaChannel } from '../replicas/replica.channel.js';
import { RevocationList } from './revocation.list.js';
import { RevocationRepository } from './revocation.repository.js';

const pollMilliseconds = 2000;
/** The list counts as behind when it wasn't read for this long (milliseconds). */
const behindAfter = 10_000;
/** Clock difference between replicas, and commits that become visible late. */
const overlapMilliseconds = 120_000;
/** What nobody needs any more is removed every so many polls: about every five minutes. */
const pollsBetweenPurges = 150;

const messageSchema = z.array(
  z.object({
    id: z.union([z.uuid(), z.literal('*')]),
    kind: z.enum(['session', 'user', 'org', 'api_key', 'everything']),
    before: z.number().nullable(),
    recorded_at: z.number(),
    expires_at: z.number(),
  }),
);

/** How well the list of revocations is fed. */
export type FeedState = 'up' | 'database_unreachable' | 'redis_unreachable';

/**
 * Keeps the {@link RevocationList} complete: SQL at the start, every two seconds, and whenever Redis is there again; Redis,
 * where it's configured, at once. While neither can be read, what is known still holds, and an end that another replica
 * recorded takes effect at the latest when its token expires (or never later than `REVOCATION_MAX_STALENESS` allows).
 */
@Injectable()
export class RevocationFeed implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(RevocationFeed.name);
  /** What the feed keeps complete. */
  readonly list: RevocationList;
  readonly #repository: RevocationRepository;
  readonly #channel: ReplicaChannel;
  readonly #clock: Clock;
  readonly #announced = new Map<RevocationKind, number>();
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;
  #polls = 0;

  constructor(list: RevocationList, repository: RevocationRepository, channel: ReplicaChannel, clock: Clock) {
    this.list = list;
    this.#repository = repository;
    this.#channel = channel;
    this.#clock = clock;
  }

  async onModuleInit(): Promise<void> {
    for await (const rows of this.#repository.current()) {
      this.list.apply(rows);
    }
    await this.#readLatest();
    this.#channel.subscribe('revocations', {
      onMessage: (message) => this.list.apply(messageSchema.parse(message)),
      onReconnect: () => void this.refresh(),
    });
    this.#timer = setInterval(() => void this.#poll(), pollMilliseconds).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** How many revocations of each kind this process has made. */
  get announced(): ReadonlyMap<RevocationKind, number> {
    return this.#announced;
  }

  /** Tells this process at once and the other replicas as fast as the channel is. */
  announce(rows: readonly RevocationRow[]): void {
    this.list.apply(rows);
    for (const { kind } of rows) {
      this.#announced.set(kind, (this.#announced.get(kind) ?? 0) + 1);
    }
    this.#channel.publish('revocations', rows);
  }

  state(): FeedState {
    if (this.list.staleness() > behindAfter) {
      return 'database_unreachable';
    }
    return this.#channel.state === 'disconnected' ? 'redis_unreachable' : 'up';
  }

  /** Reads what SQL has recorded lately; one reading at a time. Never throws. */
  async refresh(): Promise<void> {
    this.#reading ??= this.#tryToRead().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #tryToRead(): Promise<void> {
    try {
      await this.#readLatest();
    } catch (error) {
      this.#logger.warn('revocations cannot be read', { reason: 'revocation_feed_down', err: error });
    }
  }

  async #readLatest(): Promise<void> {
    const since = this.#clock.now() - this.list.staleness() - overlapMilliseconds;
    this.list.apply(await this.#repository.recordedSince(since));
    this.list.markRead();
  }

  async #poll(): Promise<void> {
    await this.refresh();
    this.#polls += 1;
    if (this.#polls % pollsBetweenPurges === 0) {
      await this.#repository.purge().catch((error: unknown) => {
        this.#logger.warn('old revocations cannot be removed', {
          reason: 'revocation_purge_failed',
          err: error,
        });
      });
    }
  }
}
