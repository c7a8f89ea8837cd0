import {
  type JWSHeaderParameters,
  type JWTVerifyGetKey,
  createRemoteJWKSet,
  customFetch,
  errors,
} from 'jose';
import { Problem } from '../core/problem.error.js';
import { unavailable, vendorTimeout } from '../core/vendor.call.js';

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
];

/** Milliseconds between two fetches that unknown key ids may cause. */
const cooldown = 30_000;
/** Milliseconds after which keys are fetched again when they're next needed. */
const refreshAfter = 600_000;
/** Milliseconds for which known keys hold while the provider can't be reached. */
const staleFor = 86_400_000;

/**
 * A provider's signing keys: kept, refreshed every ten minutes and for an unknown key id (once in 30 seconds at most),
 * and good for a day while they can't be fetched.
 */
export class ProviderKeys {
  readonly #set: ReturnType<typeof createRemoteJWKSet>;
  /** Milliseconds on the monotonic clock. */
  #fetchedAt: number | undefined;
  #attemptedAt: number | undefined;

  constructor(jwksUri: string) {
    this.#set = createRemoteJWKSet(new URL(jwksUri), {
      cooldownDuration: cooldown,
      cacheMaxAge: staleFor,
      timeoutDuration: vendorTimeout,
      [customFetch]: (url, options) => this.#fetch(url, options),
    });
  }

  /** For jose's verify functions. */
  readonly find: JWTVerifyGetKey = async (header: JWSHeaderParameters, token) => {
    if (isOlderThan(this.#fetchedAt, refreshAfter) && !this.#coolsDown()) {
      // What can't be refreshed now is tried again at the next need; known keys hold until then.
      await this.#set.reload().catch(() => undefined);
    }
    return this.#set(header, token);
  };

  /** jose waits after a successful fetch only; a provider that's down must not be asked for each token either. */
  #coolsDown(): boolean {
    return this.#attemptedAt !== undefined && !isOlderThan(this.#attemptedAt, cooldown);
  }

  async #fetch(url: string, options: RequestInit): Promise<Response> {
    if (this.#fetchedAt !== undefined && this.#coolsDown()) {
      throw new Error('the key set was asked for moments ago');
    }
    this.#attemptedAt = performance.now();
    const answer = await fetch(url, options);
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

/** False for a moment that hasn't been yet. */
function isOlderThan(moment: number | undefined, milliseconds: number): boolean {
  return moment !== undefined && performance.now() - moment > milliseconds;
}
