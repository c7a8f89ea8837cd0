import { Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.service.js';
import { newId } from '../core/identifier.js';
import { Database } from '../database/database.schema.js';
import type { ProviderIdentity } from './identity.js';

/** Users that are programs: OAuth clients that call for themselves. */
@Injectable()
export class ServiceAccounts {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /**
   * The service account behind an identity, made when it's not there yet; idempotent.
   * @param name of the account when it's made.
   * @returns its user id.
   */
  async ensure(
    { issuer, subject }: Pick<ProviderIdentity, 'issuer' | 'subject'>,
    name: string,
  ): Promise<string> {
    const now = this.#clock.now();
    return this.#database.query.transaction().execute(async (transaction) => {
      const known = transaction
        .selectFrom('identities')
        .select('user_id')
        .where('issuer', '=', issuer)
        .where('subject', '=', subject);
      const existing = await known.executeTakeFirst();
      if (existing !== undefined) {
        return existing.user_id;
      }
      const id = newId(now);
      await transaction
        .insertInto('users')
        .values({
          id,
          email: null,
          email_key: null,
          email_verified: 0,
          name,
          name_key: name.toLowerCase(),
          picture: null,
          role: 'user',
          kind: 'service',
          version: 1,
          disabled_at: null,
          created_at: now,
          updated_at: now,
          last_login_at: null,
        })
        .execute();
      const inserted = await transaction
        .insertInto('identities')
        .values({ issuer, subject, user_id: id, created_at: now, last_login_at: now })
        .onConflict((conflict) => conflict.doNothing())
        .returning('user_id')
        .executeTakeFirst();
      if (inserted !== undefined) {
        return id;
      }
      // Another exchange of the same client was faster: its account is the one.
      await transaction.deleteFrom('users').where('id', '=', id).execute();
      return (await known.executeTakeFirstOrThrow()).user_id;
    });
  }
}
