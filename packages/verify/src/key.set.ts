import {
  type CryptoKey,
  type JSONWebKeySet,
  type JWSHeaderParameters,
  createLocalJWKSet,
  errors,
} from 'jose';
import { AuthError } from './auth.error.js';
import { askGateway, endsWithRequest } from './gateway.answer.js';

/** Seconds after which keys that are in use are read again, beside requests: a key that the gateway withdrew goes within this time. */
const refreshAfter = 50;
/** Seconds without an attempt to read them after which a request waits for one: the service was idle meanwhile. */
const idleAfter = 2 * refreshAfter;
/** Seconds for which keys are used although they couldn't be read again. */
const usableFor = 3600;
/** Least seconds between two attempts while the gateway doesn't answer. */
const retryAfter = 1;

export interface KeySetOptions {
  readonly uri: string;
  /** Seconds in which unknown key ids cause two readings at most: a gateway may change its key twice at once. */
  readonly cooldown: number;
  readonly fetch: typeof fetch;
}

/** The gateway's public keys, read when a token needs them, and kept. */
export class KeySet {
  readonly #options: KeySetOptions;
  #find: ReturnType<typeof createLocalJWKSet> | undefined;
  #ids: ReadonlySet<unknown> = new Set();
  #readAt = Number.NEGATIVE_INFINITY;
  #failedAt = Number.NEGATIVE_INFINITY;
  /** When the last reading began. */
  #triedAt = Number.NEGATIVE_INFINITY;
  /** When the last two readings because of unknown key ids were done. */
  #searchedAt: readonly [number, number] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  #reading: Promise<void> | undefined;
  /** A reading for which every request waits. */
  #awaited: Promise<void> | undefined;

  constructor(options: KeySetOptions) {
    this.#options = options;
  }

  /**
   * The key that a token's header names.
   * @throws {AuthError} `keys_unavailable`, or `unauthenticated` for a key that isn't the gateway's.
   */
  async find(header: JWSHeaderParameters): Promise<CryptoKey> {
    if (typeof header.kid !== 'string' || header.kid.length > 128) {
      throw new AuthError('unauthenticated', { reason: 'token_key_unknown' });
    }
    const asked = now();
    await this.#ensureUsable();
    // A reading that began before may have been too early for this key.
    while (!this.#ids.has(header.kid) && this.#maySearch(asked)) {
      await this.#search();
    }
    if (this.#find === undefined) {
      throw unavailable();
    }
    try {
      return await this.#find(header);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) {
        throw new AuthError('unauthenticated', { reason: 'token_key_unknown', cause: error });
      }
      throw error;
    }
  }

  /**
   * Whether a key that verified a token before is still the gateway's. Keys that are old are read again, beside the request; where a
   * request has to wait for that, it is false.
   */
  has(kid: string): boolean {
    const age = now() - this.#readAt;
    if (age > refreshAfter) {
      if (this.#mustWait()) {
        return false;
      }
      this.#read().catch(() => undefined);
    }
    return age <= usableFor && this.#ids.has(kid);
  }

  async #ensureUsable(): Promise<void> {
    const age = now() - this.#readAt;
    if (age > usableFor) {
      await this.#read();
    } else if (age > refreshAfter) {
      if (this.#mustWait()) {
        await this.#readInTurn().catch(() => undefined);
      } else {
        this.#read().catch(() => undefined);
      }
    }
  }

  /** Reads the keys for all requests that come meanwhile; on a runtime where that can't be, for this one. */
  async #readInTurn(): Promise<void> {
    if (endsWithRequest) {
      return this.#read();
    }
    this.#awaited ??= this.#read().finally(() => {
      this.#awaited = undefined;
    });
    return this.#awaited;
  }

  /** Whether a reading is waited for that may bring a key: what strangers make up must not become traffic. */
  #maySearch(asked: number): boolean {
    const isCool = now() - this.#searchedAt[0] >= this.#options.cooldown;
    return this.#reading !== undefined || (this.#triedAt < asked && isCool);
  }

  async #search(): Promise<void> {
    const isOwn = this.#reading === undefined;
    await this.#read();
    if (isOwn) {
      this.#searchedAt = [this.#searchedAt[1], now()];
    }
  }

  #mustWait(): boolean {
    return endsWithRequest || this.#awaited !== undefined || now() - this.#triedAt > idleAfter;
  }

  /** Reads the keys, once at a time. @throws {AuthError} `keys_unavailable`; those that are known stay. */
  async #read(): Promise<void> {
    if (now() - this.#failedAt < retryAfter) {
      throw unavailable();
    }
    if (endsWithRequest) {
      return this.#fetch();
    }
    this.#reading ??= this.#fetch().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #fetch(): Promise<void> {
    const { uri, fetch } = this.#options;
    this.#triedAt = now();
    try {
      const accept = 'application/jwk-set+json, application/json';
      const { status, text } = await askGateway(fetch, uri, { headers: { accept } });
      if (status !== 200) {
        throw new TypeError(`${uri} answered ${status}`);
      }
      const keys: JSONWebKeySet = JSON.parse(text);
      this.#find = createLocalJWKSet(keys);
      this.#ids = new Set(keys.keys.map(({ kid }) => kid));
      this.#readAt = now();
    } catch (error) {
      this.#failedAt = now();
      throw unavailable(uri, error);
    }
  }
}

function unavailable(uri?: string, cause?: unknown): AuthError {
  return new AuthError('keys_unavailable', {
    reason: uri === undefined ? 'keys_unreachable_just_now' : 'keys_unreachable',
    headers: { 'retry-after': String(retryAfter) },
    cause,
  });
}

/** Seconds of a clock that isn't set. */
function now(): number {
  return performance.now() / 1000;
}
