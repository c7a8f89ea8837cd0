import type { User } from '../../directory/users/identity.js';
import type { Claims } from '../tokens/claims.schema.js';

/** The `client_id` of all tokens that come from an API key: a key isn't an OAuth client. */
export const apiKeyClientId = 'api-key';

/** A valid API key, and its subject. */
export interface AuthenticatedKey {
  /** The user that the key acts as. */
  readonly user: User;
  /** The claims that a token of this user would have; `sid` is the key's id. */
  readonly claims: Claims;
  /** End of the key in seconds since the epoch, infinity if it has none: no token made from it lives longer. */
  readonly expiresAt: number;
  /** Whether the key acts only in the organisation of its claims. */
  readonly staysInOrg: boolean;
}

/** Port: finds the subject of an API key. Implemented in the api-keys module. */
export abstract class KeyAuthenticator {
  /** The number of keys that are cached in memory. */
  abstract get size(): number;

  /**
   * Authenticates an API key.
   * @param key as the caller sent it.
   * @param options.anew reads the key and its owner again, even if they were read a moment ago.
   * @returns synchronously when the key was read a moment ago.
   * @throws {Problem} `unauthenticated`
   */
  abstract authenticate(
    key: string,
    options?: { readonly anew?: boolean },
  ): AuthenticatedKey | Promise<AuthenticatedKey>;
}
