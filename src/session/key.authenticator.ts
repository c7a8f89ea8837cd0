import type { User } from '../users/identity.js';
import type { Claims } from './claims.schema.js';

/** `client_id` of whatever comes from an API key: a key isn't an OAuth client. */
export const apiKeyClientId = 'api-key';

/** An API key that is good, and whose it is. */
export interface AuthenticatedKey {
  /** Whom it acts as. */
  readonly user: User;
  /** As a token of theirs would have them; `sid` is the key's id. */
  readonly claims: Claims;
  /** End of the key in seconds since the epoch, infinity without one: no token made from it lives longer. */
  readonly expiresAt: number;
  /** Whether it acts in the organisation of its claims alone. */
  readonly staysInOrg: boolean;
}

/** Port: whose an API key is. Implemented in the api-keys module. */
export abstract class KeyAuthenticator {
  /** How many keys are known in memory. */
  abstract get size(): number;

  /**
   * @param key as the caller sent it.
   * @param options.anew reads the key and its owner even if they were read a moment ago.
   * @returns at once when the key was read a moment ago.
   * @throws {Problem} `unauthenticated`
   */
  abstract authenticate(
    key: string,
    options?: { readonly anew?: boolean },
  ): AuthenticatedKey | Promise<AuthenticatedKey>;
}
