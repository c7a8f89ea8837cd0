import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { Clock } from '../../platform/time/clock.service.js';
import { needsRowLocks } from '../../platform/database/dialect.js';
import {
  Database,
  type KeyState,
  type Schema,
  type SigningKeyRow,
} from '../../platform/database/database.schema.js';

/** A key pair that isn't stored yet; its private half is ciphertext. */
export type NewKey = Pick<SigningKeyRow, 'kid' | 'alg' | 'public_jwk' | 'private_jwk'>;

/**
 * The stored signing keys; private halves are always ciphertext. docs/internals/sessions.md describes the states and what changes them.
 * Unique indexes ensure that there is one current and one next key, however many replicas try to create one.
 */
@Injectable()
export class SigningKeyRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** All stored keys, oldest first. */
  async list(): Promise<SigningKeyRow[]> {
    return this.database.query.selectFrom('signing_keys').selectAll().orderBy('created_at').execute();
  }

  /** Stores a key in this state, unless another replica was faster. */
  async add(key: NewKey, state: Extract<KeyState, 'current' | 'next'>): Promise<void> {
    const now = this.clock.now();
    await this.database.query
      .insertInto('signing_keys')
      .values({
        ...key,
        state,
        created_at: now,
        activated_at: state === 'current' ? now : null,
        retired_at: null,
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /**
   * Rotates the keys: next → current, current → retired.
   * @param current kid of the key to retire: if another key is current, another replica has already rotated.
   * @returns whether this call rotated.
   */
  async rotate(current: string): Promise<boolean> {
    return this.database.query.transaction().execute(async (transaction) => {
      const retired = await transaction
        .updateTable('signing_keys')
        .set({ state: 'retired', retired_at: this.clock.now() })
        .where('kid', '=', current)
        .where('state', '=', 'current')
        .returning('kid')
        .executeTakeFirst();
      if (retired === undefined) {
        return false;
      }
      await this.#promote(transaction);
      return true;
    });
  }

  /**
   * Revokes a key in any state, and wipes its private half. If it was the current key, the next one takes over.
   * @returns `unknown` if there is no such key, or it was revoked before; `no_successor` if it is the current one and there is no next
   *   one: then nothing has changed.
   */
  async revoke(kid: string): Promise<'revoked' | 'unknown' | 'no_successor'> {
    return this.database.query.transaction().execute(async (transaction) => {
      const keys = transaction.selectFrom('signing_keys').select('state');
      // Locked: a rotation on another replica makes the next key the current one, which needs a successor.
      const read = async (query: typeof keys): Promise<KeyState | undefined> =>
        (await (needsRowLocks(transaction) ? query.forUpdate() : query).executeTakeFirst())?.state;
      const state = await read(keys.where('kid', '=', kid).where('state', '!=', 'revoked'));
      if (state === undefined) {
        return 'unknown';
      }
      if (state === 'current' && (await read(keys.where('state', '=', 'next'))) === undefined) {
        return 'no_successor';
      }
      await transaction
        .updateTable('signing_keys')
        .set({ state: 'revoked', private_jwk: '', retired_at: this.clock.now() })
        .where('kid', '=', kid)
        .execute();
      if (state === 'current') {
        await this.#promote(transaction);
      }
      return 'revoked';
    });
  }

  /** Removes a key that is in state `next`; it has never signed. */
  async removeNext(kid: string): Promise<void> {
    await this.database.query
      .deleteFrom('signing_keys')
      .where('kid', '=', kid)
      .where('state', '=', 'next')
      .execute();
  }

  /** Replaces the ciphertext of a private half, unless it has changed in the meantime. */
  async reseal({ kid, private_jwk }: SigningKeyRow, sealed: string): Promise<void> {
    await this.database.query
      .updateTable('signing_keys')
      .set({ private_jwk: sealed })
      .where('kid', '=', kid)
      .where('private_jwk', '=', private_jwk)
      .execute();
  }

  /** Removes retired and revoked keys that ended before a time (milliseconds). */
  async purge(endedBefore: number): Promise<void> {
    await this.database.query
      .deleteFrom('signing_keys')
      .where('state', 'in', ['retired', 'revoked'])
      .where('retired_at', '<', endedBefore)
      .execute();
  }

  async #promote(transaction: Transaction<Schema>): Promise<void> {
    await transaction
      .updateTable('signing_keys')
      .set({ state: 'current', activated_at: this.clock.now() })
      .where('state', '=', 'next')
      .returning('kid')
      .executeTakeFirstOrThrow();
  }
}
