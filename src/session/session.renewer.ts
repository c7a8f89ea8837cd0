import type { Claims } from './tokens/claims.schema.js';
import type { MintedSession } from './session.minter.js';
import type { ClientInfo } from '../platform/http/client.info.js';

/**
 * The outcome of a renewal: confirmed by the provider; allowed while the provider is unavailable; refused, because the
 * session has ended; or failed.
 */
export type RenewalOutcome = 'confirmed' | 'grace' | 'refused' | 'failed';

/** Port: makes new tokens for sessions. Implemented where the provider is known. */
export abstract class SessionRenewer {
  /** The number of renewals of this process, by outcome. */
  readonly outcomes: Record<RenewalOutcome, number> = { confirmed: 0, grace: 0, refused: 0, failed: 0 };

  /**
   * Mints a newer token than the one with these claims. Requests at the same time, or shortly after, share one renewal.
   * @param claims of a verified token that is expired or outdated.
   * @throws {Problem} `unauthenticated` when the session has ended, `provider_unavailable` or `database_unavailable` when
   *   that can't be determined.
   */
  abstract renew(claims: Claims, client: ClientInfo): Promise<MintedSession>;

  /**
   * The same for a token that is near its end and still valid: no request waits long or fails because of it.
   * @returns nothing when there is no newer token within a moment.
   * @throws {Problem} `unauthenticated` when the session has ended.
   */
  abstract renewAhead(claims: Claims, client: ClientInfo): Promise<MintedSession | undefined>;
}
