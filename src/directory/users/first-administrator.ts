import { Injectable } from '@nestjs/common';
import { sql, type Transaction } from 'kysely';
import { Clock } from '../../platform/time/clock.service.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { Database, type Schema } from '../../platform/database/database.schema.js';
import type { IdentityKey } from './identity.js';
import { activeAdministrators, userOfIdentity } from './user.query.js';
import {
  lockWithAdministrators,
  requireNotOfOrganisation,
  requirePerson,
  requireVerifiedAddress,
} from './user-rules.js';

/**
 * The outcome of an appointment. `refused_again`: the deployment has had its first administrator, and this user isn't one now.
 * `not_theirs`: the address is no longer the user's verified address, or an organisation's connection has vouched for it.
 */
export type Appointment = 'appointed' | 'is_administrator' | 'refused_again' | 'not_theirs';

/** Rolls back the transaction of an appointment. */
class NotTheirs extends Error {}

/**
 * Appoints the first administrator of a deployment, once. A row in SQL records it, in the transaction that gives the role. So no
 * restart promotes or creates again an account that was demoted, deleted or renamed.
 */
@Injectable()
export class FirstAdministrator {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Whether the deployment has, or has had, its first administrator. */
  async wasMade(): Promise<boolean> {
    const found = await this.database.query
      .selectFrom('milestones')
      .select('name')
      .where('name', '=', 'first_administrator')
      .executeTakeFirst();
    return found !== undefined;
  }

  /** Whether an identity belongs to an administrator. */
  async isOne(identity: IdentityKey): Promise<boolean> {
    const found = await userOfIdentity(this.database.query, identity)
      .select('users.id')
      .where('users.role', '=', sql.lit('admin'))
      .executeTakeFirst();
    return found !== undefined;
  }

  /**
   * Makes a user the first administrator, if there has been none.
   * @param address in lower case: whether it is the user's verified address is decided where the role is given, not
   *   by an earlier reading.
   * @throws {Problem} `not_found`, `conflict`
   */
  async appoint(userId: string, address?: string): Promise<Appointment> {
    try {
      return await this.#appoint(userId, address);
    } catch (error) {
      const isByOrg = error instanceof Problem && error.reason === 'administrator_by_connection';
      if (error instanceof NotTheirs || isByOrg) {
        return 'not_theirs';
      }
      throw error;
    }
  }

  async #appoint(userId: string, address: string | undefined): Promise<Appointment> {
    return this.database.query.transaction().execute(async (transaction) => {
      // Of two replicas, the second waits here for the first. The write comes before any read: SQLite can't upgrade a read to a
      // write.
      const isFirst = await this.#reach(transaction);
      const user = await lockWithAdministrators(transaction, userId);
      requirePerson(user);
      if (address !== undefined && (user.email !== address || user.email_verified !== 1)) {
        throw new NotTheirs();
      }
      if (user.role === 'admin' || !isFirst) {
        return user.role === 'admin' ? 'is_administrator' : 'refused_again';
      }
      await requireNotOfOrganisation(transaction, userId);
      await this.#raise(transaction, userId);
      return 'appointed';
    });
  }

  /**
   * Makes a user an administrator at an operator's request.
   * @param another whether to do so even if there is an administrator.
   * @param unverified whether to do so even if the user's address isn't verified, as at a provider that verifies none.
   * @throws {Problem} `not_found`, `conflict`: disabled, not a person, unverified, or there is an administrator already.
   */
  async promote(
    userId: string,
    { another, unverified }: { readonly another: boolean; readonly unverified: boolean },
  ): Promise<'first' | 'another' | 'is_administrator'> {
    return this.database.query.transaction().execute(async (transaction) => {
      const isFirst = await this.#reach(transaction);
      const user = await lockWithAdministrators(transaction, userId);
      requirePerson(user);
      if (user.disabled_at !== null) {
        throw new Problem('conflict', {
          detail: 'This user is disabled.',
          reason: 'user_disabled',
        });
      }
      if (user.role === 'admin') {
        return 'is_administrator';
      }
      if (!another && (await activeAdministrators(transaction).executeTakeFirst()) !== undefined) {
        throw new Problem('conflict', {
          detail: 'There is an administrator already, who can make others.',
          reason: 'administrator_exists',
        });
      }
      if (!unverified) {
        requireVerifiedAddress(user);
      }
      await requireNotOfOrganisation(transaction, userId);
      await this.#raise(transaction, userId);
      return isFirst ? 'first' : 'another';
    });
  }

  /** Records that there is a first administrator. @returns whether there was none before. */
  async #reach(transaction: Transaction<Schema>): Promise<boolean> {
    const inserted = await transaction
      .insertInto('milestones')
      .values({ name: 'first_administrator', reached_at: this.clock.now() })
      .onConflict((conflict) => conflict.doNothing())
      .returning('name')
      .executeTakeFirst();
    return inserted !== undefined;
  }

  async #raise(transaction: Transaction<Schema>, userId: string): Promise<void> {
    await transaction
      .updateTable('users')
      .set(({ eb }) => ({ role: 'admin', version: eb('version', '+', 1), updated_at: this.clock.now() }))
      .where('id', '=', userId)
      .execute();
  }
}
