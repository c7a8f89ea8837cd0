import { type Kysely, type Transaction, sql } from 'kysely';
import type { IdentityKey } from '../../directory/users/identity.js';
import { type PersonFacts, profileOf } from '../../directory/users/user-profile.js';
import {
  type NewLink,
  insertIdentities,
  insertUsers,
  lockIdentities,
  newUserRow,
} from '../../directory/users/user-rows.js';
import { foldIdentifier } from '../../platform/core/account-identifier.js';
import { newId } from '../../platform/core/identifier.js';
import type { Database, Schema, UserRow } from '../../platform/database/database.schema.js';
import { isUniqueViolation } from '../../platform/database/unique-violation.js';
import type { Clock } from '../../platform/time/clock.service.js';

/** Attempts of a move beside users who log in. */
const mostAttempts = 5;

/** A person who is moved from one provider to another. */
export interface MovedPerson extends PersonFacts {
  /** Their identity at the provider that they come from. */
  readonly from: IdentityKey;
  readonly email: string;
  /** Whether they may not log in, until an administrator enables them. */
  readonly isDisabled: boolean;
}

/** A person and their new identity. */
export interface NewIdentity {
  readonly person: MovedPerson;
  /** At the provider that they move to. */
  readonly to: IdentityKey;
}

/** What there is here of a person who is to be moved. */
export type MoveState =
  /** No user has the old identity, and no other user has the address. */
  | { readonly state: 'new' }
  | { readonly state: 'known'; readonly userId: string; readonly isDisabled: boolean }
  /** The user has an identity at the new provider. */
  | { readonly state: 'moved' }
  | { readonly state: 'refused'; readonly reason: MoveRefusal };

/** Why a person isn't moved. */
export type MoveRefusal =
  | 'other_address'
  | 'address_taken'
  | 'administrator'
  | 'service_account'
  /** A user has logged in with the new identity, and it has a user of its own. */
  | 'identity_used';

/** What became of a person: a new user was created, or the one they had got the identity. */
export type MoveResult =
  | { readonly state: 'created'; readonly userId: string }
  | { readonly state: 'linked'; readonly userId: string }
  | (Exclude<MoveState, { readonly state: 'new' | 'known' }> & {
      /** Whether the new identity has a user nevertheless: then it must not be deleted. */
      readonly isUsed: boolean;
    });

/** What a move must keep to. */
export interface MoveRules {
  /** Issuer of the provider that they move to. */
  readonly to: string;
  /** Whether administrators may be moved: who has set the password of the new identity then has the administrator's rights. */
  readonly movesAdministrators: boolean;
}

interface KnownUser extends Pick<UserRow, 'id' | 'email' | 'kind' | 'role' | 'disabled_at'> {
  readonly subject: string;
  readonly moved: string | null;
}

/**
 * Moves people from one provider to another: their user gets the new identity, and keeps id, memberships and API keys. The old
 * identity alone says which user that is, and their address must be the one that the user has here. So no user gets another user's
 * account by naming the id of one user and the address of another.
 */
export class IdentityImport {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Issuers of people's identities, without this one. */
  async issuersBeside(issuer: string): Promise<string[]> {
    const rows = await this.database.query
      .selectFrom('identities')
      .innerJoin('users', 'users.id', 'identities.user_id')
      .select('identities.issuer')
      .distinct()
      .where('identities.issuer', '!=', issuer)
      .where('users.kind', '=', sql.lit('person'))
      .orderBy('identities.issuer')
      .limit(20)
      .execute();
    return rows.map((row) => row.issuer);
  }

  /** What there is here of people, in their order. All of them come from one issuer. */
  async statesOf(people: readonly MovedPerson[], rules: MoveRules): Promise<MoveState[]> {
    return statesOf(this.database.query, people, rules);
  }

  /**
   * Gives people their new identities, and those who have no user yet a user, all at once. What {@link statesOf} found is checked
   * again. The gateway may run meanwhile.
   * @returns what became of them, in their order.
   */
  async move(identities: readonly NewIdentity[], rules: MoveRules): Promise<MoveResult[]> {
    const move = async (): Promise<MoveResult[]> =>
      this.database.query
        .transaction()
        .execute(async (transaction) => this.#move(transaction, identities, rules));
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await move();
      } catch (error) {
        // A user has logged in since the identities were read. The next attempt reads their login as well.
        if (!isUniqueViolation(error) || attempt === mostAttempts) {
          throw error;
        }
      }
    }
  }

  async #move(
    transaction: Transaction<Schema>,
    identities: readonly NewIdentity[],
    rules: MoveRules,
  ): Promise<MoveResult[]> {
    const now = this.clock.now();
    const people = identities.map(({ person }) => person);
    await lockIdentities(
      transaction,
      people.map(({ from }) => from),
    );
    const states = await statesOf(transaction, people, rules);
    const used = await usedSubjects(transaction, identities, rules);
    const users: ReturnType<typeof newUserRow>[] = [];
    const links: NewLink[] = [];
    const results = identities.map(({ person, to }, index): MoveResult => {
      const found = states[index] ?? { state: 'new' };
      const isUsed = used.has(to.subject);
      if (found.state === 'moved') {
        return { ...found, isUsed };
      }
      // Before any other reason: its login may have caused that one, by taking the address.
      if (isUsed) {
        return { state: 'refused', reason: 'identity_used', isUsed };
      }
      if (found.state === 'refused') {
        return { ...found, isUsed };
      }
      if (found.state === 'known') {
        links.push({ ...to, userId: found.userId });
        return { state: 'linked', userId: found.userId };
      }
      const userId = newId(now);
      const row = newUserRow({ id: userId, ...profileOf(person), kind: 'person' }, now);
      users.push({ ...row, disabled_at: person.isDisabled ? now : null });
      links.push({ ...person.from, userId }, { ...to, userId });
      return { state: 'created', userId };
    });
    await insertUsers(transaction, users);
    await insertIdentities(transaction, links, now);
    return results;
  }
}

async function statesOf(
  query: Kysely<Schema> | Transaction<Schema>,
  people: readonly MovedPerson[],
  rules: MoveRules,
): Promise<MoveState[]> {
  const [issuer] = new Set(people.map(({ from }) => from.issuer));
  if (issuer === undefined) {
    return [];
  }
  const known = await query
    .selectFrom('identities')
    .innerJoin('users', 'users.id', 'identities.user_id')
    .leftJoin('identities as moved', (join) =>
      join.onRef('moved.user_id', '=', 'users.id').on('moved.issuer', '=', rules.to),
    )
    .select([
      'identities.subject',
      'users.id',
      'users.email',
      'users.kind',
      'users.role',
      'users.disabled_at',
      'moved.subject as moved',
    ])
    .where('identities.issuer', '=', issuer)
    .where(
      'identities.subject',
      'in',
      people.map(({ from }) => from.subject),
    )
    .execute();
  const users = new Map(known.map((user) => [user.subject, user]));
  const owners = await query
    .selectFrom('users')
    .select(['id', 'email_key'])
    .where('kind', '=', sql.lit('person'))
    .where('email_verified', '=', 1)
    .where(
      'email_key',
      'in',
      people.map(({ email }) => foldIdentifier(email)),
    )
    .execute();
  const taken = new Set(owners.map((owner) => owner.email_key));
  return people.map(({ from, email }) =>
    stateOf(users.get(from.subject), foldIdentifier(email), taken, rules),
  );
}

function stateOf(
  user: KnownUser | undefined,
  email: string,
  taken: ReadonlySet<string | null>,
  { movesAdministrators }: MoveRules,
): MoveState {
  if (user !== undefined && user.moved !== null) {
    return { state: 'moved' };
  }
  if (user !== undefined && user.kind !== 'person') {
    return { state: 'refused', reason: 'service_account' };
  }
  if (user?.role === 'admin' && !movesAdministrators) {
    return { state: 'refused', reason: 'administrator' };
  }
  if (user !== undefined && user.email === email) {
    return { state: 'known', userId: user.id, isDisabled: user.disabled_at !== null };
  }
  if (user !== undefined && user.email !== null) {
    return { state: 'refused', reason: 'other_address' };
  }
  if (taken.has(email)) {
    return { state: 'refused', reason: 'address_taken' };
  }
  return user === undefined
    ? { state: 'new' }
    : { state: 'known', userId: user.id, isDisabled: user.disabled_at !== null };
}

/** Subjects of new identities that have a user already. */
async function usedSubjects(
  transaction: Transaction<Schema>,
  identities: readonly NewIdentity[],
  { to }: MoveRules,
): Promise<ReadonlySet<string>> {
  const subjects = identities.map((identity) => identity.to.subject);
  const rows = await transaction
    .selectFrom('identities')
    .select('subject')
    .where('issuer', '=', to)
    .where('subject', 'in', subjects)
    // Who logs in at other applications only has no user here.
    .union(
      transaction
        .selectFrom('application_uses')
        .select('subject')
        .where('issuer', '=', to)
        .where('subject', 'in', subjects),
    )
    .execute();
  return new Set(rows.map(({ subject }) => subject));
}
