import type { User } from '../users/identity.js';
import type { Claims } from './claims.schema.js';

/** `client_id` of whatever comes from an API key: a key isn't an OAuth client. */
export const apiKeyClientId = 'api-key';

/** Port: whose an API key is. Implemented in the api-keys module. */
export abstract class KeyAuthenticator {
  /**
   * @param key as the caller sent it.
   * @returns the user that the key acts as, and claims as a token of theirs would have them; `sid` is the key's id.
   * @throws {Problem} `unauthenticated`
   */
  abstract authenticate(key: string): Promise<{ readonly user: User; readonly claims: Claims }>;
}
