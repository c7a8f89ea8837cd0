import { type BeforeApplicationShutdown, Injectable, type OnModuleInit } from '@nestjs/common';
import type { z } from 'zod';
import type { RevocationKind } from '../../../platform/database/database.schema.js';
import type { SignalStreamRow } from '../signal.schema.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import type { Principal } from '../../../session/principal.js';
import { isLive } from '../../../session/revocation/credential-life.js';
import { RevocationFeed } from '../../../session/revocation/revocation-feed.js';
import { type SecurityEvent, SecurityEvents, kindsOf } from './security-events.js';
import { type PendingRevocation, SignalStreamRepository } from './signal-stream.repository.js';
import type { pollAnswerSchema, pollSchema } from './signal.schemas.js';
import { SignalStreams } from './signal-streams.js';

/** Milliseconds for which a poll waits for an event. */
const longestWait = 25_000;
/** Polls of one process that may wait at the same time; others are answered at once. */
const mostWaiting = 1000;

/** Why a poll waits no longer: something was revoked, or it is to be answered with what there is. */
type Wake = 'revoked' | 'over';

interface WaitingPoll {
  readonly kinds: readonly RevocationKind[];
  readonly end: (why: Wake) => void;
}

/** What waits to be delivered on a stream. */
export interface Pending {
  readonly events: readonly SecurityEvent[];
  /** Whether there is more than was asked for. */
  readonly hasMore: boolean;
}

/** Delivers the events of streams: what is pending, what is acknowledged, and polls (RFC 8936). */
@Injectable()
export class SignalDelivery implements OnModuleInit, BeforeApplicationShutdown {
  /** By stream: kinds of revocations for which a poll waits, and what ends its waiting. */
  readonly #waiting = new Map<string, WaitingPoll>();
  #isClosing = false;
  #stop: () => void = () => undefined;

  constructor(
    private readonly streams: SignalStreams,
    private readonly repository: SignalStreamRepository,
    private readonly events: SecurityEvents,
    private readonly feed: RevocationFeed,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.#stop = this.feed.onChange((rows) => this.#wake(new Set(rows.map(({ kind }) => kind))));
  }

  beforeApplicationShutdown(): void {
    this.#isClosing = true;
    this.#stop();
    [...this.#waiting.values()].forEach(({ end }) => end('over'));
  }

  /**
   * Answers a poll: takes what it acknowledges, and waits for events if it may and there are none.
   * @param left is aborted when the caller has left.
   * @throws {Problem} `forbidden`, `not_found`, `conflict`
   */
  async poll(
    principal: Principal,
    id: string,
    { ack, setErrs, maxEvents, returnImmediately }: z.output<typeof pollSchema>,
    left: AbortSignal,
  ): Promise<z.output<typeof pollAnswerSchema>> {
    let stream = await this.streams.requireOwn(principal, id);
    if (stream.method !== 'poll') {
      throw new Problem('conflict', { detail: 'Events of this stream are pushed.', reason: 'stream_pushed' });
    }
    // What a receiver can't read isn't sent again either: it would be as unreadable.
    await this.acknowledge(stream, [...ack, ...Object.keys(setErrs)]);
    const mayWait = !returnImmediately && maxEvents > 0;
    const end = performance.now() + longestWait;
    for (;;) {
      // Before the look: what is revoked meanwhile isn't missed.
      const wait = mayWait ? this.#wait(stream, left, end - performance.now()) : undefined;
      stream = await this.streams.requireOwn(principal, id);
      const { events, hasMore } = await this.pending(stream, maxEvents);
      // After the look: the events may say that the caller's own credential has ended.
      this.#requireLive(principal);
      if (events.length > 0 || wait === undefined) {
        wait?.end('over');
        return {
          sets: Object.fromEntries(events.map(({ jti, token }) => [jti, token])),
          moreAvailable: hasMore,
        };
      }
      if ((await wait.ended) === 'over') {
        return { sets: {}, moreAvailable: false };
      }
    }
  }

  /** Requires that the caller's credential hasn't ended while the poll waited. @throws {Problem} `unauthenticated` */
  #requireLive(principal: Principal): void {
    if (!isLive(principal, this.feed.list, this.clock.seconds())) {
      throw new Problem('unauthenticated', { reason: 'credential_ended' });
    }
  }

  /** The oldest events that a stream's receiver hasn't acknowledged: none unless the stream is enabled. */
  async pending(stream: SignalStreamRow, limit: number): Promise<Pending> {
    if (stream.status !== 'enabled') {
      return { events: [], hasMore: false };
    }
    const kinds = kindsOf(stream);
    const revocations: readonly PendingRevocation[] =
      kinds.length === 0 ? [] : await this.repository.pending(stream, kinds, limit + 1);
    this.feed.learn(revocations);
    await this.repository.settle(stream, revocations[0]?.recorded_at);
    const verification = stream.verification_id === null ? [] : [this.events.verification(stream)];
    const events = await Promise.all([
      ...verification,
      ...revocations.map(async (revocation) => this.events.of(stream, revocation)),
    ]);
    return { events: events.slice(0, limit), hasMore: events.length > limit };
  }

  /** Takes events for received. Ids that aren't the stream's are ignored (RFC 8936 section 2.4.2). */
  async acknowledge(stream: SignalStreamRow, jtis: readonly string[]): Promise<void> {
    const own = jtis.flatMap((jti) =>
      jti.startsWith(`${stream.id}.`) ? [jti.slice(stream.id.length + 1)] : [],
    );
    if (stream.verification_id !== null && own.includes(stream.verification_id)) {
      await this.repository.update(stream.id, { verification_id: null, verification_state: null });
    }
    await this.repository.receive(
      stream.id,
      own.flatMap((text) => {
        const [, id, recordedAt] = /^(\*|[\da-f-]{36})\.(\d{13})$/.exec(text) ?? [];
        return id === undefined ? [] : [{ id, recorded_at: Number(recordedAt) }];
      }),
    );
  }

  /**
   * Waits until something is revoked of which a stream is told, the caller has left, or the time is over.
   * @returns undefined if too many wait. A stream has one waiting poll: an earlier one is answered.
   */
  #wait(
    stream: SignalStreamRow,
    left: AbortSignal,
    milliseconds: number,
  ): { readonly ended: Promise<Wake>; readonly end: (why: Wake) => void } | undefined {
    this.#waiting.get(stream.id)?.end('over');
    if (this.#isClosing || left.aborted || milliseconds <= 0 || this.#waiting.size >= mostWaiting) {
      return undefined;
    }
    let resolve: (why: Wake) => void = () => undefined;
    const ended = new Promise<Wake>((settle) => {
      resolve = settle;
    });
    const end = (why: Wake): void => {
      clearTimeout(timer);
      left.removeEventListener('abort', leave);
      if (this.#waiting.get(stream.id) === poll) {
        this.#waiting.delete(stream.id);
      }
      resolve(why);
    };
    const leave = (): void => end('over');
    const timer = setTimeout(leave, milliseconds);
    left.addEventListener('abort', leave);
    const poll = { kinds: kindsOf(stream), end };
    this.#waiting.set(stream.id, poll);
    return { ended, end };
  }

  #wake(revoked: ReadonlySet<RevocationKind>): void {
    for (const { kinds, end } of this.#waiting.values()) {
      if (kinds.some((kind) => revoked.has(kind))) {
        end('revoked');
      }
    }
  }
}
