import type { RoleRule } from '../connection.js';

/** What an owner decides about a connection of the organisation. */
export interface OrgConnectionContent {
  readonly name: string;
  readonly domains: readonly string[];
  readonly required: boolean;
  readonly rules: readonly RoleRule[];
  /** Settings of the kind, as `CONNECTIONS` has them. Secrets are among them; one that is left out in a change stays, null removes it. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A connection of an organisation. Times are milliseconds since the epoch. */
export interface OrgConnection extends OrgConnectionContent {
  readonly id: string;
  readonly kind: string;
  /** The domains among its own that lead to it now: those that the organisation has proven. */
  readonly serves: readonly string[];
  /** Names of its secrets, which are shown nowhere. */
  readonly secrets: readonly string[];
  /** Where the provider sends browsers, and logouts; null if users give their password here. */
  readonly redirectUri: string | null;
  readonly logoutUri: string | null;
  /** Our metadata for the provider, where its protocol has that. */
  readonly metadataUrl: string | null;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}
