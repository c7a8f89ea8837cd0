import type { Claims } from './tokens/claims.schema.js';
import type { MintedSession } from './session-minter.js';
import type { ClientInfo } from '../platform/http/client-info.js';

/**
 * The outcome of a renewal: confirmed by the provider; allowed while the provider is unavailable; refused, because the
 * session has ended; or failed.
 */
export type RenewalOutcome = 'confirmed' | 'grace' | 'refused' | 'failed';

/** The token that a renewal replaces, or a session that has none for this audience yet. */
export type Renewable = Pick<Claims, 'sid' | 'sub' | 'aud'> & Partial<Pick<Claims, 'jti'>>;

/** Port: makes new tokens for sessions. Implemented where the provider is known. */
export abstract class SessionRenewer {
  /** The number of renewals of this process, by outcome. */
  readonly outcomes: Record<RenewalOutcome, number> = { confirmed: 0, grace: 0, refused: 0, failed: 0 };

  /**
   * Mints a newer token than the one with these claims, which nothing outdates that this process has heard of. Requests at the same time,
   * or shortly after, share one renewal.
   * @param claims of a verified token that is expired or outdated; or a session, for its first token for an audience.
   * @throws {Problem} `unauthenticated` when the session has ended, `provider_unavailable` or `database_unavailable` when
   *   that can't be determined.
   */
  abstract renew(claims: Renewable, client: ClientInfo): Promise<MintedSession>;

  /**
   * The same for a token that is near its end and still valid: no request waits long or fails because of it.
   * @returns nothing when there is no newer token within a moment.
   * @throws {Problem} `unauthenticated` when the session has ended.
   */
  abstract renewAhead(claims: Claims, client: ClientInfo): Promise<MintedSession | undefined>;
}
