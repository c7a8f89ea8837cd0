import { Injectable } from '@nestjs/common';
import type { Claims } from './claims.schema.js';

/** The subject or actor of a token exchange, and until when its token is valid. */
export interface ResolvedSubject {
  readonly claims: Claims;
  /** Seconds since the epoch; no token made from it lives longer. */
  readonly latest: number;
  /** Whether it was delegated only for the organisation of its claims. */
  readonly staysInOrg: boolean;
  /** What its token is, as the audit trail names it; undefined: what the request says. */
  readonly kind?: string;
  /** Takes back what was begun only for this exchange. */
  readonly discard?: () => Promise<void>;
}

/** A JWT that a caller wants to exchange. */
export interface OfferedToken {
  readonly token: string;
  /** `client_id` of the request. */
  readonly clientId: string | undefined;
}

/** Knows whom the JWTs of other issuers stand for. */
export interface ForeignTokenSource {
  /**
   * The subject of a JWT.
   * @returns nothing if the token doesn't claim to be of another issuer.
   * @throws {Problem} when it is refused; {OAuthError} when the request lacks something.
   */
  resolve(offered: OfferedToken): Promise<ResolvedSubject | undefined>;
}

/** The JWTs of other issuers that can be exchanged: none, unless a feature tells when the gateway starts whom they stand for. */
@Injectable()
export class ForeignTokens {
  #source: ForeignTokenSource | undefined;

  use(source: ForeignTokenSource): void {
    this.#source = source;
  }

  /** As {@link ForeignTokenSource} says it. */
  async resolve(offered: OfferedToken): Promise<ResolvedSubject | undefined> {
    return this.#source?.resolve(offered);
  }
}
