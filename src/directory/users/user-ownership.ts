import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Clock } from '../../platform/time/clock.service.js';
import { Database } from '../../platform/database/database.schema.js';
import { foldIdentifier } from '../../platform/core/account-identifier.js';
import { formerAddress } from './former-address.js';
import type { IdentityKey, ProviderIdentity } from './identity.js';
import { userOfIdentity } from './user.query.js';

/** The state of the proof that an account's owner also owns its address. */
export interface AddressOwnership {
  readonly userId: string;
  /** Whether the owner of the identity's present address has proven to be the account's. */
  readonly isProven: boolean;
  /** Whether the account has belonged to the proven owner of any address so far. */
  readonly wasEverProven: boolean;
}

/** The progress of proving that an identity's owner also owns its address. */
export interface AddressProof {
  /** The provider's session of the recovery that clears, or has cleared, the account; null before the first. */
  readonly staying: string | null;
  /** When everything at the provider was cleared, in milliseconds since the epoch; null until then. */
  readonly clearedAt: number | null;
}

/** The ownership of accounts' addresses, as stored in SQL. */
@Injectable()
export class UserOwnership {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** The ownership of an identity's address. @returns nothing when the identity has never logged in here. */
  async find({
    email,
    ...identity
  }: IdentityKey & Pick<ProviderIdentity, 'email'>): Promise<AddressOwnership | undefined> {
    const row = await userOfIdentity(this.database.query, identity)
      .select(['users.id', 'users.email', 'users.email_verified', 'users.owned_since'])
      .executeTakeFirst();
    return row === undefined
      ? undefined
      : {
          userId: row.id,
          isProven: row.email_verified === 1 && row.email === (email === null ? null : foldIdentifier(email)),
          wasEverProven: row.owned_since !== null || row.email_verified === 1,
        };
  }

  /**
   * Marks the address as unverified, whatever it was. From now on, nothing that needs a verified address can be created.
   * @param email the identity's present address.
   */
  async suspend(userId: string, email: string | null): Promise<void> {
    const [now, address] = [this.clock.now(), email === null ? null : foldIdentifier(email)];
    await this.database.query
      .updateTable('users')
      .set((builder) => ({ ...formerAddress(builder, address, now), email_verified: 0 }))
      .where('id', '=', userId)
      .execute();
  }

  /** Marks the account as owned by the owner of this address: what others may have set up before has been removed. */
  async prove(userId: string, email: string): Promise<void> {
    const now = this.clock.now();
    const address = foldIdentifier(email);
    await this.database.query
      .updateTable('users')
      .set((builder) => ({
        ...formerAddress(builder, address, now),
        email: address,
        email_key: address,
        email_verified: 1,
        owned_since: builder.fn.coalesce(builder.ref('owned_since'), sql<number>`cast(${now} as bigint)`),
        updated_at: now,
      }))
      .where('id', '=', userId)
      .execute();
  }

  /** The state of an identity's proof; nothing if no code was ever entered for it while its address was unverified. */
  async findProof({ issuer, subject }: IdentityKey): Promise<AddressProof | undefined> {
    const row = await this.database.query
      .selectFrom('address_proofs')
      .select(['staying', 'cleared_at'])
      .where('issuer', '=', issuer)
      .where('subject', '=', subject)
      .executeTakeFirst();
    return row === undefined ? undefined : { staying: row.staying, clearedAt: row.cleared_at };
  }

  /** Whether any account is being cleared, or has been since this time (milliseconds since the epoch). */
  async hasClearings(since: number): Promise<boolean> {
    const row = await this.database.query
      .selectFrom('address_proofs')
      .select('subject')
      .where('staying', 'is not', null)
      .where((builder) => builder.or([builder('cleared_at', 'is', null), builder('cleared_at', '>', since)]))
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  /**
   * Records that the address was unverified before a code for it was passed on, or that the account is being cleared.
   * @param staying the provider's session that stays while the account is cleared.
   */
  async noteBegun({ issuer, subject }: IdentityKey, staying: string | null): Promise<void> {
    await this.database.query
      .insertInto('address_proofs')
      .values({ issuer, subject, staying, cleared_at: null })
      .onConflict((conflict) =>
        conflict.columns(['issuer', 'subject']).doUpdateSet({ staying, cleared_at: null }),
      )
      .execute();
  }

  /** Records whether everything is cleared. If not, only the session that stayed, or another recovery, continues. */
  async noteCleared({ issuer, subject }: IdentityKey, isCleared: boolean): Promise<void> {
    await this.database.query
      .updateTable('address_proofs')
      .set({ cleared_at: isCleared ? this.clock.now() : null })
      .where('issuer', '=', issuer)
      .where('subject', '=', subject)
      .execute();
  }
}
