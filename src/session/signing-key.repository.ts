import { Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.service.js';
import { Database, type SigningKeyRow } from '../database/database.schema.js';

/** Stored signing keys; private halves only ever as ciphertext. */
@Injectable()
export class SigningKeyRepository {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Every key that is stored, oldest first. */
  async list(): Promise<SigningKeyRow[]> {
    return this.#database.query.selectFrom('signing_keys').selectAll().orderBy('created_at').execute();
  }

  /** Stores a key as the current one, unless another replica was faster. */
  async addCurrent(key: Pick<SigningKeyRow, 'kid' | 'alg' | 'public_jwk' | 'private_jwk'>): Promise<void> {
    await this.#database.query
      .insertInto('signing_keys')
      .values({ ...key, state: 'current', created_at: this.#clock.now(), retired_at: null })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}
