import { Inject, Injectable } from '@nestjs/common';
import type { Kysely, Transaction } from 'kysely';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { newId } from '../core/identifier.js';
import { Database, type Schema, type UserRow } from '../database/database.schema.js';
import { type Account, accountOf, readAccount, userUnknown } from './account.query.js';
import type { ProviderIdentity } from './identity.js';
import { followed, profileOf } from './user.profile.js';
import { requireAdministrator } from './user.rules.js';

/** Whoever has just logged in. */
export interface RecordedLogin extends Account {
  /** Whether an identity that wasn't known joined an existing user. */
  readonly linked: boolean;
  /** Whether this login made the user. */
  readonly created: boolean;
}

/** Local users and the identities that belong to them. */
@Injectable()
export class UsersService {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #links: boolean;

  constructor(database: Database, clock: Clock, @Inject(CONFIGURATION) configuration: Configuration) {
    this.#database = database;
    this.#clock = clock;
    this.#links = configuration.LINK_BY_VERIFIED_EMAIL;
  }

  /**
   * The user behind an identity, made at the first login, with the provider's profile taken over (step 10).
   *
   * Issuer + subject decide who it is. An e-mail address never does, except where `LINK_BY_VERIFIED_EMAIL` is on and
   * the address is verified on both sides and belongs to exactly one user: the new identity then joins that user.
   * @param admit is asked before a user is made; what it throws keeps them out.
   * @throws {Problem} `unauthenticated` when the user is disabled.
   */
  async recordLogin(identity: ProviderIdentity, admit?: () => Promise<void>): Promise<RecordedLogin> {
    const now = this.#clock.now();
    const known = await noteLogin(this.#database.query, identity, now);
    if (known !== undefined) {
      return { ...(await accountOf(this.#database.query, known, null, now)), linked: false, created: false };
    }
    const linked = this.#links && (await this.#link(identity, now));
    if (!linked) {
      // Not within the transaction: it reads by another connection, and SQLite has one.
      await admit?.();
    }
    const row = await this.#firstLogin(identity, now);
    const created = !linked && row.created_at === now;
    return { ...(await accountOf(this.#database.query, row, null, now)), linked, created };
  }

  async #link(identity: ProviderIdentity, now: number): Promise<boolean> {
    return this.#database.query
      .transaction()
      .execute((transaction) => linkByVerifiedEmail(transaction, identity, now));
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
  async isKnown({ issuer, subject }: Pick<ProviderIdentity, 'issuer' | 'subject'>): Promise<boolean> {
    const found = await this.#database.query
      .selectFrom('identities')
      .select('user_id')
      .where('issuer', '=', issuer)
      .where('subject', '=', subject)
      .executeTakeFirst();
    return found !== undefined;
  }

  /** @returns id of the user behind an identity, made when there is none yet. */
  async ensure(identity: ProviderIdentity): Promise<string> {
    return this.#database.query
      .transaction()
      .execute((transaction) => findOrCreate(transaction, identity, this.#clock.now()));
  }

  /** @throws {Problem} `forbidden` unless SQL says now that this user administers the deployment. */
  async requireAdministrator(id: string): Promise<void> {
    await requireAdministrator(this.#database.query, id);
  }

  /**
   * What a token says of a user.
   * @param orgId the organisation that they chose; null: the one that they joined first.
   * @throws {Problem} `unauthenticated` when there is no such user or it's disabled.
   */
  async requireAccount(id: string, orgId: string | null): Promise<Account> {
    return readAccount(this.#database.query, id, orgId, this.#clock.now());
  }

  /**
   * The same for an organisation of theirs.
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
      .where((builder) => builder.or([builder('orgs.id', '=', org), builder('orgs.slug', '=', org)]))
      .limit(1)
      .executeTakeFirst();
    const account = found === undefined ? undefined : await this.requireAccount(id, found.id);
    return account?.org?.id === found?.id ? account : undefined;
  }
}

/** Takes the profile of a known identity over. @returns its user; nothing when it isn't known. */
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

/** @returns whether an identity that wasn't known joined an existing user. */
async function linkByVerifiedEmail(
  transaction: Transaction<Schema>,
  identity: ProviderIdentity,
  now: number,
): Promise<boolean> {
  const { issuer, subject } = identity;
  const { email } = profileOf(identity);
  if (email === null || !identity.emailVerified) {
    return false;
  }
  const candidates = await transaction
    .selectFrom('users')
    .select('id')
    .where('email', '=', email)
    .where('email_verified', '=', 1)
    .limit(2)
    .execute();
  const [candidate] = candidates;
  if (candidate === undefined || candidates.length > 1) {
    return false;
  }
  const inserted = await transaction
    .insertInto('identities')
    .values({ issuer, subject, user_id: candidate.id, created_at: now, last_login_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .returning('user_id')
    .executeTakeFirst();
  return inserted !== undefined;
}

async function findOrCreate(
  transaction: Transaction<Schema>,
  identity: ProviderIdentity,
  now: number,
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
  const id = newId();
  const { issuer, subject } = identity;
  await transaction
    .insertInto('users')
    .values({
      id,
      ...profileOf(identity),
      role: 'user',
      kind: 'person',
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
  // Another first login of the same identity was faster: its user is the one.
  await transaction.deleteFrom('users').where('id', '=', id).execute();
  return (await known.executeTakeFirstOrThrow()).user_id;
}
