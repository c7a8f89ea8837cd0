import type { RedirectPlaces } from '../platform/core/redirect-places.js';

/** What a person has allowed an application. Times are milliseconds since the epoch. */
export interface ApplicationGrant extends RedirectPlaces {
  /** The `client_id` of the application: any text, because operators may register clients at the provider themselves. */
  readonly applicationId: string;
  /** Its name, as it was registered; null if it has none. */
  readonly name: string | null;
  readonly logoUri: string | null;
  readonly clientUri: string | null;
  /** How it came to be known, if it registered itself; null for one that was registered here. */
  readonly selfRegistration: SelfRegistration | null;
  /** The protected resources that it may use. */
  readonly resources: readonly GrantedResource[];
  /** Everything that it may do, by all consents that hold. */
  readonly scope: readonly string[];
  /** The first consent that holds. */
  readonly since: number;
  /** Its latest login or refresh of tokens; null if none was recorded. */
  readonly lastUsedAt: number | null;
}

/** How an application that no administrator has checked came to be known. */
export interface SelfRegistration {
  readonly kind: 'metadata_document' | 'registration';
  /** Where it describes itself; null for one that registered. */
  readonly documentUrl: string | null;
}

/** A protected resource that an application may use. */
export interface GrantedResource {
  /** Its resource identifier. */
  readonly url: string;
  readonly name: string;
  /** The scopes that were granted of it, and what each permits, in the operator's words. */
  readonly scopes: readonly { readonly scope: string; readonly description: string }[];
}

/** When a person used an application. Times are milliseconds since the epoch. */
export interface ApplicationUse {
  /** Subject of the person's identity at the provider. */
  readonly subject: string;
  readonly firstUsedAt: number;
  readonly lastUsedAt: number;
}

/** What people have allowed applications, where the gateway may read and end it. Methods throw `provider_unavailable`, too. */
export interface GrantAdministration {
  /** Whether the subjects of an issuer, as the rows of users' identities name it, use applications here. */
  has(issuer: string): boolean;
  /** The applications that an identity has given access, except for those that are part of the product; the last used one first. */
  grantsOf(subject: string): Promise<readonly ApplicationGrant[]>;
  /** Ends what an application may do for an identity: its consents, access tokens and refresh tokens. One without any is no error. */
  revoke(subject: string, applicationId: string): Promise<void>;
  /** The identities that have used an application, in the order of their subjects. @param after subject of the last one before. */
  usesOf(applicationId: string, limit: number, after?: string): Promise<readonly ApplicationUse[]>;
}
