import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Clock } from '../core/clock.service.js';
import { Database } from '../database/database.schema.js';
import type { ProviderIdentity } from './identity.js';

/** What is known of who owns the address of an account. */
export interface AddressOwnership {
  readonly userId: string;
  /** Whether the owner of the identity's present address has proven to be the account's. */
  readonly isProven: boolean;
  /** Whether the account has belonged to the proven owner of any address so far. */
  readonly wasEverProven: boolean;
}

/** Who owns the address of an account: what SQL says of it. */
@Injectable()
export class UserOwnership {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** @returns nothing when the identity has never logged in here. */
  async find({
    issuer,
    subject,
    email,
  }: Pick<ProviderIdentity, 'issuer' | 'subject' | 'email'>): Promise<AddressOwnership | undefined> {
    const row = await this.#database.query
      .selectFrom('identities')
      .innerJoin('users', 'users.id', 'identities.user_id')
      .select(['users.id', 'users.email', 'users.email_verified', 'users.owned_since'])
      .where('identities.issuer', '=', issuer)
      .where('identities.subject', '=', subject)
      .executeTakeFirst();
    return row === undefined
      ? undefined
      : {
          userId: row.id,
          isProven: row.email_verified === 1 && row.email === (email?.toLowerCase() ?? null),
          wasEverProven: row.owned_since !== null || row.email_verified === 1,
        };
  }

  /** Nothing that needs a verified address can be made from here on, whatever the address was. */
  async suspend(userId: string): Promise<void> {
    await this.#database.query
      .updateTable('users')
      .set({ email_verified: 0 })
      .where('id', '=', userId)
      .execute();
  }

  /** The account belongs to the owner of this address: whatever others may have set up before has been removed. */
  async prove(userId: string, email: string): Promise<void> {
    const now = this.#clock.now();
    const address = email.toLowerCase();
    await this.#database.query
      .updateTable('users')
      .set(({ fn, ref }) => ({
        email: address,
        email_key: address,
        email_verified: 1,
        owned_since: fn.coalesce(ref('owned_since'), sql<number>`cast(${now} as bigint)`),
        updated_at: now,
      }))
      .where('id', '=', userId)
      .execute();
  }
}
