import { Injectable } from '@nestjs/common';
import { type Kysely, sql } from 'kysely';
import { Clock } from '../../platform/time/clock.service.js';
import { Database, type RevocationRow, type Schema } from '../../platform/database/database.schema.js';

/** Revocations that one statement reads. */
const rowsAtOnce = 5000;

/** The revocations in SQL, the authoritative store. */
@Injectable()
export class RevocationRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /**
   * Stores a revocation. A second one for the same id can only revoke more. Of two changes at the same time, the later change
   * counts, whichever is written last.
   * @param query a transaction, if the row belongs to one.
   */
  async insert(row: RevocationRow, query: Kysely<Schema> = this.database.query): Promise<void> {
    await query
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
            // The time of the last write: replicas read what was recorded lately.
            recorded_at: row.recorded_at,
            expires_at: row.expires_at,
          };
        }),
      )
      .execute();
  }

  /**
   * All revocations that can still matter, in batches. A million rows at once take hundreds of megabytes and block the process, and
   * the garbage that they leave makes every later request some percent slower. Revocations recorded meanwhile may be missing.
   */
  async *current(): AsyncGenerator<RevocationRow[]> {
    const now = this.clock.now();
    let last = '';
    for (;;) {
      const rows = await this.database.query
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
   * The revocations that can still matter and were recorded at or after a time (milliseconds). SQLite would take the index of the second
   * condition, and scan all current revocations at every poll, without the sign before it.
   */
  async recordedSince(moment: number): Promise<RevocationRow[]> {
    return this.database.query
      .selectFrom('revocations')
      .selectAll()
      .where('recorded_at', '>=', moment)
      .where(sql<boolean>`+expires_at > ${this.clock.now()}`)
      .execute();
  }

  /** Removes revocations that no longer matter to tokens. @param keptFrom those that were recorded from then on (milliseconds) stay. */
  async purge(keptFrom: number): Promise<void> {
    await this.database.query
      .deleteFrom('revocations')
      .where('expires_at', '<=', this.clock.now())
      .where('recorded_at', '<', keptFrom)
      .execute();
  }
}
