import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/database/database.schema.js';
import { Clock } from '../../platform/time/clock.service.js';
import { PeriodicTask } from '../../platform/time/periodic-task.js';

/** Milliseconds for which what a connection reported about a user without an account stays: 30 days. */
const keptMilliseconds = 2_592_000_000;
const rowsPerStatement = 500;

/**
 * Removes users of connections who got no account, have no live session and have used no application, a batch at a time. Any number of
 * replicas may run it.
 */
@Injectable()
export class ConnectionJanitor extends PeriodicTask {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {
    super({ message: 'users of connections cannot be removed', reason: 'connection_purge_failed' });
  }

  /** Removes all such rows. @returns how many. */
  async clean(): Promise<number> {
    let total = 0;
    for (;;) {
      const removed = await this.#removeSome(this.clock.now() - keptMilliseconds);
      total += removed;
      if (removed === 0) {
        return total;
      }
    }
  }

  /** @param checkedBefore milliseconds; the connection has reported nothing about them since. */
  async #removeSome(checkedBefore: number): Promise<number> {
    const { query } = this.database;
    const unadmitted = query
      .selectFrom('connection_identities as known')
      .select('known.id')
      .where('known.checked_at', '<', checkedBefore)
      .where(({ and, not, exists, selectFrom }) => {
        const account = selectFrom('identities')
          .select('user_id')
          .whereRef('identities.subject', '=', 'known.id');
        // An application that isn't the gateway may know the user by this id, without an account here.
        const use = selectFrom('application_uses')
          .select('client_id')
          .whereRef('application_uses.subject', '=', 'known.id');
        const session = selectFrom('connection_sessions')
          .select('connection_sessions.id')
          .whereRef('identity_id', '=', 'known.id')
          .where('ended_at', 'is', null)
          .where('expires_at', '>', this.clock.now());
        return and([
          not(exists(account.whereRef('identities.issuer', '=', 'known.issuer'))),
          not(exists(use)),
          not(exists(session)),
        ]);
      })
      .limit(rowsPerStatement);
    const result = await query
      .deleteFrom('connection_identities')
      .where('id', 'in', unadmitted)
      // They may have logged in meanwhile.
      .where('checked_at', '<', checkedBefore)
      .executeTakeFirst();
    return Number(result.numDeletedRows);
  }

  protected override run(): Promise<number> {
    return this.clean();
  }
}
