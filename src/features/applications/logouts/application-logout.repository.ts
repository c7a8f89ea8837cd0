import { Injectable } from '@nestjs/common';
import { Clock } from '../../../platform/time/clock.service.js';
import { ApplicationDatabase, type ApplicationLogoutRow } from '../application.schema.js';

/** Milliseconds for which a login is kept without another one in the same session. */
const loginsKept = 90 * 86_400_000;

/** Stores in which sessions applications have logged users in, and the logouts that they are told of. */
@Injectable()
export class ApplicationLogoutRepository {
  constructor(
    private readonly database: ApplicationDatabase,
    private readonly clock: Clock,
  ) {}

  async noteLogin(sid: string, clientId: string, subject: string): Promise<void> {
    await this.database.query
      .insertInto('application_logins')
      .values({ sid, client_id: clientId, subject, logged_in_at: this.clock.now() })
      .onConflict((conflict) =>
        conflict.columns(['sid', 'client_id']).doUpdateSet({ subject, logged_in_at: this.clock.now() }),
      )
      .execute();
  }

  /** The user of an application in a session; undefined if that isn't known. */
  async subjectOf(sid: string, clientId: string): Promise<string | undefined> {
    const row = await this.database.query
      .selectFrom('application_logins')
      .select('subject')
      .where('sid', '=', sid)
      .where('client_id', '=', clientId)
      .executeTakeFirst();
    return row?.subject;
  }

  /** Stores a logout, and forgets the login; nothing if it is stored already. */
  async put(logout: ApplicationLogoutRow): Promise<void> {
    await this.database.query.transaction().execute(async (transaction) => {
      await transaction
        .insertInto('application_logouts')
        .values(logout)
        .onConflict((conflict) => conflict.columns(['client_id', 'token_id']).doNothing())
        .execute();
      await transaction
        .deleteFrom('application_logins')
        .where('sid', '=', logout.sid ?? '')
        .where('client_id', '=', logout.client_id)
        .execute();
    });
  }

  /** Logouts that are due, those that were never tried first. @param busy applications that aren't told of further ones now. */
  async due(busy: readonly string[], limit: number): Promise<ApplicationLogoutRow[]> {
    const due = this.database.query
      .selectFrom('application_logouts')
      .selectAll()
      .where('due_at', '<=', this.clock.now())
      .orderBy('failures')
      .orderBy('due_at')
      .limit(limit);
    return (busy.length === 0 ? due : due.where('client_id', 'not in', [...busy])).execute();
  }

  /**
   * Puts off a logout that is due.
   * @returns it as claimed; undefined if another process has claimed it, and tells the application.
   */
  async claim(logout: ApplicationLogoutRow, until: number): Promise<ApplicationLogoutRow | undefined> {
    return (await this.#change(logout, { due_at: until })) ? { ...logout, due_at: until } : undefined;
  }

  /**
   * Stores what came of a delivery, unless the claim has ended and another process has taken it over.
   * @param claimed as it was claimed. @param dueAt null if there is no other delivery.
   */
  async settle(claimed: ApplicationLogoutRow, dueAt: number | null, failures: number): Promise<void> {
    await this.#change(claimed, { due_at: dueAt, failures });
  }

  /** Whether a user has logged in to an application since a moment (milliseconds). */
  async hasLoggedInSince(clientId: string, subject: string, moment: number): Promise<boolean> {
    const row = await this.database.query
      .selectFrom('application_logins')
      .select('sid')
      .where('client_id', '=', clientId)
      .where('subject', '=', subject)
      .where('logged_in_at', '>=', moment)
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Forgets a user's logins. @param clientId of this application only. */
  async forget(subject: string, clientId?: string): Promise<void> {
    const logins = this.database.query.deleteFrom('application_logins').where('subject', '=', subject);
    await (clientId === undefined ? logins : logins.where('client_id', '=', clientId)).execute();
  }

  /** Removes what is of no use any more. */
  async removeOld(): Promise<void> {
    const now = this.clock.now();
    await this.database.query
      .deleteFrom('application_logouts')
      .where('expires_at', '<=', now)
      .where('due_at', 'is', null)
      .execute();
    await this.database.query
      .deleteFrom('application_logins')
      .where('logged_in_at', '<=', now - loginsKept)
      .execute();
  }

  /** Changes a logout that is still due when it was. @returns whether it is. */
  async #change(
    { client_id: clientId, token_id: tokenId, due_at: dueAt }: ApplicationLogoutRow,
    change: Partial<ApplicationLogoutRow>,
  ): Promise<boolean> {
    const { numUpdatedRows } = await this.database.query
      .updateTable('application_logouts')
      .set(change)
      .where('client_id', '=', clientId)
      .where('token_id', '=', tokenId)
      .where('due_at', '=', dueAt)
      .executeTakeFirst();
    return Number(numUpdatedRows) === 1;
  }
}
