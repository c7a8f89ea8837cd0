import { Database } from '../../platform/database/database.schema.js';

/** The keys to which the refresh tokens of public clients are bound. */
export interface ResourceGrantKeysTable {
  /** Id of the consent. */
  grant_id: string;
  /** Thumbprint of the key (RFC 7638). */
  jkt: string;
  /** Milliseconds since the epoch. */
  used_at: number;
}

/** The database, with the table of protected resources. */
export abstract class ResourceDatabase extends Database<{ resource_grant_keys: ResourceGrantKeysTable }> {}
