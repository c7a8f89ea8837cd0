import { Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.service.js';
import { Database, type RevocationRow } from '../database/database.schema.js';

/** Revocations in SQL, which is the truth about them. */
@Injectable()
export class RevocationRepository {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Stores revocations; one of an id that has one already can only take away more. */
  async insert(row: RevocationRow): Promise<void> {
    await this.#database.query
      .insertInto('revocations')
      .values(row)
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet({
          before: row.before,
          recorded_at: row.recorded_at,
          expires_at: row.expires_at,
        }),
      )
      .execute();
  }

  /** Those that were recorded at or after a moment (milliseconds) and can still matter. */
  async recordedSince(moment: number): Promise<RevocationRow[]> {
    return this.#database.query
      .selectFrom('revocations')
      .selectAll()
      .where('recorded_at', '>=', moment)
      .where('expires_at', '>', this.#clock.now())
      .execute();
  }

  /** Removes what can't matter any more. */
  async purge(): Promise<void> {
    await this.#database.query
      .deleteFrom('revocations')
      .where('expires_at', '<=', this.#clock.now())
      .execute();
  }
}
