import type { Claims } from './claims.schema.js';
import type { MintedSession } from './session.minter.js';

/** Port: makes a new token for a session whose token is over. Implemented where the provider is known. */
export abstract class SessionRenewer {
  /**
   * @param claims of the verified, expired token.
   * @throws {Problem} `unauthenticated` when the session is over, `provider_unavailable` when nobody can tell.
   */
  abstract renew(claims: Claims): Promise<MintedSession>;
}
