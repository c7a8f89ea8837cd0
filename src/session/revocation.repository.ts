import { Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.service.js';
import { Database, type RevocationRow } from '../database/database.schema.js';

/** Revocations that are read with one statement. */
const rowsAtOnce = 5000;

/** Revocations in SQL, which is the truth about them. */
@Injectable()
export class RevocationRepository {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /**
   * Stores a revocation; one of an id that has one already can only take away more. Of two changes at the same time the later one counts,
   * whichever is written last.
   */
  async insert(row: RevocationRow): Promise<void> {
    await this.#database.query
      .insertInto('revocations')
      .values(row)
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet((builder) => {
          const isLater = builder('revocations.before', '>', builder.ref('excluded.before'));
          return {
            before: builder
              .case()
              .when(isLater)
              .then(builder.ref('revocations.before'))
              .else(builder.ref('excluded.before'))
              .end(),
            // Of the last writing: replicas read what was recorded lately.
            recorded_at: row.recorded_at,
            expires_at: row.expires_at,
          };
        }),
      )
      .execute();
  }

  /**
   * All that can still matter, some at a time: a million rows at once take hundreds of megabytes and hold up the process, and the
   * garbage that they leave makes every later request some percent dearer. What is recorded meanwhile may be missing.
   */
  async *current(): AsyncGenerator<RevocationRow[]> {
    const now = this.#clock.now();
    let last = '';
    for (;;) {
      const rows = await this.#database.query
        .selectFrom('revocations')
        .selectAll()
        .where('id', '>', last)
        .where('expires_at', '>', now)
        .orderBy('id')
        .limit(rowsAtOnce)
        .execute();
      yield rows;
      const end = rows.at(-1);
      if (end === undefined || rows.length < rowsAtOnce) {
        return;
      }
      last = end.id;
    }
  }

  /**
   * Those that were recorded at or after a moment (milliseconds). Also what is over, which ends nothing that lives: with a second
   * condition SQLite would look through all that can still matter, at every poll.
   */
  async recordedSince(moment: number): Promise<RevocationRow[]> {
    return this.#database.query
      .selectFrom('revocations')
      .selectAll()
      .where('recorded_at', '>=', moment)
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
