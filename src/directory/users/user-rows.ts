import type { Insertable, Kysely, Transaction } from 'kysely';
import type { IdentityKey } from './identity.js';
import { newId } from '../../platform/core/identifier.js';
import type { Schema, UserRow, UsersTable } from '../../platform/database/database.schema.js';

type NewUser = Omit<
  Insertable<UsersTable>,
  'role' | 'version' | 'disabled_at' | 'created_at' | 'updated_at' | 'last_login_at'
>;

/** An identity that a user gets. */
export interface NewLink extends IdentityKey {
  readonly userId: string;
}

/** The row of a new user. @param now milliseconds since the epoch. */
export function newUserRow(user: NewUser, now: number): Insertable<UsersTable> {
  return {
    ...user,
    role: 'user',
    version: 1,
    disabled_at: null,
    created_at: now,
    updated_at: now,
    last_login_at: null,
  };
}

/** Creates users, all at once. */
export async function insertUsers(
  transaction: Transaction<Schema>,
  users: readonly Insertable<UsersTable>[],
): Promise<void> {
  if (users.length > 0) {
    await transaction.insertInto('users').values(users).execute();
  }
}

/** Creates the account of a program. @param now milliseconds since the epoch. */
export async function insertServiceAccount(
  transaction: Transaction<Schema>,
  { id, name }: { readonly id: string; readonly name: string },
  now: number,
): Promise<void> {
  const nameless = { email: null, email_key: null, email_verified: 0, picture: null };
  const row = newUserRow({ id, ...nameless, name, name_key: name.toLowerCase(), kind: 'service' }, now);
  await insertUsers(transaction, [row]);
}

/** Gives a user an identity at a provider. @returns false if another transaction was faster: the identity is somebody's by now. */
export async function insertIdentity(
  transaction: Transaction<Schema>,
  { issuer, subject }: IdentityKey,
  userId: string,
  now: number,
): Promise<boolean> {
  const inserted = await transaction
    .insertInto('identities')
    .values({ issuer, subject, user_id: userId, created_at: now, last_login_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .returning('user_id')
    .executeTakeFirst();
  return inserted !== undefined;
}

/** Gives users identities that nobody has, all at once. Otherwise the statement fails. @param now milliseconds since the epoch. */
export async function insertIdentities(
  transaction: Transaction<Schema>,
  links: readonly NewLink[],
  now: number,
): Promise<void> {
  if (links.length > 0) {
    const times = { created_at: now, last_login_at: now };
    const rows = links.map(({ issuer, subject, userId }) => ({ issuer, subject, user_id: userId, ...times }));
    await transaction.insertInto('identities').values(rows).execute();
  }
}

/**
 * Locks identities of one issuer, by an update that changes nothing. It comes before any read, because SQLite can't upgrade a read to a
 * write.
 */
export async function lockIdentities(
  transaction: Transaction<Schema>,
  identities: readonly IdentityKey[],
): Promise<void> {
  const [first] = identities;
  if (first !== undefined) {
    await transaction
      .updateTable('identities')
      .set((builder) => ({ last_login_at: builder.ref('last_login_at') }))
      .where('issuer', '=', first.issuer)
      .where(
        'subject',
        'in',
        identities.map(({ subject }) => subject),
      )
      .execute();
  }
}

/**
 * Finds the user who has an identity, or creates one.
 * @param insertUser inserts the row of the new user.
 * @returns the user's id.
 */
export async function findOrCreateUser(
  transaction: Transaction<Schema>,
  identity: IdentityKey,
  now: number,
  insertUser: (id: string) => Promise<unknown>,
): Promise<string> {
  const known = transaction
    .selectFrom('identities')
    .select('user_id')
    .where('issuer', '=', identity.issuer)
    .where('subject', '=', identity.subject);
  const existing = await known.executeTakeFirst();
  if (existing !== undefined) {
    return existing.user_id;
  }
  const id = newId(now);
  await insertUser(id);
  if (await insertIdentity(transaction, identity, id, now)) {
    return id;
  }
  await transaction.deleteFrom('users').where('id', '=', id).execute();
  return (await known.executeTakeFirstOrThrow()).user_id;
}

/** Disables the account of a program. @param now milliseconds since the epoch. */
export async function disableServiceAccount(
  transaction: Transaction<Schema>,
  id: string,
  now: number,
): Promise<void> {
  await transaction
    .updateTable('users')
    .set({ disabled_at: now, updated_at: now })
    .where('id', '=', id)
    .where('kind', '=', 'service')
    .execute();
}

/** Deletes accounts of programs. */
export async function deleteServiceAccounts(
  transaction: Transaction<Schema>,
  ids: readonly string[],
): Promise<void> {
  if (ids.length > 0) {
    await transaction.deleteFrom('users').where('kind', '=', 'service').where('id', 'in', ids).execute();
  }
}

/**
 * Locks a user until the transaction ends, by writing the row as it is: of many concurrent transactions, each sees what the earlier ones did.
 * On SQLite, a transaction that reads first and writes later fails if another process writes in between; on PostgreSQL, `for update` would
 * make those wait who only refer to the user.
 * @returns nothing when there is no such user.
 */
export async function lockUser(transaction: Transaction<Schema>, id: string): Promise<UserRow | undefined> {
  return transaction
    .updateTable('users')
    .set((builder) => ({ kind: builder.ref('kind') }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
}

/** Whether a user is a person without a verified address. */
export async function isUnverified(query: Kysely<Schema>, id: string): Promise<boolean> {
  const row = await query
    .selectFrom('users')
    .select(['kind', 'email_verified'])
    .where('id', '=', id)
    .executeTakeFirst();
  return row !== undefined && row.kind === 'person' && row.email_verified !== 1;
}
