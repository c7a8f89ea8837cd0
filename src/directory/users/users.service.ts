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
import { followed, profileOf } from './user-profile.js';
import { RequiredFactors } from './required-factors.js';
import { userOfIdentity } from './user.query.js';
import { requireAdministrator } from './user-rules.js';
import { type VouchRefusal, vouchRefusal, vouchingOrgOf } from './vouching-rules.js';
import {
  findOrCreateUser,
  insertIdentity,
  insertServiceAccount,
  insertUsers,
  newUserRow,
} from './user-rows.js';

/** How an identity got its user. */
interface Provision {
  /** The existing user to whom an unknown identity was linked; undefined if none was. */
  readonly linked: UserRow | undefined;
  /** Whether the user was created. */
  readonly created: boolean;
}

/** A user who has just logged in. */
export interface RecordedLogin extends Account, Provision {}

/** The user of an identity that goes on to another application. */
export interface ProvidedUser extends Provision {
  readonly user: UserRow;
}

/** Takes what a new account is made by, such as an invite, in the transaction that makes it. It throws if that is used up. */
export type NewAccountUse = (transaction: Transaction<Schema>, userId: string) => Promise<void>;

/**
 * Admits an identity that is unknown and can't be linked, before its user is created: if it, or what it returns, throws, none is.
 * `none` stands for none, without an error.
 */
export type Admit<Other = never> = () => Promise<NewAccountUse | Other | undefined>;

/** Local users and their identities. */
@Injectable()
export class UsersService {
  readonly #links: boolean;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
    private readonly factors: RequiredFactors,
  ) {
    this.#links = configuration.LINK_BY_VERIFIED_EMAIL;
  }

  /**
   * The user of an identity, created at the first login, with the provider's profile applied (step 10).
   *
   * Issuer and subject determine the user. An e-mail address never does, unless `LINK_BY_VERIFIED_EMAIL` is on. Then a new
   * identity is linked to the one user who has its address, if both sides have verified it.
   * @throws {Problem} `unauthenticated` when the user is disabled; `login_refused` for a user for whom an organisation can't vouch, of
   *   whom nothing is changed then.
   */
  async recordLogin(
    identity: ProviderIdentity,
    admit: Admit = async () => undefined,
  ): Promise<RecordedLogin> {
    // Before the user is judged: a membership that comes later outdates the login's token.
    const now = this.clock.now();
    if (identity.membership !== undefined) {
      await this.#requireVouchable(identity, identity.membership.orgId);
    }
    const reading = { orgId: null, readAt: now, factors: this.factors };
    const known = await noteLogin(this.database.query, identity, now);
    const how = known === undefined ? await this.#introduce(identity, now, admit) : 'known';
    const row = known ?? (await noteLogin(this.database.query, identity, now));
    if (row === undefined) {
      throw userUnknown();
    }
    return { ...(await accountOf(this.database.query, row, reading)), ...provisionOf(how, row) };
  }

  /**
   * The user of an identity that goes on to another application: known, linked or created as by {@link recordLogin}. No login here is
   * recorded.
   * @returns undefined if `admit` lets it go on without one.
   */
  async provide(identity: ProviderIdentity, admit: Admit<'none'>): Promise<ProvidedUser | undefined> {
    const find = async (): Promise<UserRow | undefined> =>
      userOfIdentity(this.database.query, identity).selectAll('users').executeTakeFirst();
    const known = await find();
    const how = known === undefined ? await this.#introduce(identity, this.clock.now(), admit) : 'known';
    const user = known ?? (await find());
    return user && { user, ...provisionOf(how, user) };
  }

  /** Links an identity that wasn't known, or creates its user. @returns `known` if another login of it was faster. */
  async #introduce(
    identity: ProviderIdentity,
    now: number,
    admit: Admit<'none'>,
  ): Promise<'known' | 'linked' | 'created' | 'none'> {
    const { query } = this.database;
    const isLinked =
      this.#links &&
      (await query.transaction().execute((transaction) => linkByVerifiedEmail(transaction, identity, now)));
    if (isLinked) {
      return 'linked';
    }
    // Not within the transaction: it reads through another connection, and SQLite has one.
    const use = await this.#admitted(identity, admit);
    if (use === 'none') {
      return 'none';
    }
    const { isNew } = await query
      .transaction()
      .execute((transaction) => findOrCreate(transaction, identity, now, use));
    return isNew ? 'created' : 'known';
  }

  async #requireVouchable(identity: IdentityKey, orgId: string): Promise<void> {
    const { query } = this.database;
    const user = await userOfIdentity(query, identity).select('users.id').executeTakeFirst();
    const reason = user && (await vouchRefusal(query, user.id, orgId));
    if (reason !== undefined) {
      throw new Problem('login_refused', { reason });
    }
  }

  async #admitted(
    identity: ProviderIdentity,
    admit: Admit<'none'>,
  ): Promise<NewAccountUse | 'none' | undefined> {
    try {
      return await admit();
    } catch (error) {
      // What admits it may be used up by now: by another login of this very identity.
      if (await this.#isKnown(identity)) {
        return undefined;
      }
      throw error;
    }
  }

  /** Stores the languages that a user reads. @param accepted an `Accept-Language` header. */
  async noteLanguages(id: string, accepted: string): Promise<void> {
    await this.database.query
      .updateTable('users')
      .set({ languages: accepted })
      .where('id', '=', id)
      .where(({ eb, or }) => or([eb('languages', 'is', null), eb('languages', '!=', accepted)]))
      .execute();
  }

  /** Whether a user has this identity. */
  async #isKnown({ issuer, subject }: IdentityKey): Promise<boolean> {
    const found = await this.database.query
      .selectFrom('identities')
      .select('user_id')
      .where('issuer', '=', issuer)
      .where('subject', '=', subject)
      .executeTakeFirst();
    return found !== undefined;
  }

  /** Ensures that an identity has a user, and links none. @returns the user's id. */
  async ensure(identity: ProviderIdentity): Promise<string> {
    const { id } = await this.database.query
      .transaction()
      .execute((transaction) => findOrCreate(transaction, identity, this.clock.now()));
    return id;
  }

  /** Ensures that an identity has the service account of a program. @param name of a new account. @returns the user's id. */
  async ensureServiceAccount(identity: IdentityKey, name: string): Promise<string> {
    const now = this.clock.now();
    return this.database.query
      .transaction()
      .execute((transaction) =>
        findOrCreateUser(transaction, identity, now, (id) =>
          insertServiceAccount(transaction, { id, name }, now),
        ),
      );
  }

  /** The organisation that vouches for the logins of an issuer, as {@link vouchingOrgOf} reads it. */
  async vouchingOrgOf(issuer: string): Promise<string | null> {
    return vouchingOrgOf(this.database.query, issuer);
  }

  /** Why an organisation's connection can't vouch for a user, if it can't. */
  async vouchRefusal(userId: string, orgId: string): Promise<VouchRefusal | undefined> {
    return vouchRefusal(this.database.query, userId, orgId);
  }

  /** Requires an administrator of the deployment, by the current state in SQL. @throws {Problem} `forbidden` */
  async requireAdministrator(id: string): Promise<void> {
    await requireAdministrator(this.database.query, id);
  }

  /**
   * The data that a token states about a user.
   * @param orgId the organisation that they chose; null: the one that they joined first.
   * @throws {Problem} `unauthenticated` when there is no such user or it's disabled.
   */
  async requireAccount(id: string, orgId: string | null): Promise<Account> {
    return readAccount(this.database.query, id, { orgId, readAt: this.clock.now(), factors: this.factors });
  }

  /**
   * The same for one of the user's organisations.
   * @param org id or slug.
   * @returns nothing when they don't belong to it.
   * @throws {Problem} `unauthenticated` when there is no such user or it's disabled.
   */
  async findAccountIn(id: string, org: string): Promise<Account | undefined> {
    if (org.includes('\0')) {
      // PostgreSQL takes no such text, not even to compare it.
      return undefined;
    }
    const found = await this.database.query
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
    .select('id')
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
  if (
    membership !== undefined &&
    (await vouchRefusal(transaction, candidate.id, membership.orgId)) !== undefined
  ) {
    return false;
  }
  return insertIdentity(transaction, identity, candidate.id, now);
}

async function findOrCreate(
  transaction: Transaction<Schema>,
  identity: ProviderIdentity,
  now: number,
  use?: NewAccountUse,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  let made: string | undefined;
  const id = await findOrCreateUser(transaction, identity, now, async (fresh) => {
    made = fresh;
    await insertUsers(transaction, [newUserRow({ id: fresh, ...profileOf(identity), kind: 'person' }, now)]);
  });
  const isNew = id === made;
  if (isNew) {
    await use?.(transaction, id);
  }
  return { id, isNew };
}

function provisionOf(how: 'known' | 'linked' | 'created' | 'none', user: UserRow): Provision {
  return { linked: how === 'linked' ? user : undefined, created: how === 'created' };
}
