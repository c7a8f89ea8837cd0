import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { openRedis } from '../redis/redis.client.js';
import type { RedisSettings } from '../redis/redis.settings.js';
import { ReplicaChannel, type ReplicaListener, type ReplicaTopic } from './replica-channel.js';

const longestDelay = 1000;
const connectTimeout = 2000;
const closeTimeout = 2000;
/** Milliseconds between two questions whether the server still answers. */
const pulse = 2000;
/**
 * Milliseconds without an answer after which a connection is dropped, also while it is being made: a server that is frozen or out of
 * reach doesn't close it, and another may have taken over.
 */
const socketTimeout = 2000;

/** The channel over Redis or Valkey publish/subscribe. It has two connections, because a subscribed one can't publish. */
export class RedisChannel extends ReplicaChannel {
  readonly #logger = new Logger(RedisChannel.name);
  readonly #prefix: string;
  readonly #publisher: Redis;
  readonly #subscriber: Redis;
  readonly #listeners = new Map<string, readonly ReplicaListener[]>();
  readonly #pending = new Set<Promise<unknown>>();
  readonly #pulse: NodeJS.Timeout;
  #isListening = false;
  #isClosing = false;

  /** Connects in the background: a process starts without Redis too. @param deployment one of those that share it. */
  constructor(settings: RedisSettings, deployment: string) {
    super();
    this.#prefix = `vestibule:${deployment}:`;
    const options = {
      connectTimeout,
      socketTimeout,
      maxRetriesPerRequest: null,
      retryStrategy: (attempt: number) => Math.min(attempt * 50, longestDelay),
    };
    this.#publisher = openRedis(settings, { ...options, enableOfflineQueue: false });
    // We subscribe ourselves: SQL may be read only once the subscription is active, otherwise messages between the two would be
    // lost.
    this.#subscriber = openRedis(settings, { ...options, autoResubscribe: false });
    for (const connection of [this.#publisher, this.#subscriber]) {
      connection.on('error', (error: unknown) => {
        this.#logger.debug('Redis cannot be reached', { reason: 'redis_unreachable', err: error });
      });
    }
    this.#subscriber.on('ready', () => void this.#listen());
    this.#subscriber.on('close', () => {
      this.#isListening = false;
      this.#logger[this.#isClosing ? 'debug' : 'warn']('Redis is gone', { reason: 'redis_unreachable' });
    });
    this.#subscriber.on('message', (channel: string, text: string) => this.#hear(channel, text));
    this.#pulse = setInterval(() => [this.#publisher, this.#subscriber].forEach(ping), pulse).unref();
  }

  override get state(): 'connected' | 'disconnected' {
    return this.#publisher.status === 'ready' && this.#isListening ? 'connected' : 'disconnected';
  }

  publish(topic: ReplicaTopic, message: unknown): void {
    const sending = this.#publisher
      .publish(this.#prefix + topic, JSON.stringify(message))
      .catch((error: unknown) => {
        this.#logger.warn('the other replicas will read it in the database', {
          reason: 'redis_unreachable',
          err: error,
        });
      })
      .finally(() => this.#pending.delete(sending));
    this.#pending.add(sending);
  }

  subscribe(topic: ReplicaTopic, listener: ReplicaListener): void {
    const channel = this.#prefix + topic;
    this.#listeners.set(channel, [...(this.#listeners.get(channel) ?? []), listener]);
    if (this.#subscriber.status === 'ready') {
      void this.#listen();
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#pulse);
    const deadline = delay(closeTimeout, undefined, { ref: false });
    await Promise.race([Promise.all(this.#pending), deadline]);
    this.#publisher.disconnect();
    this.#subscriber.disconnect();
  }

  /** Subscribes to the topics of all listeners, then has the listeners read SQL. */
  async #listen(): Promise<void> {
    try {
      if (this.#listeners.size > 0) {
        await this.#subscriber.subscribe(...this.#listeners.keys());
      }
      this.#isListening = true;
      this.#logger.log('Redis is connected');
      [...this.#listeners.values()].flat().forEach((listener) => listener.onReconnect());
    } catch (error) {
      this.#logger.warn('Redis refused a subscription', { reason: 'redis_unreachable', err: error });
    }
  }

  #hear(channel: string, text: string): void {
    try {
      const message: unknown = JSON.parse(text);
      this.#listeners.get(channel)?.forEach((listener) => listener.onMessage(message));
    } catch (error) {
      this.#logger.warn('another replica said what cannot be read', {
        reason: 'redis_message_unreadable',
        err: error,
      });
    }
  }
}

/** Asks for a sign of life, so that a connection on which nothing else is sent is dropped too. */
function ping(connection: Redis): void {
  if (connection.status === 'ready') {
    connection.ping().catch(() => undefined);
  }
}
