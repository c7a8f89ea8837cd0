import { type BeforeApplicationShutdown, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import pLimit from 'p-limit';
import type { SignalStreamRow } from '../signal.schema.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { RevocationFeed } from '../../../session/revocation/revocation-feed.js';
import { PushEndpoints } from './push-endpoints.js';
import type { SecurityEvent } from './security-events.js';
import { SignalDelivery } from './signal-delivery.js';
import { SignalStreamRepository } from './signal-stream.repository.js';
import { SignalStreams, inactivityTimeout } from './signal-streams.js';

/** Milliseconds between two looks for streams to which something must be pushed. */
const interval = 2000;
/** Milliseconds for which a process takes a stream: longer than it takes to push a batch, so that no two push the same. */
const claim = 120_000;
/** Events that are pushed between two looks at the stream. */
const batch = 10;
/** Milliseconds before a failed push is repeated: first, and at most. */
const [firstPause, longestPause] = [1000, 300_000];
/** Streams to which one process pushes at the same time. */
const atOnce = pLimit(100);
/** Looks between two searches for streams that are not read: about five minutes. */
const looksBetweenSearches = 150;

/**
 * Pushes the events of streams to their receivers (RFC 8935), each stream from one process at a time. What isn't received is sent
 * again, less and less often, until the stream is disabled.
 */
@Injectable()
export class SignalPusher implements OnModuleInit, BeforeApplicationShutdown {
  readonly #logger = new Logger(SignalPusher.name);
  /** By the stream's id: what is done, and whether there may be more to do afterwards. */
  readonly #serving = new Map<string, { readonly done: Promise<void>; mayHaveMore: boolean }>();
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;
  #hasStreams = false;
  #isClosing = false;
  #stop: () => void = () => undefined;

  constructor(
    private readonly streams: SignalStreams,
    private readonly repository: SignalStreamRepository,
    private readonly delivery: SignalDelivery,
    private readonly endpoints: PushEndpoints,
    private readonly feed: RevocationFeed,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.#stop = this.feed.onChange(() => {
      // Without a stream, an end costs no look into SQL.
      if (this.#hasStreams) {
        void this.#look();
      }
    });
    this.feed.keepFor(async () => this.repository.oldestNeeded());
    this.#timer = setInterval(() => void this.#look(), interval).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#isClosing = true;
    this.#stop();
    clearInterval(this.#timer);
    await this.endpoints.close();
    await Promise.all([...this.#serving.values()].map(async ({ done }) => done));
  }

  /** Looks for streams to which something may have to be pushed. Never throws. */
  async #look(): Promise<void> {
    try {
      if (this.#looks % looksBetweenSearches === 0) {
        await this.repository.disableIdle(this.clock.now() - inactivityTimeout * 1000, 'inactive');
      }
      this.#looks += 1;
      const streams = await this.repository.pushable();
      this.#hasStreams = streams.length > 0;
      streams
        .filter(
          ({ next_attempt_at: next, claimed_until: claimed }) => Math.max(next, claimed) <= this.clock.now(),
        )
        .forEach((stream) => this.#begin(stream));
    } catch (error) {
      this.#logger.warn('streams cannot be read', { reason: 'signal_streams_unreadable', err: error });
    }
  }

  /** Resolves when nothing more is sent that was begun before a stream was changed. */
  async settled(streamId: string): Promise<void> {
    await this.#serving.get(streamId)?.done;
  }

  #begin(stream: SignalStreamRow): void {
    const serving = this.#serving.get(stream.id);
    if (serving !== undefined) {
      serving.mayHaveMore = true;
    } else if (!this.#isClosing) {
      this.#serving.set(stream.id, {
        done: atOnce(async () => this.#serve(stream)),
        mayHaveMore: false,
      });
    }
  }

  /** Pushes a batch of what is pending on a stream. Never throws. */
  async #serve(stream: SignalStreamRow): Promise<void> {
    let mayHaveMore = false;
    try {
      mayHaveMore = await this.#pushBatch(stream);
    } catch (error) {
      this.#logger.warn('events cannot be pushed', { reason: 'signal_push_failed', err: error });
    }
    mayHaveMore ||= this.#serving.get(stream.id)?.mayHaveMore === true;
    this.#serving.delete(stream.id);
    if (mayHaveMore && !this.#isClosing) {
      await this.#look();
    }
  }

  /** @returns whether there may be more, and the receiver takes it. */
  async #pushBatch(stream: SignalStreamRow): Promise<boolean> {
    const { events, hasMore } = await this.delivery.pending(stream, batch);
    if (events.length === 0 || !(await this.repository.claim(stream, this.clock.now() + claim))) {
      return false;
    }
    try {
      const isReceived = await this.#pushAll(stream, events);
      const failures = isReceived ? 0 : stream.failures + 1;
      const pause = isReceived ? 0 : Math.min(firstPause * 2 ** (failures - 1), longestPause);
      await this.repository.update(stream.id, { failures, next_attempt_at: this.clock.now() + pause });
      return isReceived && hasMore;
    } finally {
      // Only what this process has claimed itself.
      await this.repository.update(stream.id, { claimed_until: 0 });
    }
  }

  /** @returns whether all were received. */
  async #pushAll(stream: SignalStreamRow, events: readonly SecurityEvent[]): Promise<boolean> {
    const url = stream.endpoint_url ?? '';
    for (const { jti, token } of events) {
      if (this.#isClosing || !(await this.#mayPush(stream))) {
        return true;
      }
      try {
        const { status, text } = await this.endpoints.send(url, token, this.streams.authorizationOf(stream));
        if (status === 400) {
          // It wouldn't accept it the next time either (RFC 8935 section 2.3).
          this.#logger.warn('an event was refused', {
            reason: 'signal_refused',
            stream: stream.id,
            jti,
            code: errorCodeOf(text),
          });
        } else if (status !== 202) {
          throw new Error(`the receiver answered ${status}`);
        }
      } catch (error) {
        this.#logger.warn('an event was not received', {
          reason: 'signal_not_received',
          stream: stream.id,
          failures: stream.failures + 1,
          err: error,
        });
        return false;
      }
      await this.delivery.acknowledge(stream, [jti]);
    }
    return true;
  }

  /** Whether a stream is still to be pushed to, and to the same address. Disables one whose owner may not be told any more. */
  async #mayPush({ id, endpoint_url: url }: SignalStreamRow): Promise<boolean> {
    const now = await this.repository.find(id);
    if (now?.status !== 'enabled' || now.endpoint_url !== url) {
      return false;
    }
    if (await this.streams.isAuthorized(now)) {
      return true;
    }
    await this.repository.update(id, { status: 'disabled', reason: 'owner_not_authorized' });
    return false;
  }
}

/** The error code in a receiver's answer (RFC 8935 section 2.3); nothing else of it may stand in a log. */
function errorCodeOf(text: string): string | undefined {
  return /"err"\s*:\s*"([a-z_]{1,40})"/.exec(text)?.[1];
}
