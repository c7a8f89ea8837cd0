import { Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.service.js';
import { Database, type SessionRow } from '../database/database.schema.js';

/** Sessions in SQL, which is the truth about them. */
@Injectable()
export class SessionRepository {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Stores a new session. */
  async insert(row: SessionRow): Promise<void> {
    await this.#database.query.insertInto('sessions').values(row).execute();
  }

  async find(id: string): Promise<SessionRow | undefined> {
    return this.#database.query.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
  }

  /** Marks a renewal. @returns false when the session has been ended meanwhile: it must stay ended. */
  async markRenewed(id: string): Promise<boolean> {
    const result = await this.#database.query
      .updateTable('sessions')
      .set({ renewed_at: this.#clock.now() })
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** Ends a session once. @returns whether it was live until now. */
  async end(id: string, reason: string): Promise<boolean> {
    const result = await this.#database.query
      .updateTable('sessions')
      .set({ ended_at: this.#clock.now(), end_reason: reason })
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** Ids and ends (milliseconds) of the sessions that ended at or after a moment. */
  async endedSince(moment: number): Promise<{ id: string; ended_at: number | null }[]> {
    return this.#database.query
      .selectFrom('sessions')
      .select(['id', 'ended_at'])
      .where('ended_at', '>=', moment)
      .execute();
  }
}
