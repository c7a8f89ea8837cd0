import { Injectable } from '@nestjs/common';
import { type Kysely, type Selectable, sql } from 'kysely';
import { Database, type ProviderLogoutsTable, type Schema } from '../platform/database/database.schema.js';
import { Clock } from '../platform/time/clock.service.js';

/** What is still to be ended at the provider for one user. */
export type ProviderLogout = Selectable<ProviderLogoutsTable>;

/** That all logins of a user at the provider are to end, also those that never led here. */
export interface Everywhere {
  /** Id of the provider's session that stays; null if none does. */
  readonly staying: string | null;
}

/** Users that one statement reads. */
const usersAtOnce = 100;

/** Stores whose sessions are still to be ended at the provider: one row a user, however many sessions they have. */
@Injectable()
export class ProviderLogoutRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /**
   * Notes that what ends here from now on is to be ended there. What was noted before and isn't done is done with it.
   * @param query the transaction that ends it here. @param everywhere if all other logins of the user there are to end too.
   */
  async note(query: Kysely<Schema>, userId: string, everywhere?: Everywhere): Promise<void> {
    const now = this.clock.now();
    await query
      .insertInto('provider_logouts')
      .values({
        user_id: userId,
        since: now,
        noted_at: now,
        everywhere: everywhere === undefined ? 0 : 1,
        staying: everywhere?.staying ?? null,
        ended_to: null,
      })
      .onConflict((conflict) =>
        conflict.column('user_id').doUpdateSet({
          // Later than before, also within a millisecond: who does what was noted before must see the difference.
          noted_at: sql<number>`case when provider_logouts.noted_at < ${now} then ${now} else provider_logouts.noted_at + 1 end`,
          ended_to: null,
          ...(everywhere === undefined ? {} : { everywhere: 1, staying: everywhere.staying }),
        }),
      )
      .execute();
  }

  async find(userId: string): Promise<ProviderLogout | undefined> {
    return this.database.query
      .selectFrom('provider_logouts')
      .selectAll()
      .where('user_id', '=', userId)
      .executeTakeFirst();
  }

  /** Ids of some users of whom something is to be ended. @param after id of the last one of before. */
  async list(after: string): Promise<string[]> {
    const rows = await this.database.query
      .selectFrom('provider_logouts')
      .select('user_id')
      .where('user_id', '>', after)
      .orderBy('user_id')
      .limit(usersAtOnce)
      .execute();
    return rows.map(({ user_id: userId }) => userId);
  }

  /** Records what has been done, unless something was noted meanwhile: then all of it is done again. */
  async advance(
    { user_id: userId, noted_at: notedAt }: ProviderLogout,
    done: Partial<Pick<ProviderLogout, 'everywhere' | 'ended_to'>>,
  ): Promise<void> {
    await this.database.query
      .updateTable('provider_logouts')
      .set(done)
      .where('user_id', '=', userId)
      .where('noted_at', '=', notedAt)
      .execute();
  }

  /** Removes what is done, unless something was noted meanwhile. */
  async remove({ user_id: userId, noted_at: notedAt }: ProviderLogout): Promise<void> {
    await this.database.query
      .deleteFrom('provider_logouts')
      .where('user_id', '=', userId)
      .where('noted_at', '=', notedAt)
      .execute();
  }
}
