import { Injectable } from '@nestjs/common';
import type { Kysely, Transaction } from 'kysely';
import { Clock } from '../../platform/time/clock.service.js';
import { Database, type Schema, type UserRow } from '../../platform/database/database.schema.js';
import type { TransactionPart } from '../../platform/database/transaction-part.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { requireMatch } from '../../platform/http/entity-tag.js';
import {
  requireLocked,
  lockWithAdministrators,
  requireAdministrator,
  requireNotOfOrganisation,
  requireOtherAdministrator,
  requireOtherOwners,
  requirePerson,
  requireSomebodyElse,
  requireVerifiedAddress,
} from './user-rules.js';
import { unknownUser } from './user-directory.js';

/** Users that one statement reads. */
const usersAtOnce = 100;

/** The changes to a user; fields that are left out stay. */
export interface UserChange {
  readonly name?: string | undefined;
  readonly picture?: string | null | undefined;
  readonly role?: UserRow['role'] | undefined;
}

/** The author of a change. */
export interface ChangeAuthor {
  /** Id of the user who makes it; null for an operator, who has the deployment's secrets. */
  readonly id: string | null;
  /** Whether they act as an administrator, on any account, and not on their own. */
  readonly isAdministrator: boolean;
}

/** A user whose deletion has begun: refused everywhere, but still stored. */
export interface ClaimedUser {
  readonly row: UserRow;
  /** When they had been disabled before; null if they hadn't. */
  readonly disabledBefore: number | null;
  /** The user's identities at providers. */
  readonly identities: readonly { readonly issuer: string; readonly subject: string }[];
}

/**
 * Changes users. Each rule is checked in the transaction that it guards, against other replicas too. So is whether the author of
 * a change is still an administrator.
 */
@Injectable()
export class UserChanges {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /**
   * Reserves the next version of a user for a change that the provider must make first: of two callers with the same version,
   * only one gets it. It checks every rule, and writes nothing but the version.
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
  async apply(
    id: string,
    change: UserChange,
    author: ChangeAuthor,
    part?: TransactionPart,
  ): Promise<UserRow> {
    return this.#transaction(async (transaction) => {
      const row = await lockFor(transaction, id, change);
      await requireChangeable(transaction, row, change, author);
      const { name, picture, role } = change;
      const changed = await this.#update(transaction, id, {
        ...(name === undefined ? {} : { name, name_key: name.toLowerCase() }),
        ...(picture === undefined ? {} : { picture }),
        ...(role === undefined ? {} : { role }),
      });
      await part?.(transaction);
      return changed;
    });
  }

  /** Disables a user; one who is disabled already stays so. @throws {Problem} `not_found`, `conflict`, `forbidden` */
  async disable(id: string, author: ChangeAuthor, part?: TransactionPart): Promise<UserRow> {
    requireSomebodyElse(id, author.id, 'disable');
    return this.#transaction(async (transaction) => {
      const row = await lockWithAdministrators(transaction, id);
      await requireAuthor(transaction, author);
      await requireOtherAdministrator(transaction, row, 'disable');
      // The time is new on each call: an enabling, or a deletion that fails, must not undo this meanwhile.
      const version = row.disabled_at === null ? row.version + 1 : row.version;
      const now = Math.max(this.clock.now(), (row.disabled_at ?? 0) + 1);
      const disabled = await this.#update(transaction, id, {
        disabled_at: now,
        provider_access_since: now,
        version,
      });
      await part?.(transaction);
      return disabled;
    });
  }

  /**
   * Notes that a user is about to get access to the provider, and loses it again unless enabled.
   * @returns when they were disabled, for {@link enable}.
   * @throws {Problem} `not_found`, `forbidden`
   */
  async claimEnabling(id: string, author: ChangeAuthor): Promise<UserRow['disabled_at']> {
    return this.#transaction(async (transaction) => {
      const row = await requireLocked(transaction, id);
      await requireAuthor(transaction, author);
      if (row.disabled_at !== null) {
        await this.#update(transaction, id, { provider_access_since: this.clock.now() });
      }
      return row.disabled_at;
    });
  }

  /** Disabled users who may still have access to the provider, by their ids. @param after the last id of those before. */
  async listWithProviderAccess(after: string): Promise<readonly string[]> {
    const rows = await this.#withProviderAccess()
      .where('id', '>', after)
      .orderBy('id')
      .limit(usersAtOnce)
      .execute();
    return rows.map(({ id }) => id);
  }

  /** Whether a user is disabled and may still have access to the provider. */
  async hasProviderAccess(id: string): Promise<boolean> {
    return (await this.#withProviderAccess().where('id', '=', id).executeTakeFirst()) !== undefined;
  }

  /** Notes that a disabled user has no access to the provider any more. */
  async markProviderAccessTaken(id: string): Promise<void> {
    await this.database.query
      .updateTable('users')
      .set({ provider_access_since: null })
      .where('id', '=', id)
      .execute();
  }

  /**
   * Enables a user.
   * @param disabledAt as {@link claimEnabling} returned it.
   * @throws {Problem} `not_found`, `forbidden`; `conflict` if the user has been disabled again since.
   */
  async enable(id: string, author: ChangeAuthor, disabledAt: UserRow['disabled_at']): Promise<UserRow> {
    return this.#transaction(async (transaction) => {
      const row = await lockWithAdministrators(transaction, id);
      await requireAuthor(transaction, author);
      if (row.disabled_at !== null && row.disabled_at !== disabledAt) {
        throw new Problem('conflict', {
          detail: 'Somebody has disabled this user again meanwhile.',
          reason: 'disabled_again',
        });
      }
      return row.disabled_at === null
        ? row
        : this.#update(transaction, id, {
            disabled_at: null,
            provider_access_since: null,
            version: row.version + 1,
          });
    });
  }

  /**
   * Checks that a user may be deleted, and disables them, so that nothing of theirs is created meanwhile. It also keeps the
   * rules: no two concurrent deletions can remove the last two administrators, or an organisation's last two owners.
   * @throws {Problem} `not_found`, `conflict`, `owner_needed`, `forbidden`
   */
  async claimDeletion(id: string, author: ChangeAuthor, part?: TransactionPart): Promise<ClaimedUser> {
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
        disabled_at: disabledBefore ?? this.clock.now(),
      });
      const identities = await identitiesOf(transaction, id);
      await part?.(transaction);
      return { row: claimed, disabledBefore, identities };
    });
  }

  /** Restores a user whose deletion failed, unless they were disabled or enabled in the meantime. */
  async releaseDeletion({ row, disabledBefore }: ClaimedUser): Promise<void> {
    await this.database.query
      .updateTable('users')
      .set({ disabled_at: disabledBefore })
      .where('id', '=', row.id)
      .where('disabled_at', '=', row.disabled_at)
      .execute();
  }

  /** Deletes a user with identities, sessions, memberships and API keys. The audit trail stays. */
  async delete(id: string, part?: TransactionPart): Promise<void> {
    for (const { issuer, subject } of await this.identitiesOf(id)) {
      await this.database.query
        .deleteFrom('address_proofs')
        .where('issuer', '=', issuer)
        .where('subject', '=', subject)
        .execute();
    }
    await this.#transaction(async (transaction) => {
      await transaction.deleteFrom('users').where('id', '=', id).execute();
      await part?.(transaction);
    });
  }

  /**
   * A user whom the author may act on, for a change that is the provider's alone.
   * @throws {Problem} `not_found`; `forbidden` if they act as administrator and no longer are one.
   */
  async requireFor(id: string, author: ChangeAuthor): Promise<UserRow> {
    return this.#transaction(async (transaction) => {
      const row = await requireLocked(transaction, id);
      await requireAuthor(transaction, author);
      return row;
    });
  }

  /** The identities of a user. */
  async identitiesOf(id: string): Promise<ClaimedUser['identities']> {
    return identitiesOf(this.database.query, id);
  }

  #withProviderAccess() {
    return this.database.query
      .selectFrom('users')
      .select('id')
      .where('provider_access_since', 'is not', null)
      .where('disabled_at', 'is not', null);
  }

  async #transaction<T>(act: (transaction: Transaction<Schema>) => Promise<T>): Promise<T> {
    return this.database.query.transaction().execute(act);
  }

  async #update(
    transaction: Transaction<Schema>,
    id: string,
    values: Partial<Omit<UserRow, 'id'>>,
  ): Promise<UserRow> {
    return transaction
      .updateTable('users')
      .set({ ...values, updated_at: this.clock.now() })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow(() => unknownUser());
  }
}

function lockFor(transaction: Transaction<Schema>, id: string, { role }: UserChange): Promise<UserRow> {
  return role === undefined ? requireLocked(transaction, id) : lockWithAdministrators(transaction, id);
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
    requireVerifiedAddress(row);
    await requireNotOfOrganisation(transaction, row.id);
    return;
  }
  requireSomebodyElse(row.id, author.id, 'demote');
  await requireOtherAdministrator(transaction, row, 'demote');
}

/** Requires that the author may still act. @throws {Problem} `forbidden` if they act as administrator and no longer are one. */
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
