/** Who a provider says somebody is, after its answer has been verified. */
export interface ProviderIdentity {
  /** Who vouches for the subject; with `subject` the key of the identity. */
  readonly issuer: string;
  /** The provider's stable id of the person (OpenID Connect Core section 2, `sub`). */
  readonly subject: string;
  readonly email: string | null;
  readonly emailVerified: boolean;
  /** When that was last shown, in milliseconds since the epoch, where the provider tells. */
  readonly emailVerifiedAt?: number;
  /** Whether our own proxy sees each proof of the address: the provider's word alone makes none of an unproven one (docs/adr/0023). */
  readonly isProvenHere?: boolean;
  readonly name: string | null;
  /** URL of a picture. */
  readonly picture: string | null;
}

/** A local user, as tokens and answers carry it. */
export interface User {
  /** UUID v7. */
  readonly id: string;
  readonly email: string | null;
  readonly emailVerified: boolean;
  readonly name: string | null;
  readonly picture: string | null;
}
