import type { User } from '../../directory/users/identity.js';

/** The subject whose token is about to be minted. */
export interface EnrichedSubject {
  readonly user: User;
  readonly sessionId: string;
  readonly clientId: string;
  readonly scope: readonly string[];
}

/**
 * Port: adds claims that only the adopting application knows, at every mint (login, renewal, token exchange). To replace it, pass a
 * class of your own to `createApp`. Names must not be reserved; values are strings, numbers, booleans or lists of strings. An error
 * refuses the login or renewal.
 */
export abstract class ClaimsEnricher {
  abstract enrich(subject: EnrichedSubject): Promise<Readonly<Record<string, unknown>>>;
}

/** The default enricher, which adds nothing. */
export class NoExtraClaims extends ClaimsEnricher {
  async enrich(): Promise<Readonly<Record<string, unknown>>> {
    return {};
  }
}
