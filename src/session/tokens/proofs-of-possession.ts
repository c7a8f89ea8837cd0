import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../platform/errors/problem.error.js';
import type { Claims } from './claims.schema.js';

/** Verifies what shows that the sender of a request has the private key of its token. */
export interface ProofVerifier {
  /** The algorithms of proofs. */
  readonly algorithms: readonly string[];
  /** Whether tokens for an audience are bound to the key that their client proves. */
  binds(audience: string): boolean;
  /**
   * Thumbprint (RFC 7638) of the key that a token request proves; undefined if it proves none.
   * @param reply gets the nonce for the next proof.
   * @throws {OAuthError} `invalid_dpop_proof`, `use_dpop_nonce`
   */
  keyOf(request: FastifyRequest, reply: FastifyReply): Promise<string | undefined>;
  /** Requires that a request proves the key of its token. @param jkt the key's thumbprint. @throws {Problem} `unauthenticated` */
  require(request: FastifyRequest, token: string, jkt: string): Promise<void>;
}

/** Proofs that a client has the private key of its token (RFC 9449): none are verified, unless a feature does it. */
@Injectable()
export class ProofsOfPossession {
  #verifier: ProofVerifier | undefined;

  use(verifier: ProofVerifier): void {
    this.#verifier = verifier;
  }

  /** As {@link ProofVerifier.binds}. */
  binds(audience: string): boolean {
    return this.#verifier?.binds(audience) === true;
  }

  /** What metadata states where tokens for an audience may be bound. */
  metadataFor(audiences: readonly string[]): Readonly<Record<string, unknown>> {
    return audiences.some((audience) => this.binds(audience))
      ? { dpop_signing_alg_values_supported: this.#verifier?.algorithms }
      : {};
  }

  /** As {@link ProofVerifier.keyOf}. */
  async keyOf(request: FastifyRequest, reply: FastifyReply): Promise<string | undefined> {
    return this.#verifier?.keyOf(request, reply);
  }

  /** The claims that bind a token to a key (RFC 9449 section 6.1); none where its audience's services don't verify proofs. */
  claimsFor(audience: string, jkt: string | undefined): Pick<Claims, 'cnf'> {
    return jkt !== undefined && this.binds(audience) ? { cnf: { jkt } } : {};
  }

  /** Requires that a request proves the key of its token. @throws {Problem} `unauthenticated` */
  async require(request: FastifyRequest, token: string, { cnf }: Claims): Promise<void> {
    if (this.#verifier === undefined || cnf === undefined) {
      throw new Problem('unauthenticated', { reason: 'token_not_bound' });
    }
    await this.#verifier.require(request, token, cnf.jkt);
  }
}
