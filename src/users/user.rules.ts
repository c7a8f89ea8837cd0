import { type Kysely, type Transaction, sql } from 'kysely';
import { Problem } from '../core/problem.error.js';
import type { Schema, UserRow } from '../database/database.schema.js';
import { needsRowLocks } from '../database/row.lock.js';
import { unknownUser } from './user.directory.js';
import { activeAdministrators } from './user.query.js';

/** What is about to be taken away from a user. */
export type Withdrawal = 'demote' | 'disable' | 'delete';

const participles: Readonly<Record<Withdrawal, string>> = {
  demote: 'lose the role',
  disable: 'be disabled',
  delete: 'be deleted',
};

/**
 * The user, locked together with every administrator: until the end of the transaction nobody else can take one away.
 * @throws {Problem} `not_found`
 */
export async function lockWithAdministrators(transaction: Transaction<Schema>, id: string): Promise<UserRow> {
  const rows = transaction
    .selectFrom('users')
    .select('id')
    .where((builder) =>
      builder.or([
        builder('id', '=', id),
        builder.and([builder('role', '=', sql.lit('admin')), builder('disabled_at', 'is', null)]),
      ]),
    )
    .orderBy('id');
  await (needsRowLocks(transaction) ? rows.forUpdate() : rows).execute();
  return requireRow(transaction, id);
}

/** The user, locked. @throws {Problem} `not_found` */
export async function lockUser(transaction: Transaction<Schema>, id: string): Promise<UserRow> {
  const row = transaction.selectFrom('users').select('id').where('id', '=', id);
  await (needsRowLocks(transaction) ? row.forUpdate() : row).execute();
  return requireRow(transaction, id);
}

/**
 * Somebody must always be there to administer the deployment.
 * @param user locked with {@link lockWithAdministrators}.
 * @throws {Problem} `conflict`
 */
export async function requireOtherAdministrator(
  transaction: Transaction<Schema>,
  user: UserRow,
  act: Withdrawal,
): Promise<void> {
  if (user.role !== 'admin' || user.disabled_at !== null) {
    return;
  }
  const other = await activeAdministrators(transaction)
    .where('id', '!=', user.id)
    .limit(1)
    .executeTakeFirst();
  if (other === undefined) {
    throw new Problem('conflict', {
      detail: `The last administrator can't ${participles[act]}: make somebody else one first.`,
      reason: 'last_administrator',
    });
  }
}

/**
 * Administrators may do what they may as long as SQL says so, whatever their token says.
 * @throws {Problem} `forbidden` for anyone else, and for an administrator who is disabled.
 */
export async function requireAdministrator(
  query: Kysely<Schema> | Transaction<Schema>,
  userId: string,
): Promise<void> {
  const row = await activeAdministrators(query).where('id', '=', userId).executeTakeFirst();
  if (row === undefined) {
    throw new Problem('forbidden', { reason: 'role_missing' });
  }
}

/** An administrator's slip must not lock them out. @throws {Problem} `conflict` */
export function requireSomebodyElse(id: string, actorId: string | null, act: Withdrawal): void {
  if (id === actorId) {
    throw new Problem('conflict', {
      detail: `Administrators can't ${act} themselves here: another administrator must.`,
      reason: 'own_account',
    });
  }
}

/** What acts for an organisation alone can't administer the deployment. @throws {Problem} `conflict` */
export function requirePerson(user: UserRow): void {
  if (user.kind !== 'person') {
    throw new Problem('conflict', {
      detail: "A service account can't be an administrator.",
      reason: 'service_account',
    });
  }
}

/**
 * No organisation may be left without somebody who can run it; owners who are disabled can't.
 * @throws {Problem} `conflict`
 */
export async function requireOtherOwners(transaction: Transaction<Schema>, userId: string): Promise<void> {
  const owned = transaction
    .selectFrom('memberships')
    .select('org_id')
    .where('user_id', '=', userId)
    .where('role', '=', 'owner')
    .where('state', '=', 'active');
  const owners = transaction
    .selectFrom('memberships')
    .select('user_id')
    .where('org_id', 'in', owned)
    .where('role', '=', 'owner')
    .orderBy('org_id')
    .orderBy('user_id');
  await (needsRowLocks(transaction) ? owners.forUpdate() : owners).execute();
  // Read once more: what a transaction that was waited for has changed is seen only now.
  const ownerless = await owned
    .where((builder) =>
      builder.not(
        builder.exists(
          builder
            .selectFrom('memberships as other')
            .innerJoin('users', 'users.id', 'other.user_id')
            .select('users.id')
            .whereRef('other.org_id', '=', 'memberships.org_id')
            .where('other.user_id', '!=', userId)
            .where('other.role', '=', 'owner')
            .where('other.state', '=', 'active')
            .where('users.disabled_at', 'is', null),
        ),
      ),
    )
    .limit(1)
    .executeTakeFirst();
  if (ownerless !== undefined) {
    throw new Problem('conflict', {
      detail: 'This is the only owner of an organisation: give it another owner, or delete it first.',
      reason: 'only_owner',
    });
  }
}

async function requireRow(transaction: Transaction<Schema>, id: string): Promise<UserRow> {
  const row = await transaction.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) {
    throw unknownUser();
  }
  return row;
}
