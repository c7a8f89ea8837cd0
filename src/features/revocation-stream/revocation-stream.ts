import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { SignJWT } from 'jose';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { newId } from '../../platform/core/identifier.js';
import type { RevocationRow } from '../../platform/database/database.schema.js';
import { Clock } from '../../platform/time/clock.service.js';
import { SigningKeyRing } from '../../session/tokens/signing-key-ring.js';
import { RevocationFeed } from '../../session/revocation/revocation-feed.js';
import { type RevocationSnapshot, clockAllowance } from '../../session/revocation/revocation-list.js';

const messageType = 'revocations+jwt';
/** Messages that are kept for subscribers who come back. */
const keptMessages = 1000;
/** Seconds for which a message is sent again: a verifier believes none that is older than two minutes. */
const repeatable = 30;
/** Seconds by which a message may be ahead of a verifier's clock. */
const aheadAllowance = 60;
/** Ended sessions, and changed users, in one message: neither signing nor reading it keeps other requests waiting. */
const mostAtOnce = 5000;

/** Revocations as a signed message (a JWS). */
export interface RevocationMessage {
  /** What a subscriber who comes back names: this process, and the message's number. Undefined while a subscriber doesn't know everything before it. */
  readonly id: string | undefined;
  readonly token: string;
}

interface SignedMessage extends RevocationMessage {
  /** When it was signed, in seconds since the epoch. */
  readonly at: number;
}

/** Who is told. */
export interface RevocationSubscriber {
  send(message: RevocationMessage): void;
  /** Resolves when what was sent has been taken, or the subscription has ended. */
  drained(): Promise<void>;
  /** There is something that can't be told: only a new subscription, which begins with a snapshot, is complete. */
  fail(): void;
}

/** The place of a message in a snapshot. */
interface SnapshotPart {
  readonly id: string;
  /** From 1. */
  readonly part: number;
  readonly parts: number;
}

/** What a message states of its place in what this process tells, so that a subscriber notices one that was held back. */
interface Place {
  /** The number of a message that tells of something new. */
  readonly number?: number;
  /** Number of the last message that a subscriber has been told, once it has this snapshot or sign of life. */
  readonly told?: number;
  readonly snapshot?: SnapshotPart;
}

const nothing: RevocationSnapshot = { ended: Buffer.alloc(0), changed: [], everythingBefore: 0 };

/** All that mattered at one moment. Its parts are signed when they are asked for. */
interface Snapshot {
  readonly id: string;
  /** When it was taken, in seconds since the epoch. */
  readonly at: number;
  /** Number of the last message that it includes. */
  readonly number: number;
  readonly contents: readonly RevocationSnapshot[];
  readonly signed: (SignedMessage | undefined)[];
}

/**
 * The revocations of this process as numbered, signed messages, for services that verify tokens by themselves. Each message is signed
 * once, for however many subscribers, and comes from memory: SQL is read by the {@link RevocationFeed} alone.
 *
 * Messages may repeat what earlier ones said, and may be applied in any order.
 */
@Injectable()
export class RevocationStream implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(RevocationStream.name);
  /** Numbers mean something only in the process that gave them. */
  #process = newId();
  readonly #subscribers = new Map<RevocationSubscriber, { knowsAll: boolean }>();
  readonly #messages: SignedMessage[] = [];
  #number = 0;
  readonly #pending: RevocationRow[] = [];
  #isPublishing = false;
  #latest: Snapshot | undefined;
  #latestSign:
    { readonly at: number; readonly told: number; readonly message: Promise<SignedMessage> } | undefined;
  #stop: () => void = () => undefined;

  readonly #configuration: Configuration;

  constructor(
    private readonly feed: RevocationFeed,
    private readonly keys: SigningKeyRing,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#configuration = configuration;
  }

  onModuleInit(): void {
    this.#stop = this.feed.onChange((rows) => {
      if (this.#subscribers.size > 0 || this.#isPublishing || this.#reusable() !== undefined) {
        for (const row of rows) {
          this.#pending.push(row);
        }
        void this.#publish();
      } else {
        // There is no subscriber to sign for.
        this.#skip();
      }
    });
  }

  onModuleDestroy(): void {
    this.#stop();
  }

  /**
   * All that matters now, as messages; the last one has the id. A snapshot that was taken less than half a minute ago is taken again, with what
   * was told since: each has tens of megabytes where a million sessions have ended.
   * @throws if one can't be signed.
   */
  async *snapshot(): AsyncGenerator<RevocationMessage> {
    const snapshot = this.#snapshot();
    const { id, number, contents, signed } = snapshot;
    // First, while they are new: it may take minutes to read the rest.
    for (const message of this.#after(`${this.#process}.${number}`) ?? []) {
      yield { ...message, id: undefined };
    }
    for (const [index, content] of contents.entries()) {
      const known = signed[index];
      const isLast = index === contents.length - 1;
      const message =
        known !== undefined && this.#isRepeatable(known)
          ? known
          : await this.#sign(isLast ? number : undefined, content, {
              told: number,
              snapshot: { id, part: index + 1, parts: contents.length },
            });
      signed[index] = message;
      yield message;
    }
  }

  /**
   * Sends what a subscriber doesn't know: the messages after the one that it names, or a snapshot. Sends every new message too.
   * @returns what ends the subscription.
   */
  subscribe(lastId: string | undefined, subscriber: RevocationSubscriber): () => void {
    const missed = this.#after(lastId);
    this.#subscribers.set(subscriber, { knowsAll: missed !== undefined });
    if (missed === undefined) {
      void this.#sendSnapshot(subscriber);
    } else {
      missed.forEach((message) => subscriber.send(message));
      void this.#sendSign([subscriber]);
    }
    return () => this.#subscribers.delete(subscriber);
  }

  /**
   * Sends a sign of life to all who know everything. It is signed, and names the last message: anyone who sits between can neither make it up
   * nor hold a message back unnoticed.
   */
  async sendSigns(): Promise<void> {
    if (this.#subscribers.size > 0) {
      await this.#sendSign(this.#subscribers.keys(), 1);
    }
  }

  async #sendSign(subscribers: Iterable<RevocationSubscriber>, step = 0): Promise<void> {
    try {
      const message = await this.#signOfLife(step);
      for (const subscriber of subscribers) {
        if (this.#subscribers.get(subscriber)?.knowsAll === true) {
          subscriber.send(message);
        }
      }
    } catch (error) {
      this.#logger.warn('revocations cannot be told', { reason: 'revocation_stream_failed', err: error });
    }
  }

  /**
   * The sign of life of this second: one text for all subscribers. Verifiers take only a newer one, also when the clock has been set back.
   * @param step seconds by which it is at least newer than the last one.
   */
  async #signOfLife(step: number): Promise<RevocationMessage> {
    const now = this.clock.seconds();
    if (this.#latestSign !== undefined && this.#latestSign.at - now > aheadAllowance) {
      this.#beginAnew();
    }
    const [at, told] = [Math.max(now, (this.#latestSign?.at ?? 0) + step), this.#number];
    if (this.#latestSign?.at !== at || this.#latestSign.told !== told) {
      this.#latestSign = { at, told, message: this.#sign(undefined, nothing, { told }, at) };
    }
    return this.#latestSign.message;
  }

  async #sendSnapshot(subscriber: RevocationSubscriber): Promise<void> {
    try {
      for await (const message of this.snapshot()) {
        const state = this.#subscribers.get(subscriber);
        if (state === undefined) {
          return;
        }
        state.knowsAll = message.id !== undefined;
        subscriber.send(message);
        await subscriber.drained();
      }
      await this.#sendSign([subscriber]);
    } catch (error) {
      this.#logger.warn('revocations cannot be told', { reason: 'revocation_stream_failed', err: error });
      subscriber.fail();
    }
  }

  #snapshot(): Snapshot {
    const known = this.#reusable();
    if (known !== undefined) {
      return known;
    }
    const contents = partsOf(this.feed.list.snapshot());
    this.#latest = { id: newId(), at: this.clock.seconds(), number: this.#number, contents, signed: [] };
    return this.#latest;
  }

  /** The latest snapshot, if all that was told since is kept. */
  #reusable(): Snapshot | undefined {
    const latest = this.#latest;
    return latest !== undefined &&
      this.#isRepeatable(latest) &&
      this.#after(`${this.#process}.${latest.number}`) !== undefined
      ? latest
      : undefined;
  }

  #isRepeatable({ at }: Pick<SignedMessage, 'at'>): boolean {
    return Math.abs(this.clock.seconds() - at) <= repeatable;
  }

  /** Leaves a number out: who comes back and names an earlier one must not take what came since for known. */
  #skip(): void {
    this.#number += 1;
    this.#messages.length = 0;
  }

  /** Ends every subscription: the next ones begin with everything, as those of another process, whose times and numbers are its own. */
  #beginAnew(): void {
    this.#process = newId();
    this.#latest = undefined;
    this.#latestSign = undefined;
    this.#skip();
    [...this.#subscribers.keys()].forEach((subscriber) => subscriber.fail());
    this.#subscribers.clear();
  }

  /** The kept messages after one; undefined if that isn't known, or some of them aren't kept or are too old to be believed. */
  #after(lastId: string | undefined): readonly RevocationMessage[] | undefined {
    const [, process, number] = /^([\da-f-]{36})\.(\d{1,15})$/.exec(lastId ?? '') ?? [];
    if (process !== this.#process) {
      return undefined;
    }
    const count = this.#number - Number(number);
    if (count < 0 || count > this.#messages.length) {
      return undefined;
    }
    const missed = this.#messages.slice(this.#messages.length - count);
    return missed.every((message) => this.#isRepeatable(message)) ? missed : undefined;
  }

  async #publish(): Promise<void> {
    if (this.#isPublishing) {
      return;
    }
    this.#isPublishing = true;
    try {
      while (this.#pending.length > 0) {
        const rows = this.#pending.splice(0, mostAtOnce);
        const number = this.#number + 1;
        const message = await this.#sign(number, contentOf(rows), { number });
        this.#number = number;
        this.#messages.push(message);
        this.#messages.splice(0, this.#messages.length - keptMessages);
        for (const [subscriber, { knowsAll }] of this.#subscribers) {
          subscriber.send(knowsAll ? message : { ...message, id: undefined });
        }
      }
    } catch (error) {
      this.#logger.warn('revocations cannot be told', { reason: 'revocation_stream_failed', err: error });
      this.#beginAnew();
    } finally {
      this.#isPublishing = false;
    }
  }

  async #sign(
    number: number | undefined,
    { ended, changed, everythingBefore }: RevocationSnapshot,
    place: Place,
    at = this.clock.seconds(),
  ): Promise<SignedMessage> {
    const { kid, alg, key } = this.keys.signing();
    const { PUBLIC_URL, TOKEN_TTL } = this.#configuration;
    const token = await new SignJWT({
      iss: PUBLIC_URL,
      iat: at,
      stream: this.#process,
      ...place,
      keep: TOKEN_TTL + clockAllowance / 1000,
      ended: ended.toString('base64url'),
      changed,
      everything_before: everythingBefore,
    })
      .setProtectedHeader({ alg, typ: messageType, kid })
      .sign(key);
    return { id: number === undefined ? undefined : `${this.#process}.${number}`, token, at };
  }
}

/** A snapshot in parts, of which there is at least one. */
function partsOf({ ended, changed, everythingBefore }: RevocationSnapshot): readonly RevocationSnapshot[] {
  const count = Math.max(1, Math.ceil(Math.max(ended.length / 16, changed.length) / mostAtOnce));
  return Array.from({ length: count }, (_each, index) => {
    const [start, end] = [index * mostAtOnce, (index + 1) * mostAtOnce];
    return {
      ended: ended.subarray(start * 16, end * 16),
      changed: changed.slice(start, end),
      everythingBefore,
    };
  });
}

function contentOf(rows: readonly RevocationRow[]): RevocationSnapshot {
  const ended = rows.filter(({ kind, before }) => kind !== 'everything' && before === null);
  return {
    ended: Buffer.concat(ended.map(({ id }) => Buffer.from(id.replaceAll('-', ''), 'hex'))),
    changed: rows.flatMap(({ kind, id, before }) =>
      kind === 'everything' || before === null ? [] : [[id, before] as const],
    ),
    everythingBefore: Math.max(
      0,
      ...rows.map(({ kind, before }) => (kind === 'everything' ? (before ?? 0) : 0)),
    ),
  };
}
