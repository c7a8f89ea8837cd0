import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Clock } from '../core/clock.service.js';
import { Database } from '../database/database.schema.js';
import type { ProviderIdentity } from './identity.js';
import { userOfIdentity } from './user.query.js';

/** What is known of who owns the address of an account. */
export interface AddressOwnership {
  readonly userId: string;
  /** Whether the owner of the identity's present address has proven to be the account's. */
  readonly isProven: boolean;
  /** Whether the account has belonged to the proven owner of any address so far. */
  readonly wasEverProven: boolean;
}

/** How far an identity is on its way to a proven owner. */
export interface AddressProof {
  /** The provider's session of the recovery that clears, or has cleared, the account; null before the first. */
  readonly staying: string | null;
  /** When everything at the provider was cleared, in milliseconds since the epoch; null until then. */
  readonly clearedAt: number | null;
}

type IdentityKey = Pick<ProviderIdentity, 'issuer' | 'subject'>;

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
    email,
    ...identity
  }: IdentityKey & Pick<ProviderIdentity, 'email'>): Promise<AddressOwnership | undefined> {
    const row = await userOfIdentity(this.#database.query, identity)
      .select(['users.id', 'users.email', 'users.email_verified', 'users.owned_since'])
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

  /** How far an identity is; nothing when no code was ever given for it while its address was unverified. */
  async findProof({ issuer, subject }: IdentityKey): Promise<AddressProof | undefined> {
    const row = await this.#database.query
      .selectFrom('address_proofs')
      .select(['staying', 'cleared_at'])
      .where('issuer', '=', issuer)
      .where('subject', '=', subject)
      .executeTakeFirst();
    return row === undefined ? undefined : { staying: row.staying, clearedAt: row.cleared_at };
  }

  /** Whether any account is being cleared, or has been since this moment (milliseconds since the epoch). */
  async hasClearings(since: number): Promise<boolean> {
    const row = await this.#database.query
      .selectFrom('address_proofs')
      .select('subject')
      .where('staying', 'is not', null)
      .where((builder) => builder.or([builder('cleared_at', 'is', null), builder('cleared_at', '>', since)]))
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Notes that the address was unverified before a code for it was passed on. */
  async noteUnproven(identity: IdentityKey): Promise<void> {
    await this.#begin(identity, null);
  }

  /** Notes that the account is being cleared. @param staying the provider's session that stays. */
  async noteClearing(identity: IdentityKey, staying: string): Promise<void> {
    await this.#begin(identity, staying);
  }

  /** Notes that everything at the provider is cleared. */
  async noteCleared(identity: IdentityKey): Promise<void> {
    await this.#setCleared(identity, this.#clock.now());
  }

  /** What was cleared isn't any more: only the session that stayed, or another recovery, goes on. */
  async noteUncleared(identity: IdentityKey): Promise<void> {
    await this.#setCleared(identity, null);
  }

  async #begin({ issuer, subject }: IdentityKey, staying: string | null): Promise<void> {
    await this.#database.query
      .insertInto('address_proofs')
      .values({ issuer, subject, staying, cleared_at: null })
      .onConflict((conflict) =>
        conflict.columns(['issuer', 'subject']).doUpdateSet({ staying, cleared_at: null }),
      )
      .execute();
  }

  async #setCleared({ issuer, subject }: IdentityKey, clearedAt: number | null): Promise<void> {
    await this.#database.query
      .updateTable('address_proofs')
      .set({ cleared_at: clearedAt })
      .where('issuer', '=', issuer)
      .where('subject', '=', subject)
      .execute();
  }
}
