import { Injectable } from '@nestjs/common';
import { SignalDatabase, type SignalKeyRow } from '../signal.schema.js';

/** Stores the keys that sign security events; private halves are always ciphertext. */
@Injectable()
export class SignalKeyRepository {
  constructor(private readonly database: SignalDatabase) {}

  /** All stored keys, newest first. */
  async list(): Promise<SignalKeyRow[]> {
    return this.database.query.selectFrom('signal_keys').selectAll().orderBy('generation', 'desc').execute();
  }

  /** Stores a key. @returns false if another process has stored one of this generation. */
  async add(key: SignalKeyRow): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.database.query
      .insertInto('signal_keys')
      .values(key)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return numInsertedOrUpdatedRows === 1n;
  }

  async remove(kids: readonly string[]): Promise<void> {
    await this.database.query.deleteFrom('signal_keys').where('kid', 'in', kids).execute();
  }

  /** Whether there is a stream whose receiver may have read the published keys. */
  async hasStreams(): Promise<boolean> {
    const stream = await this.database.query
      .selectFrom('signal_streams')
      .select('id')
      .limit(1)
      .executeTakeFirst();
    return stream !== undefined;
  }
}
