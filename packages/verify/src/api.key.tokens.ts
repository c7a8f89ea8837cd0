import { digestOf } from './api.key.js';
import { AuthError } from './auth.error.js';
import { BoundedMap } from './bounded.map.js';
import { type GatewayAnswer, askGateway, endsWithRequest } from './gateway.answer.js';
import { RequestLine } from './request.line.js';

/** Exchanges at a time, and how many requests with unknown keys may wait for theirs. */
const [exchangesAtOnce, longestLine] = [16, 64];
/** Part of its life, and most seconds, before its end at which a token is exchanged anew. */
const [lastPart, lastSeconds] = [0.1, 30];
/** Refused keys that are remembered. */
const mostRefused = 10_000;
/** Seconds for which a key is refused whose new token isn't accepted here. */
const notAcceptedFor = 1;
/**
 * How many unknown keys may be refused until others have to wait, and seconds after which one more may. With those that are on their way,
 * it is less than the 100 in ten minutes after which the gateway answers no exchange from this address, known keys neither.
 */
const [mostRefusals, forgivenAfter] = [30, 12];
/** Least and most seconds without an exchange after the gateway couldn't answer one. */
const [shortestPause, longestPause] = [1, 60];

export interface ApiKeyTokensOptions {
  /** The gateway's token endpoint. */
  readonly uri: string;
  /** Seconds for which a refused key isn't exchanged again. */
  readonly cooldown: number;
  /** Keys whose tokens are remembered. */
  readonly remembered: number;
  readonly fetch: typeof fetch;
}

/** A key's token, and whether this request had the key exchanged; or why there is none. */
export type KeyToken =
  | { readonly token: string; readonly isNew: boolean }
  | { readonly token: undefined; readonly reason: string };

/** Times are seconds of a clock that isn't set. */
interface Held {
  readonly token: string;
  readonly renewAt: number;
  readonly until: number;
}

interface Refused {
  readonly reason: string;
  readonly until: number;
}

/** The tokens for which the gateway exchanged API keys, remembered by the keys' digests. */
export class ApiKeyTokens {
  readonly #options: ApiKeyTokensOptions;
  readonly #held: BoundedMap<Held>;
  readonly #refused = new BoundedMap<Refused>(mostRefused);
  readonly #exchanging = new Map<string, Promise<KeyToken>>();
  readonly #line = new RequestLine(exchangesAtOnce, longestLine);
  #pause: { readonly reason: string; readonly until: number } | undefined;
  #refusals = 0;
  #forgivenAt = 0;

  constructor(options: ApiKeyTokensOptions) {
    this.#options = options;
    this.#held = new BoundedMap(options.remembered);
  }

  /**
   * The token of a key: the remembered one, or one for which it is exchanged now.
   * @param outdated a token of this key that isn't accepted any more.
   * @throws {AuthError} `keys_unavailable`; those that are remembered stay.
   */
  async find(key: string, outdated?: string): Promise<KeyToken> {
    const digest = await digestOf(key);
    const refused = this.#refused.get(digest);
    if (refused !== undefined && now() < refused.until) {
      return { token: undefined, reason: refused.reason };
    }
    const held = this.#held.get(digest);
    if (held === undefined || held.token === outdated || now() >= held.until) {
      return this.#exchangeOnce(digest, key);
    }
    if (now() >= held.renewAt && !endsWithRequest) {
      // Beside the request: this token is still good.
      this.#exchangeOnce(digest, key).catch(() => undefined);
    }
    return { token: held.token, isNew: false };
  }

  /** Refuses a key for a moment: the new token that it was exchanged for isn't accepted. */
  async refuse(key: string, reason: string): Promise<void> {
    this.#refused.set(await digestOf(key), { reason, until: now() + notAcceptedFor });
  }

  /** Exchanges a key, once for all who come meanwhile; on a runtime where that can't be, for this one. */
  async #exchangeOnce(digest: string, key: string): Promise<KeyToken> {
    if (endsWithRequest) {
      return this.#exchange(digest, key);
    }
    const running = this.#exchanging.get(digest);
    if (running !== undefined) {
      const found = await running;
      return found.token === undefined ? found : { ...found, isNew: false };
    }
    const exchanging = this.#exchange(digest, key).finally(() => this.#exchanging.delete(digest));
    this.#exchanging.set(digest, exchanging);
    return exchanging;
  }

  async #exchange(digest: string, key: string): Promise<KeyToken> {
    const isKnown = this.#held.has(digest);
    this.#requireOpen(isKnown);
    if (!endsWithRequest && !(await this.#line.enter(isKnown))) {
      throw unavailable('exchanges_full', shortestPause);
    }
    try {
      // The turn may have come late.
      this.#requireOpen(isKnown);
      const askedAt = now();
      return this.#remember(digest, askedAt, isKnown, await this.#ask(key));
    } finally {
      if (!endsWithRequest) {
        this.#line.leave();
      }
    }
  }

  /** @throws {AuthError} while there are to be no exchanges, or none of unknown keys. */
  #requireOpen(isKnown: boolean): void {
    if (this.#pause !== undefined && now() < this.#pause.until) {
      throw unavailable(this.#pause.reason, this.#pause.until - now());
    }
    this.#refusals = Math.max(0, this.#refusals - (now() - this.#forgivenAt) / forgivenAfter);
    this.#forgivenAt = now();
    if (!isKnown && this.#refusals >= mostRefusals) {
      throw unavailable('exchanges_refused', forgivenAfter);
    }
  }

  /** RFC 8693 section 2.1. */
  async #ask(key: string): Promise<GatewayAnswer> {
    const { uri, fetch } = this.#options;
    try {
      return await askGateway(fetch, uri, {
        method: 'POST',
        headers: { accept: 'application/json' },
        body: new URLSearchParams({
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token_type: 'urn:vestibule:params:oauth:token-type:api_key',
          subject_token: key,
        }),
      });
    } catch (error) {
      throw this.#pauseFor(shortestPause, 'exchange_unreachable', error);
    }
  }

  #remember(digest: string, askedAt: number, isKnown: boolean, answer: GatewayAnswer): KeyToken {
    const { access_token: token, expires_in: life, error } = membersOf(answer.text);
    if (answer.status === 200 && typeof token === 'string' && typeof life === 'number') {
      const until = askedAt + life;
      this.#held.set(digest, { token, renewAt: until - Math.min(lastSeconds, lastPart * life), until });
      return { token, isNew: true };
    }
    // RFC 8693 section 2.2.2: a subject token that isn't accepted, for whatever reason.
    if (answer.status === 400 && error === 'invalid_request') {
      const reason = 'api_key_refused';
      this.#held.delete(digest);
      this.#refused.set(digest, { reason, until: now() + this.#options.cooldown });
      this.#refusals += isKnown ? 0 : 1;
      return { token: undefined, reason };
    }
    if (answer.status === 429) {
      throw this.#pauseFor(Number(answer.headers.get('retry-after')), 'exchange_rate_limited');
    }
    const cause = new TypeError(`${this.#options.uri} answered ${answer.status}`);
    throw this.#pauseFor(shortestPause, 'exchange_unreachable', cause);
  }

  #pauseFor(seconds: number, reason: string, cause?: unknown): AuthError {
    const length = Math.min(Math.max(seconds || 0, shortestPause), longestPause);
    this.#pause = { reason, until: now() + length };
    return unavailable(reason, length, cause);
  }
}

function membersOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return { ...Object(value) };
  } catch {
    return {};
  }
}

function unavailable(reason: string, seconds: number, cause?: unknown): AuthError {
  return new AuthError('keys_unavailable', {
    reason,
    headers: { 'retry-after': String(Math.ceil(seconds)) },
    cause,
  });
}

/** Seconds of a clock that isn't set. */
function now(): number {
  return performance.now() / 1000;
}
