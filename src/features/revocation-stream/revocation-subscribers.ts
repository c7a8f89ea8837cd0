import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type BeforeApplicationShutdown, Injectable, type OnModuleInit } from '@nestjs/common';
import { isLive } from '../../session/revocation/credential-life.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { Clock } from '../../platform/time/clock.service.js';
import type { Principal } from '../../session/principal.js';
import { RevocationFeed } from '../../session/revocation/revocation-feed.js';
import { type RevocationMessage, RevocationStream } from './revocation-stream.js';

/** Milliseconds between two signs of life. */
const heartbeat = 5000;
/** Subscribers of one process. */
const most = 5000;
/** Heartbeats for which a subscriber may not have read what it was sent before. */
const mostMissed = 6;
/** Characters that may wait for a subscriber that doesn't read. */
const longestBacklog = 4 * 2 ** 20;

interface Subscriber {
  readonly principal: Principal;
  readonly response: ServerResponse;
  readonly unsubscribe: () => void;
  /** Heartbeats since all that it was sent had been read. */
  missed: number;
}

/** The open streams of server-sent events. Each ends with its caller's credential, with its connection, or when it isn't read. */
@Injectable()
export class RevocationSubscribers implements OnModuleInit, BeforeApplicationShutdown {
  readonly #open = new Set<Subscriber>();
  #timer: NodeJS.Timeout | undefined;
  #isClosing = false;

  constructor(
    private readonly stream: RevocationStream,
    private readonly feed: RevocationFeed,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.#timer = setInterval(() => this.#beat(), heartbeat).unref();
  }

  beforeApplicationShutdown(): void {
    this.#isClosing = true;
    clearInterval(this.#timer);
    for (const subscriber of this.#open) {
      end(subscriber);
    }
  }

  /** Requires room for one more. @throws {Problem} `overloaded` */
  requireRoom(): void {
    if (this.#isClosing || this.#open.size >= most) {
      throw new Problem('overloaded', { reason: 'too_many_subscribers' });
    }
  }

  /** Requires that this process knows what others have revoked lately. @throws {Problem} `revocations_unknown` */
  requireKnown(): void {
    if (this.#isBehind()) {
      throw new Problem('revocations_unknown', { reason: 'revocations_stale' });
    }
  }

  /** Sends messages on a response whose headers have been sent, until it ends. @param lastId the last message that the caller knows. */
  add(principal: Principal, response: ServerResponse, lastId: string | undefined): void {
    if (response.destroyed) {
      // Its caller has left while the guard looked: no `close` is to come.
      return;
    }
    const unsubscribe = this.stream.subscribe(lastId, {
      send: (message) => {
        response.write(eventOf(message));
        if (response.writableLength > longestBacklog) {
          response.destroy();
        }
      },
      drained: async () => drained(response),
      fail: () => response.destroy(),
    });
    const subscriber: Subscriber = { principal, response, unsubscribe, missed: 0 };
    // A write to a connection that has just ended; `close` follows.
    response.on('error', () => undefined);
    this.#open.add(subscriber);
    response.once('close', () => this.#remove(subscriber));
  }

  #remove(subscriber: Subscriber): void {
    subscriber.unsubscribe();
    this.#open.delete(subscriber);
  }

  /** Whether this process can't know what others have revoked lately. */
  #isBehind(): boolean {
    return this.feed.state() === 'database_unreachable';
  }

  #beat(): void {
    for (const subscriber of this.#open) {
      const { principal, response } = subscriber;
      subscriber.missed = response.writableNeedDrain ? subscriber.missed + 1 : 0;
      if (response.destroyed) {
        this.#remove(subscriber);
      } else if (subscriber.missed > mostMissed || response.writableEnded) {
        response.destroy();
      } else if (!isLive(principal, this.feed.list, this.clock.seconds())) {
        end(subscriber);
      }
    }
    if (!this.#isBehind()) {
      // Without a sign of life, subscribers know that they may not know everything.
      void this.stream.sendSigns();
    }
  }
}

/** Ends a stream: nothing may be written after its end. */
function end({ response, unsubscribe }: Subscriber): void {
  unsubscribe();
  response.end();
}

/** Resolves when a response can take more, or has ended. */
async function drained(response: ServerResponse): Promise<void> {
  if (!response.writableNeedDrain || response.destroyed) {
    return;
  }
  const waiting = new AbortController();
  const { signal } = waiting;
  try {
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  } finally {
    waiting.abort();
  }
}

/** A message as a server-sent event (HTML Living Standard, section 9.2). */
function eventOf({ id, token }: RevocationMessage): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: revocations\ndata: ${token}\n\n`;
}
