import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { SignJWT } from 'jose';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { newId } from '../../platform/core/identifier.js';
import type { RevocationRow } from '../../platform/database/database.schema.js';
import { Clock } from '../../platform/time/clock.service.js';
import { SigningKeyRing } from '../tokens/signing-key.ring.js';
import { RevocationFeed } from './revocation.feed.js';
import { type RevocationSnapshot, clockAllowance } from './revocation.list.js';

const messageType = 'revocations+jwt';
/** Messages that are kept for subscribers who come back. */
const keptMessages = 1000;
/** Seconds for which a message is sent again: a verifier believes none that is older than two minutes. */
const repeatable = 30;

/** Revocations as a signed message (a JWS). */
export interface RevocationMessage {
  /** What a subscriber who comes back names: this process, and the message's number. */
  readonly id: string;
  readonly token: string;
}

interface SignedMessage extends RevocationMessage {
  /** When it was signed, in seconds since the epoch. */
  readonly at: number;
}

/** Who is told. */
export interface RevocationSubscriber {
  send(message: RevocationMessage): void;
  /** There is something that can't be told: only a new subscription, which begins with a snapshot, is complete. */
  fail(): void;
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
  readonly #feed: RevocationFeed;
  readonly #keys: SigningKeyRing;
  readonly #clock: Clock;
  readonly #configuration: Configuration;
  /** Numbers mean something only in the process that gave them. */
  readonly #process = newId();
  readonly #subscribers = new Set<RevocationSubscriber>();
  readonly #messages: SignedMessage[] = [];
  #number = 0;
  #pending: RevocationRow[] = [];
  #isPublishing = false;
  #latest:
    { readonly revision: number; readonly message: Promise<SignedMessage>; readonly at: number } | undefined;
  #stop: () => void = () => undefined;

  constructor(
    feed: RevocationFeed,
    keys: SigningKeyRing,
    clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#feed = feed;
    this.#keys = keys;
    this.#clock = clock;
    this.#configuration = configuration;
  }

  onModuleInit(): void {
    this.#stop = this.#feed.onChange((rows) => {
      if (this.#subscribers.size > 0) {
        this.#pending.push(...rows);
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

  /** All that matters now, as one message. @throws if it can't be signed. */
  async snapshot(): Promise<RevocationMessage> {
    const { revision } = this.#feed.list;
    const now = this.#clock.seconds();
    if (this.#latest?.revision !== revision || Math.abs(now - this.#latest.at) > repeatable) {
      const message = this.#sign(this.#number, { ...this.#feed.list.snapshot(), complete: true });
      this.#latest = { revision, message, at: now };
      message.catch(() => {
        this.#latest = undefined;
      });
    }
    return this.#latest.message;
  }

  /**
   * Sends what a subscriber doesn't know: the messages after the one that it names, or a snapshot. Then sends every new message.
   * @returns what ends the subscription.
   */
  subscribe(lastId: string | undefined, subscriber: RevocationSubscriber): () => void {
    this.#subscribers.add(subscriber);
    const missed = this.#after(lastId);
    if (missed === undefined) {
      this.snapshot().then(
        (message) => this.#subscribers.has(subscriber) && subscriber.send(message),
        () => subscriber.fail(),
      );
    } else {
      missed.forEach((message) => subscriber.send(message));
    }
    return () => this.#subscribers.delete(subscriber);
  }

  /** Leaves a number out: who comes back and names an earlier one must not take what came since for known. */
  #skip(): void {
    this.#number += 1;
    this.#messages.length = 0;
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
    const now = this.#clock.seconds();
    return missed.every(({ at }) => Math.abs(now - at) <= repeatable) ? missed : undefined;
  }

  async #publish(): Promise<void> {
    if (this.#isPublishing) {
      return;
    }
    this.#isPublishing = true;
    try {
      while (this.#pending.length > 0) {
        const rows = this.#pending;
        this.#pending = [];
        const message = await this.#sign(this.#number + 1, contentOf(rows));
        this.#number += 1;
        this.#messages.push(message);
        this.#messages.splice(0, this.#messages.length - keptMessages);
        for (const subscriber of this.#subscribers) {
          subscriber.send(message);
        }
      }
    } catch (error) {
      this.#logger.warn('revocations cannot be told', { reason: 'revocation_stream_failed', err: error });
      this.#skip();
      this.#subscribers.forEach((subscriber) => subscriber.fail());
    } finally {
      this.#isPublishing = false;
    }
  }

  async #sign(
    number: number,
    {
      ended,
      changed,
      everythingBefore,
      complete = false,
    }: RevocationSnapshot & { readonly complete?: boolean },
  ): Promise<SignedMessage> {
    const { kid, alg, key } = this.#keys.signing();
    const at = this.#clock.seconds();
    const { PUBLIC_URL, TOKEN_AUDIENCE, TOKEN_TTL } = this.#configuration;
    const token = await new SignJWT({
      iss: PUBLIC_URL,
      aud: TOKEN_AUDIENCE,
      iat: at,
      complete,
      keep: TOKEN_TTL + clockAllowance / 1000,
      ended: Buffer.concat(ended).toString('base64url'),
      changed,
      everything_before: everythingBefore,
    })
      .setProtectedHeader({ alg, typ: messageType, kid })
      .sign(key);
    return { id: `${this.#process}.${number}`, token, at };
  }
}

function contentOf(rows: readonly RevocationRow[]): RevocationSnapshot {
  const ended = rows.filter(({ kind, before }) => kind !== 'everything' && before === null);
  return {
    ended: ended.map(({ id }) => Buffer.from(id.replaceAll('-', ''), 'hex')),
    changed: rows.flatMap(({ kind, id, before }) =>
      kind === 'everything' || before === null ? [] : [[id, before] as const],
    ),
    everythingBefore: Math.max(
      0,
      ...rows.map(({ kind, before }) => (kind === 'everything' ? (before ?? 0) : 0)),
    ),
  };
}
