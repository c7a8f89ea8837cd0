import { Inject, Injectable } from '@nestjs/common';
import type { Kysely, Transaction } from 'kysely';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Clock } from '../../platform/time/clock.service.js';
import { needsRowLocks } from '../../platform/database/dialect.js';
import { Database, type Schema, type UserRow } from '../../platform/database/database.schema.js';
import { isId } from '../../platform/core/id.schema.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { type Account, accountOf, readAccount, userUnknown } from './account.query.js';
import type { IdentityKey, ProviderIdentity } from './identity.js';
import { followed, profileOf } from './user.profile.js';
import { type SecondFactorRule, secondFactorRuleOf } from './second-factor.policy.js';
import { userOfIdentity } from './user.query.js';
import { requireAdministrator } from './user.rules.js';
import { findOrCreateUser, insertIdentity, insertServiceAccount, newUserRow } from './user.rows.js';

/** A user who has just logged in. */
export interface RecordedLogin extends Account {
  /** Whether an unknown identity was linked to an existing user. */
  readonly linked: boolean;
  /** Whether this login created the user. */
  readonly created: boolean;
}

/** Local users and their identities. */
@Injectable()
export class UsersService {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #links: boolean;
  readonly #rule: SecondFactorRule;

  constructor(database: Database, clock: Clock, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#database = database;
    this.#clock = clock;
    this.#links = configuration.LINK_BY_VERIFIED_EMAIL;
    this.#rule = secondFactorRuleOf(configuration);
  }

  /**
   * The user of an identity, created at the first login, with the provider's profile applied (step 10).
   *
   * Issuer and subject determine the user. An e-mail address never does, unless `LINK_BY_VERIFIED_EMAIL` is on. Then a new
   * identity is linked to the one user who has its address, if both sides have verified it.
   * @param admit is called before a user is created; if it throws, none is.
   * @throws {Problem} `unauthenticated` when the user is disabled; `login_refused` for an administrator of the deployment for whom only an
   *   organisation vouches, of whom nothing is changed then.
   */
  async recordLogin(identity: ProviderIdentity, admit?: () => Promise<void>): Promise<RecordedLogin> {
    if (identity.membership !== undefined) {
      await this.#requireNoAdministrator(identity);
    }
    const now = this.#clock.now();
    const reading = { orgId: null, readAt: now, rule: this.#rule };
    const known = await noteLogin(this.#database.query, identity, now);
    if (known !== undefined) {
      return { ...(await accountOf(this.#database.query, known, reading)), linked: false, created: false };
    }
    const { query } = this.#database;
    const linked =
      this.#links &&
      (await query.transaction().execute((transaction) => linkByVerifiedEmail(transaction, identity, now)));
    if (!linked) {
      // Not within the transaction: it reads through another connection, and SQLite has one.
      await admit?.();
    }
    const row = await this.#firstLogin(identity, now);
    const created = !linked && row.created_at === now;
    return { ...(await accountOf(this.#database.query, row, reading)), linked, created };
  }

  async #requireNoAdministrator(identity: IdentityKey): Promise<void> {
    const user = await userOfIdentity(this.#database.query, identity).select('role').executeTakeFirst();
    if (user?.role === 'admin') {
      throw new Problem('login_refused', { reason: 'administrator_by_connection' });
    }
  }

  async #firstLogin(identity: ProviderIdentity, now: number): Promise<UserRow> {
    return this.#database.query.transaction().execute(async (transaction) => {
      await findOrCreate(transaction, identity, now);
      const row = await noteLogin(transaction, identity, now);
      if (row === undefined) {
        throw userUnknown();
      }
      return row;
    });
  }

  /** Whether a user has this identity. */
  async isKnown({ issuer, subject }: IdentityKey): Promise<boolean> {
    const found = await this.#database.query
      .selectFrom('identities')
      .select('user_id')
      .where('issuer', '=', issuer)
      .where('subject', '=', subject)
      .executeTakeFirst();
    return found !== undefined;
  }

  /** Ensures that an identity has a user. @returns the user's id. */
  async ensure(identity: ProviderIdentity): Promise<string> {
    return this.#database.query
      .transaction()
      .execute((transaction) => findOrCreate(transaction, identity, this.#clock.now()));
  }

  /** Ensures that an identity has the service account of a program. @param name of a new account. @returns the user's id. */
  async ensureServiceAccount(identity: IdentityKey, name: string): Promise<string> {
    const now = this.#clock.now();
    return this.#database.query
      .transaction()
      .execute((transaction) =>
        findOrCreateUser(transaction, identity, now, (id) =>
          insertServiceAccount(transaction, { id, name }, now),
        ),
      );
  }

  /** Requires an administrator of the deployment, by the current state in SQL. @throws {Problem} `forbidden` */
  async requireAdministrator(id: string): Promise<void> {
    await requireAdministrator(this.#database.query, id);
  }

  /**
   * The data that a token states about a user.
   * @param orgId the organisation that they chose; null: the one that they joined first.
   * @throws {Problem} `unauthenticated` when there is no such user or it's disabled.
   */
  async requireAccount(id: string, orgId: string | null): Promise<Account> {
    return readAccount(this.#database.query, id, { orgId, readAt: this.#clock.now(), rule: this.#rule });
  }

  /**
   * The same for one of the user's organisations.
   * @param org id or slug.
   * @returns nothing when they don't belong to it.
   * @throws {Problem} `unauthenticated` when there is no such user or it's disabled.
   */
  async findAccountIn(id: string, org: string): Promise<Account | undefined> {
    const found = await this.#database.query
      .selectFrom('memberships')
      .innerJoin('orgs', 'orgs.id', 'memberships.org_id')
      .select('orgs.id')
      .where('memberships.user_id', '=', id)
      .where('memberships.state', '=', 'active')
      .where(isId(org) ? 'orgs.id' : 'orgs.slug', '=', isId(org) ? org.toLowerCase() : org)
      .limit(1)
      .executeTakeFirst();
    const account = found === undefined ? undefined : await this.requireAccount(id, found.id);
    return account?.org?.id === found?.id ? account : undefined;
  }
}

/** Applies the profile of a known identity. @returns its user; nothing if it is unknown. */
async function noteLogin(
  query: Kysely<Schema> | Transaction<Schema>,
  identity: ProviderIdentity,
  now: number,
): Promise<UserRow | undefined> {
  const known = await query
    .updateTable('identities')
    .set({ last_login_at: now })
    .where('issuer', '=', identity.issuer)
    .where('subject', '=', identity.subject)
    .returning('user_id')
    .executeTakeFirst();
  return known === undefined
    ? undefined
    : query
        .updateTable('users')
        .set((builder) => ({ ...followed(builder, identity, now), last_login_at: now }))
        .where('id', '=', known.user_id)
        .returningAll()
        .executeTakeFirst();
}

/** Links an identity by its verified address. @returns whether an unknown identity was linked to an existing user. */
async function linkByVerifiedEmail(
  transaction: Transaction<Schema>,
  identity: ProviderIdentity,
  now: number,
): Promise<boolean> {
  const { email } = profileOf(identity);
  if (email === null || !identity.emailVerified) {
    return false;
  }
  const having = transaction
    .selectFrom('users')
    .select(['id', 'role'])
    .where('email', '=', email)
    .where('email_verified', '=', 1)
    .orderBy('id')
    .limit(2);
  // Locked: the user must not give the address up, or become an administrator, meanwhile.
  const candidates = await (needsRowLocks(transaction) ? having.forUpdate() : having).execute();
  const [candidate] = candidates;
  if (candidate === undefined || candidates.length > 1) {
    return false;
  }
  const { membership } = identity;
  if (membership !== undefined && !(await isOnlyIn(transaction, candidate, membership.orgId))) {
    return false;
  }
  return insertIdentity(transaction, identity, candidate.id, now);
}

/** Whether an organisation can vouch for a user: not for an administrator of the deployment, nor for a member of another organisation. */
async function isOnlyIn(
  transaction: Transaction<Schema>,
  { id, role }: Pick<UserRow, 'id' | 'role'>,
  orgId: string,
): Promise<boolean> {
  const elsewhere = await transaction
    .selectFrom('memberships')
    .select('org_id')
    .where('user_id', '=', id)
    .where('org_id', '!=', orgId)
    .where('state', '=', 'active')
    .limit(1)
    .executeTakeFirst();
  return role !== 'admin' && elsewhere === undefined;
}

async function findOrCreate(
  transaction: Transaction<Schema>,
  identity: ProviderIdentity,
  now: number,
): Promise<string> {
  return findOrCreateUser(transaction, identity, now, (id) =>
    transaction
      .insertInto('users')
      .values(newUserRow({ id, ...profileOf(identity), kind: 'person' }, now))
      .execute(),
  );
}
