import { type Kysely, type Transaction, sql } from 'kysely';
import { Problem } from '../../platform/errors/problem.error.js';
import type { Schema, UserRow } from '../../platform/database/database.schema.js';
import { needsRowLocks } from '../../platform/database/dialect.js';
import { isOrgIssuer } from './connection-identity.js';
import { unknownUser } from './user-directory.js';
import { userDisabled, userUnknown } from './account.query.js';
import { lockUser } from './user-rows.js';
import { activeAdministrators, orgsOwnedAlone } from './user.query.js';

/** A change that withdraws a user's role, access or account. */
export type Withdrawal = 'demote' | 'disable' | 'delete';

const participles: Readonly<Record<Withdrawal, string>> = {
  demote: 'lose the role',
  disable: 'be disabled',
  delete: 'be deleted',
};

/**
 * The user, locked together with every administrator: until the transaction ends, no other one can remove an administrator.
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
export async function requireLocked(transaction: Transaction<Schema>, id: string): Promise<UserRow> {
  const user = await lockUser(transaction, id);
  if (user === undefined) {
    throw unknownUser();
  }
  return user;
}

/**
 * Requires a user who exists and isn't disabled, and locks them: nobody disables or deletes them before the transaction ends.
 * @throws {Problem} `unauthenticated`
 */
export async function requireActiveUser(transaction: Transaction<Schema>, id: string): Promise<void> {
  const user = await lockUser(transaction, id);
  if (user === undefined) {
    throw userUnknown();
  }
  if (user.disabled_at !== null) {
    throw userDisabled();
  }
}

/**
 * Requires that another administrator remains: a deployment must always have one.
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

/** Requires an administrator who isn't disabled, by SQL and not by their token. @throws {Problem} `forbidden` */
export async function requireAdministrator(
  query: Kysely<Schema> | Transaction<Schema>,
  userId: string,
): Promise<void> {
  await activeAdministrators(query)
    .where('id', '=', userId)
    .executeTakeFirstOrThrow(() => new Problem('forbidden', { reason: 'role_missing' }));
}

/** Requires another user than the actor: an administrator's slip must not lock them out. @throws {Problem} `conflict` */
export function requireSomebodyElse(id: string, actorId: string | null, act: Withdrawal): void {
  if (id === actorId) {
    throw new Problem('conflict', {
      detail: `Administrators can't ${act} themselves here: another administrator must.`,
      reason: 'own_account',
    });
  }
}

/** Requires a person: a service account can't administer the deployment. @throws {Problem} `conflict` */
export function requirePerson(user: UserRow): void {
  if (user.kind !== 'person') {
    throw new Problem('conflict', {
      detail: "A service account can't be an administrator.",
      reason: 'service_account',
    });
  }
}

/** Requires that nobody else can have claimed the user's address: it's verified, or there is none. @throws {Problem} `conflict` */
export function requireVerifiedAddress({ email, email_verified: isVerified }: UserRow): void {
  if (email !== null && isVerified !== 1) {
    throw new Problem('conflict', {
      detail: 'An administrator needs a verified e-mail address: anyone may have claimed this one.',
      reason: 'administrator_unverified',
    });
  }
}

/**
 * Requires a user for whom no organisation's connection vouches, or ever has: what its owners may have made in the user's name, such as
 * API keys, would get the role of an administrator.
 * @throws {Problem} `conflict`
 */
export async function requireNotOfOrganisation(
  transaction: Transaction<Schema>,
  userId: string,
): Promise<void> {
  const identities = await transaction
    .selectFrom('identities')
    .select('issuer')
    .where('user_id', '=', userId)
    .execute();
  if (identities.some(({ issuer }) => isOrgIssuer(issuer))) {
    throw new Problem('conflict', {
      detail:
        'This user has logged in by a connection of an organisation, which can’t vouch for an administrator. They need another account.',
      reason: 'administrator_by_connection',
    });
  }
}

/** Requires that each of the user's organisations keeps another owner who can act. @throws {Problem} `owner_needed` */
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
  // Read once more: the changes of a transaction that this one waited for are visible only now.
  const ownerless = await orgsOwnedAlone(transaction, userId).limit(1).executeTakeFirst();
  if (ownerless !== undefined) {
    throw new Problem('owner_needed', {
      detail: `This is the only owner of ${ownerless.name}: give it another owner, or delete it first.`,
      reason: 'only_owner',
    });
  }
}

async function requireRow(transaction: Transaction<Schema>, id: string): Promise<UserRow> {
  const user = transaction.selectFrom('users').selectAll().where('id', '=', id);
  return user.executeTakeFirstOrThrow(() => unknownUser());
}
