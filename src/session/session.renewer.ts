import type { Claims } from './claims.schema.js';
import type { MintedSession } from './session.minter.js';
import type { RequestUse } from './used.from.js';

/**
 * What became of a renewal: confirmed by the provider; let pass while the provider is away; refused, because the session is over; or
 * failed.
 */
export type RenewalOutcome = 'confirmed' | 'grace' | 'refused' | 'failed';

/** Port: makes new tokens for sessions. Implemented where the provider is known. */
export abstract class SessionRenewer {
  /** How many renewals of this process ended how. */
  readonly outcomes: Record<RenewalOutcome, number> = { confirmed: 0, grace: 0, refused: 0, failed: 0 };

  /**
   * A newer token than the one with these claims; requests that ask at the same time, or shortly after, share one.
   * @param claims of a verified token that is over or stale.
   * @throws {Problem} `unauthenticated` when the session is over, `provider_unavailable` or `database_unavailable` when
   *   nobody can tell.
   */
  abstract renew(claims: Claims, from: RequestUse): Promise<MintedSession>;

  /**
   * The same for a token that is near its end and still good: nobody waits for long or fails because of it.
   * @returns nothing when there is no newer token within a moment.
   * @throws {Problem} `unauthenticated` when the session is over.
   */
  abstract renewAhead(claims: Claims, from: RequestUse): Promise<MintedSession | undefined>;
}
