/** A person's identity as a provider reports it, after its answer has been verified. */
export interface ProviderIdentity {
  /** The provider that issued the subject; with `subject` the key of the identity. */
  readonly issuer: string;
  /** The provider's stable id of the person (OpenID Connect Core section 2, `sub`). */
  readonly subject: string;
  readonly email: string | null;
  readonly emailVerified: boolean;
  /** When the address was last verified, in milliseconds since the epoch, if the provider reports it. */
  readonly emailVerifiedAt?: number;
  /**
   * Whether our own proxy sees each proof of the address. If so, the provider's report alone doesn't prove an unproven one
   * (docs/adr/0023).
   */
  readonly isProvenHere?: boolean;
  readonly name: string | null;
  /** URL of a picture. */
  readonly picture: string | null;
  /** The organisation whose own connection vouches for the person; undefined if the deployment's login does. */
  readonly membership?: VouchedMembership | undefined;
}

/** What an organisation's connection makes of a person there. */
export interface VouchedMembership {
  readonly orgId: string;
  /** The connection, and the version of it that the role is by: it counts while the connection is there, and hasn't changed. */
  readonly connection: { readonly id: string; readonly version: number };
  readonly role: 'member' | 'admin';
  /** Whether the person's groups decide on the role, so that it follows them. */
  readonly isRuled: boolean;
}

/** What identifies an identity. */
export type IdentityKey = Pick<ProviderIdentity, 'issuer' | 'subject'>;

/** A local user, as tokens and answers carry it. */
export interface User {
  /** UUID v7. */
  readonly id: string;
  readonly email: string | null;
  readonly emailVerified: boolean;
  readonly name: string | null;
  readonly picture: string | null;
}
