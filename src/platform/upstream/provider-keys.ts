import {
  type JWSHeaderParameters,
  type JWTVerifyGetKey,
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
} from 'jose';
import { inTime } from '../time/deadline.js';
import { Problem } from '../errors/problem.error.js';
import { libraryTimeout, unavailable, vendorTimeout } from './vendor-call.js';
import type { Fetch } from './upstream-calls.js';
import { wholeAnswer } from './whole-answer.js';

/** Algorithms with a public key. A provider's tokens may be signed with these alone: neither `none` nor HMAC. */
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
/** Milliseconds for which known keys stay valid while the provider can't be reached. */
const staleFor = 86_400_000;
/**
 * Maximum tokens of callers that wait for the next fetch. Further ones are refused at once, so that invented key ids pile up no
 * requests.
 */
const longestLine = 100;

/**
 * A provider's signing keys: cached, refreshed every ten minutes and for an unknown key id, and valid for a day while they can't
 * be fetched.
 *
 * A provider may rotate its keys at any time, so an unknown key id causes another fetch (OpenID Connect Core section 10.1.1).
 * There is at most one in five seconds, however many unknown ids there are. A token that comes before those five seconds have
 * passed waits for the next fetch: a new key is no reason to refuse it.
 */
export class ProviderKeys {
  readonly #set: ReturnType<typeof createRemoteJWKSet>;
  /** Milliseconds on the monotonic clock. */
  #fetchedAt: number | undefined;
  #attemptedAt: number | undefined;
  /** The fetch after the five seconds have passed; all waiting callers share it. */
  #next: Promise<void> | undefined;
  #waiting = 0;
  /** Whether the last fetch was for a key id that isn't published: until the next fetch, other unknown ids don't wait. */
  #searchedInVain = false;

  /** @param call makes the requests. */
  constructor(
    jwksUri: string,
    private readonly call: Fetch = fetch,
  ) {
    this.#set = createRemoteJWKSet(new URL(jwksUri), {
      // Unknown key ids are looked up here, not by jose, which would refuse them during its cool-down.
      cooldownDuration: Number.POSITIVE_INFINITY,
      cacheMaxAge: staleFor,
      timeoutDuration: libraryTimeout,
      [customFetch]: (url, options) => this.#fetch(url, options),
    });
  }

  /** When the keys were last asked for, in milliseconds on the monotonic clock. */
  get attemptedAt(): number {
    return this.#attemptedAt ?? Number.NEGATIVE_INFINITY;
  }

  /** Finds a key: for jose's verify functions, and for tokens from any caller. */
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
   * Verifies a token that the provider itself has just issued to us, with any published key. If none matches, the keys are
   * fetched again, however long that takes. Then it's verified once more.
   */
  async verifyOwn<T>(verify: (find: JWTVerifyGetKey) => Promise<T>): Promise<T> {
    await this.#refresh();
    // A running fetch may have begun before the key was published: only the one after it decides.
    const fetches = [...(this.#set.reloading ? [() => this.#set.reload()] : []), () => this.#fetchAgain()];
    for (const fetchKeys of fetches) {
      try {
        return await this.#verifyWithAny(verify);
      } catch (error) {
        if (!isOfUnknownKey(error)) {
          throw error;
        }
        await fetchKeys();
      }
    }
    return this.#verifyWithAny(verify);
  }

  /**
   * Verifies a token with the key of its key id, else with each of the others. Hydra 2.3 states the id of the key at the
   * authorization but signs at the exchange, so after a rotation between the two the id is another key's.
   */
  async #verifyWithAny<T>(verify: (find: JWTVerifyGetKey) => Promise<T>): Promise<T> {
    let failure: unknown;
    for (const find of this.#finders()) {
      try {
        return await verify(find);
      } catch (error) {
        // Another key that is of no use, such as one that is too short, is no reason to refuse the token.
        if (find === this.#set ? !isOfUnknownKey(error) : isOfClaims(error)) {
          throw error;
        }
        failure ??= error;
      }
    }
    throw failure;
  }

  *#finders(): Generator<JWTVerifyGetKey> {
    yield this.#set;
    for (const key of this.#set.jwks()?.keys ?? []) {
      const find = createLocalJWKSet({ keys: [{ ...key, kid: '' }] });
      yield async (header, token) => find({ ...header, kid: '' }, token);
    }
  }

  /** Fetches keys that are ten minutes old. @returns whether it did. */
  async #refresh(): Promise<boolean> {
    if (!isOlderThan(this.#fetchedAt, refreshAfter) || this.#coolsDown()) {
      return false;
    }
    // If the refresh fails, it is tried again at the next need; known keys stay valid until then.
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

  /** Fetches the key set as soon as the cool-down allows. @returns when a fetch that begins after this call is done. */
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

  /**
   * Whether the cool-down lasts. jose has one only after a successful fetch; a provider that is down must not get a
   * request per token either.
   */
  #coolsDown(): boolean {
    return this.#restOfCooldown() > 0;
  }

  /** The rest of the cool-down in milliseconds. */
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
      wholeAnswer(await this.call(url, { ...options, signal })),
    );
    if (answer.ok) {
      this.#fetchedAt = performance.now();
    }
    return answer;
  }
}

/** The problem of an error of jose's: keys that can't be fetched are the provider's failure, all else is the token's. */
export function keyProblem<T extends Error>(error: unknown, otherwise: T): Problem | T {
  if (error instanceof Problem) {
    return error;
  }
  return error instanceof errors.JOSEError &&
    error.code !== 'ERR_JWKS_TIMEOUT' &&
    error.code !== 'ERR_JOSE_GENERIC'
    ? otherwise
    : unavailable('provider_keys_unreachable', error);
}

/** Whether a token may be signed with a key that isn't fetched yet; that key may have a known id, if a provider reuses ids. */
function isOfUnknownKey(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed;
}

/** Whether a token's signature is valid, but not what it says. */
function isOfClaims(error: unknown): boolean {
  return error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired;
}

/** Whether a time is longer ago than this; false if it hasn't happened. */
function isOlderThan(moment: number | undefined, milliseconds: number): boolean {
  return moment !== undefined && performance.now() - moment > milliseconds;
}
