import type { Transaction } from 'kysely';
import type { Schema } from '../platform/database/database.schema.js';
import type { Principal } from '../session/principal.js';

/** A service account that has lost its role as an admin of an organisation. */
export interface LoweredAccount {
  readonly userId: string;
  readonly orgId: string;
}

/** Port: the memberships of the service accounts that an organisation's keys act as; the orgs module owns those tables. */
export abstract class KeyAccounts {
  /** Locks an organisation until the transaction ends. @returns false when there is none. */
  abstract lockOrg(transaction: Transaction<Schema>, orgId: string): Promise<boolean>;

  /** Whether a caller may revoke an organisation's keys, by their standing there in SQL. */
  abstract mayRevoke(transaction: Transaction<Schema>, orgId: string, principal: Principal): Promise<boolean>;

  /** Makes a service account a member. @param member.createdAt milliseconds since the epoch. */
  abstract join(
    transaction: Transaction<Schema>,
    member: {
      readonly orgId: string;
      readonly userId: string;
      readonly role: 'admin' | 'member';
      readonly createdAt: number;
    },
  ): Promise<void>;

  /** Ends the membership of a service account. */
  abstract leave(transaction: Transaction<Schema>, orgId: string, userId: string): Promise<void>;

  /**
   * Makes members of the admins among the service accounts whose keys a user made, or such a key did, where the user couldn't give that
   * role any more.
   * @param orgId of the only organisation that counts; left out: all.
   * @returns those that were admins until now.
   */
  abstract lower(
    transaction: Transaction<Schema>,
    makerId: string,
    orgId?: string,
  ): Promise<readonly LoweredAccount[]>;
}
