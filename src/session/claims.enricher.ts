import type { User } from '../users/identity.js';

/** Whose token is about to be minted. */
export interface EnrichedSubject {
  readonly user: User;
  readonly sessionId: string;
  readonly clientId: string;
  readonly scope: readonly string[];
}

/**
 * Port: claims that only the adopting application knows, asked at every mint (login, renewal, token exchange).
 * Replace it by handing a class of your own to `createApp`. Names must not be reserved; values are strings, numbers,
 * booleans or lists of strings. An error refuses the login or renewal.
 */
export abstract class ClaimsEnricher {
  abstract enrich(subject: EnrichedSubject): Promise<Readonly<Record<string, unknown>>>;
}

/** Adds nothing. */
export class NoExtraClaims extends ClaimsEnricher {
  async enrich(): Promise<Readonly<Record<string, unknown>>> {
    return {};
  }
}
