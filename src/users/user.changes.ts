import { Injectable } from '@nestjs/common';
import type { Kysely, Transaction } from 'kysely';
import { Clock } from '../core/clock.service.js';
import { Database, type Schema, type UserRow } from '../database/database.schema.js';
import { Problem } from '../core/problem.error.js';
import { requireMatch } from '../http/entity.tag.js';
import {
  lockUser,
  lockWithAdministrators,
  requireAdministrator,
  requireOtherAdministrator,
  requireOtherOwners,
  requirePerson,
  requireSomebodyElse,
} from './user.rules.js';
import { unknownUser } from './user.directory.js';

/** What is to be different; what is left out stays. */
export interface UserChange {
  readonly name?: string | undefined;
  readonly picture?: string | null | undefined;
  readonly role?: UserRow['role'] | undefined;
}

/** Whose change it is. */
export interface ChangeAuthor {
  /** Id of the user who makes it; null: an operator, who has the deployment's secrets. */
  readonly id: string | null;
  /** Whether they act on anyone's account, as administrators do, and not on their own. */
  readonly isAdministrator: boolean;
}

/** A user who is on the way out: refused everywhere, still there. */
export interface ClaimedUser {
  readonly row: UserRow;
  /** When they had been disabled before; null: they hadn't. */
  readonly disabledBefore: number | null;
  /** Who they are at providers. */
  readonly identities: readonly { readonly issuer: string; readonly subject: string }[];
}

/**
 * Changes users. Each rule is checked in the transaction that it guards, also against other replicas; so is whether the author of a change
 * is an administrator still.
 */
@Injectable()
export class UserChanges {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /**
   * Takes the next version of a user for a change that the provider must make first: of two that start from one version,
   * only one gets it. Every rule is checked, nothing but the version is written.
   * @param ifMatch of the request.
   * @throws {Problem} `not_found`, `precondition_failed`, `conflict`, `forbidden`
   */
  async reserve(
    id: string,
    change: UserChange,
    ifMatch: string | undefined,
    author: ChangeAuthor,
  ): Promise<UserRow> {
    return this.#transaction(async (transaction) => {
      const row = await lockFor(transaction, id, change);
      requireMatch(ifMatch, row.version);
      await requireChangeable(transaction, row, change, author);
      return this.#update(transaction, id, { version: row.version + 1 });
    });
  }

  /** Writes a change whose version has been reserved. @throws {Problem} `not_found`, `conflict`, `forbidden` */
  async apply(id: string, change: UserChange, author: ChangeAuthor): Promise<UserRow> {
    return this.#transaction(async (transaction) => {
      const row = await lockFor(transaction, id, change);
      await requireChangeable(transaction, row, change, author);
      const { name, picture, role } = change;
      return this.#update(transaction, id, {
        ...(name === undefined ? {} : { name, name_key: name.toLowerCase() }),
        ...(picture === undefined ? {} : { picture }),
        ...(role === undefined ? {} : { role }),
      });
    });
  }

  /** From now on the user is refused; who is disabled already stays so. @throws {Problem} `not_found`, `conflict`, `forbidden` */
  async disable(id: string, author: ChangeAuthor): Promise<UserRow> {
    requireSomebodyElse(id, author.id, 'disable');
    return this.#transaction(async (transaction) => {
      const row = await lockWithAdministrators(transaction, id);
      await requireAuthor(transaction, author);
      await requireOtherAdministrator(transaction, row, 'disable');
      // The moment is new each time: a deletion that fails meanwhile must not undo this.
      const version = row.disabled_at === null ? row.version + 1 : row.version;
      return this.#update(transaction, id, { disabled_at: this.#clock.now(), version });
    });
  }

  /** Lets a user in again. @throws {Problem} `not_found`, `forbidden` */
  async enable(id: string, author: ChangeAuthor): Promise<UserRow> {
    return this.#transaction(async (transaction) => {
      const row = await lockWithAdministrators(transaction, id);
      await requireAuthor(transaction, author);
      return row.disabled_at === null
        ? row
        : this.#update(transaction, id, { disabled_at: null, version: row.version + 1 });
    });
  }

  /**
   * Makes sure that a user may be deleted, and disables them, so that nothing of theirs comes to be and no rule is broken
   * meanwhile: neither the last administrator nor an organisation's last owner can go at the same time as another.
   * @throws {Problem} `not_found`, `conflict`, `forbidden`
   */
  async claimDeletion(id: string, author: ChangeAuthor): Promise<ClaimedUser> {
    if (author.isAdministrator) {
      requireSomebodyElse(id, author.id, 'delete');
    }
    return this.#transaction(async (transaction) => {
      const row = await lockWithAdministrators(transaction, id);
      await requireAuthor(transaction, author);
      await requireOtherAdministrator(transaction, row, 'delete');
      await requireOtherOwners(transaction, id);
      const disabledBefore = row.disabled_at;
      const claimed = await this.#update(transaction, id, {
        disabled_at: disabledBefore ?? this.#clock.now(),
      });
      const identities = await identitiesOf(transaction, id);
      return { row: claimed, disabledBefore, identities };
    });
  }

  /** Puts a user whose deletion failed back as they were, unless they were disabled or enabled meanwhile. */
  async releaseDeletion({ row, disabledBefore }: ClaimedUser): Promise<void> {
    await this.#database.query
      .updateTable('users')
      .set({ disabled_at: disabledBefore })
      .where('id', '=', row.id)
      .where('disabled_at', '=', row.disabled_at)
      .execute();
  }

  /** Deletes a user with identities, sessions, memberships and API keys. The audit trail stays. */
  async delete(id: string): Promise<void> {
    for (const { issuer, subject } of await this.identitiesOf(id)) {
      await this.#database.query
        .deleteFrom('address_proofs')
        .where('issuer', '=', issuer)
        .where('subject', '=', subject)
        .execute();
    }
    await this.#database.query.deleteFrom('users').where('id', '=', id).execute();
  }

  /** The identities of a user. */
  async identitiesOf(id: string): Promise<ClaimedUser['identities']> {
    return identitiesOf(this.#database.query, id);
  }

  async #transaction<T>(act: (transaction: Transaction<Schema>) => Promise<T>): Promise<T> {
    return this.#database.query.transaction().execute(act);
  }

  async #update(
    transaction: Transaction<Schema>,
    id: string,
    values: Partial<Omit<UserRow, 'id'>>,
  ): Promise<UserRow> {
    const row = await transaction
      .updateTable('users')
      .set({ ...values, updated_at: this.#clock.now() })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst();
    if (row === undefined) {
      throw unknownUser();
    }
    return row;
  }
}

function lockFor(transaction: Transaction<Schema>, id: string, { role }: UserChange): Promise<UserRow> {
  return role === undefined ? lockUser(transaction, id) : lockWithAdministrators(transaction, id);
}

async function requireChangeable(
  transaction: Transaction<Schema>,
  row: UserRow,
  { role }: UserChange,
  author: ChangeAuthor,
): Promise<void> {
  await requireAuthor(transaction, author);
  if (role === undefined || role === row.role) {
    return;
  }
  if (!author.isAdministrator) {
    throw new Problem('forbidden', { reason: 'role_missing' });
  }
  if (role === 'admin') {
    requirePerson(row);
    return;
  }
  requireSomebodyElse(row.id, author.id, 'demote');
  await requireOtherAdministrator(transaction, row, 'demote');
}

/** @throws {Problem} `forbidden` for who acts as administrator and is none any more. */
async function requireAuthor(
  transaction: Transaction<Schema>,
  { id, isAdministrator }: ChangeAuthor,
): Promise<void> {
  if (isAdministrator && id !== null) {
    await requireAdministrator(transaction, id);
  }
}

async function identitiesOf(
  query: Kysely<Schema> | Transaction<Schema>,
  userId: string,
): Promise<ClaimedUser['identities']> {
  return query.selectFrom('identities').select(['issuer', 'subject']).where('user_id', '=', userId).execute();
}
