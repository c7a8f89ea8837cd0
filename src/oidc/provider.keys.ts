import {
  type JWSHeaderParameters,
  type JWTVerifyGetKey,
  createRemoteJWKSet,
  customFetch,
  errors,
} from 'jose';
import { inTime } from '../core/deadline.js';
import { Problem } from '../core/problem.error.js';
import { libraryTimeout, unavailable, vendorTimeout } from '../core/vendor.call.js';
import { wholeAnswer } from './whole.answer.js';

/** Algorithms with a public key, which is all that a provider's tokens may be signed with: neither `none` nor HMAC. */
export const signatureAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

/** Milliseconds between two fetches that unknown key ids may cause. */
const cooldown = 5000;
/** Milliseconds after which keys are fetched again when they're next needed. */
const refreshAfter = 600_000;
/** Milliseconds for which known keys hold while the provider can't be reached. */
const staleFor = 86_400_000;
/** Tokens of callers that wait for the next fetch; more are refused at once, so that made-up key ids pile up no requests. */
const longestLine = 100;

/**
 * A provider's signing keys: kept, refreshed every ten minutes and for an unknown key id, and good for a day while they
 * can't be fetched.
 *
 * A provider may rotate its keys at any moment, so an unknown key id makes the key set be fetched once more (OpenID Connect
 * Core section 10.1.1), at most once in five seconds however many there are. A token that comes before those five seconds
 * are up waits for the next fetch: to be new is no reason to be refused.
 */
export class ProviderKeys {
  readonly #set: ReturnType<typeof createRemoteJWKSet>;
  /** Milliseconds on the monotonic clock. */
  #fetchedAt: number | undefined;
  #attemptedAt: number | undefined;
  /** The fetch that comes when the five seconds are up; everyone who waits shares it. */
  #next: Promise<void> | undefined;
  #waiting = 0;
  /** Whether the last fetch was for a key id that isn't published: until the next one, others like it aren't waited for. */
  #searchedInVain = false;

  constructor(jwksUri: string) {
    this.#set = createRemoteJWKSet(new URL(jwksUri), {
      // Unknown key ids are looked for here, not by jose: it would refuse them while it cools down.
      cooldownDuration: Number.POSITIVE_INFINITY,
      cacheMaxAge: staleFor,
      timeoutDuration: libraryTimeout,
      [customFetch]: (url, options) => this.#fetch(url, options),
    });
  }

  /** For jose's verify functions, and for tokens that anyone may bring. */
  readonly find: JWTVerifyGetKey = async (header: JWSHeaderParameters, token) => {
    const isRefreshed = await this.#refresh();
    try {
      return await this.#set(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) {
        throw error;
      }
      if (isRefreshed || !this.#maySearch()) {
        this.#searchedInVain ||= isRefreshed;
        throw error;
      }
    }
    await this.#search();
    try {
      return await this.#set(header, token);
    } catch (error) {
      this.#searchedInVain ||= error instanceof errors.JWKSNoMatchingKey;
      throw error;
    }
  };

  /**
   * Verifies a token that the provider itself has just given us. When its key isn't known, or its signature isn't right with
   * the key that is, it's verified once more with the keys that are published then, however long that takes.
   */
  async verifyOwn<T>(verify: (find: JWTVerifyGetKey) => Promise<T>): Promise<T> {
    await this.#refresh();
    // A fetch that is under way may have begun before the key was published: only the one after it decides.
    const fetches = [...(this.#set.reloading ? [() => this.#set.reload()] : []), () => this.#fetchAgain()];
    for (const fetchKeys of fetches) {
      try {
        return await verify(this.#set);
      } catch (error) {
        if (!isOfUnknownKey(error)) {
          throw error;
        }
        await fetchKeys();
      }
    }
    return verify(this.#set);
  }

  /** Fetches keys that are ten minutes old. @returns whether it did. */
  async #refresh(): Promise<boolean> {
    if (!isOlderThan(this.#fetchedAt, refreshAfter) || this.#coolsDown()) {
      return false;
    }
    // What can't be refreshed now is tried again at the next need; known keys hold until then.
    return this.#set.reload().then(
      () => true,
      () => false,
    );
  }

  /** Whether a caller's token with an unknown key id may wait for the next fetch. */
  #maySearch(): boolean {
    return (
      this.#set.reloading || !this.#coolsDown() || (!this.#searchedInVain && this.#waiting < longestLine)
    );
  }

  /** Waits for a fetch that may bring an unknown key. */
  async #search(): Promise<void> {
    this.#waiting += 1;
    try {
      await (this.#set.reloading ? this.#set.reload() : this.#fetchAgain());
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Fetches the key set as soon as it may be asked for. @returns when a fetch that begins after this call is done. */
  async #fetchAgain(): Promise<void> {
    if (!this.#coolsDown()) {
      return this.#set.reload();
    }
    this.#next ??= this.#fetchWhenCool();
    return this.#next;
  }

  async #fetchWhenCool(): Promise<void> {
    for (let rest = this.#restOfCooldown(); rest > 0; rest = this.#restOfCooldown()) {
      await new Promise((resolve) => {
        setTimeout(resolve, Math.ceil(rest));
      });
    }
    this.#next = undefined;
    await this.#set.reload();
  }

  /** jose waits after a successful fetch only; a provider that's down must not be asked for each token either. */
  #coolsDown(): boolean {
    return this.#restOfCooldown() > 0;
  }

  /** Milliseconds. */
  #restOfCooldown(): number {
    return this.#attemptedAt === undefined ? 0 : this.#attemptedAt + cooldown - performance.now();
  }

  async #fetch(url: string, options: RequestInit): Promise<Response> {
    if (this.#fetchedAt !== undefined && this.#coolsDown()) {
      throw new Error('the key set was asked for moments ago');
    }
    this.#attemptedAt = performance.now();
    this.#searchedInVain = false;
    const answer = await inTime(vendorTimeout, async (signal) =>
      wholeAnswer(await fetch(url, { ...options, signal })),
    );
    if (answer.ok) {
      this.#fetchedAt = performance.now();
    }
    return answer;
  }
}

/** Keys that can't be fetched are the provider's failure; everything else that jose finds is the token's. */
export function keyProblem(error: unknown, otherwise: Problem): Problem {
  if (error instanceof Problem) {
    return error;
  }
  return error instanceof errors.JOSEError &&
    error.code !== 'ERR_JWKS_TIMEOUT' &&
    error.code !== 'ERR_JOSE_GENERIC'
    ? otherwise
    : unavailable('provider_keys_unreachable', error);
}

/** Whether a token may be signed with a key that isn't fetched yet; one under a known id is, where a provider uses ids again. */
function isOfUnknownKey(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed;
}

/** False for a moment that hasn't been yet. */
function isOlderThan(moment: number | undefined, milliseconds: number): boolean {
  return moment !== undefined && performance.now() - moment > milliseconds;
}
