import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/database/database.schema.js';
import { Clock } from '../../platform/time/clock.service.js';
import { browserKnownFor } from './device-cookie.js';

/**
 * Remembers from when on the networks and browsers count from which an account has logged in. It is in the database, because cookies of
 * browsers outlive a restart, and what Redis keeps.
 */
@Injectable()
export class ForgottenAccounts {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Notes that nothing counts that was known before now. @param ids keyed hashes of the accounts. */
  async note(ids: readonly string[]): Promise<void> {
    const now = this.clock.now();
    const { query } = this.database;
    await query
      .deleteFrom('forgotten_accounts')
      .where('forgotten_at', '<', now - browserKnownFor * 1000)
      .execute();
    for (const id of ids) {
      await query
        .insertInto('forgotten_accounts')
        .values({ id, forgotten_at: now })
        .onConflict((conflict) =>
          conflict
            .column('id')
            .doUpdateSet({ forgotten_at: now })
            .where('forgotten_accounts.forgotten_at', '<', now),
        )
        .execute();
    }
  }

  /** Milliseconds since the epoch from which on something counts; 0: from ever. @param ids of one account, under each of the secrets. */
  async since(ids: readonly string[]): Promise<number> {
    const { latest } = await this.database.query
      .selectFrom('forgotten_accounts')
      .select(({ fn }) => fn.max('forgotten_at').as('latest'))
      .where('id', 'in', ids)
      .executeTakeFirstOrThrow();
    return latest === null ? 0 : Number(latest);
  }
}
