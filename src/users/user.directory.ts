import { Injectable } from '@nestjs/common';
import { type SelectQueryBuilder, sql } from 'kysely';
import { z } from 'zod';
import { Problem } from '../core/problem.error.js';
import { Database, type OrgRole, type Schema, type UserRow } from '../database/database.schema.js';

/** Sorts behind every text that begins with what is before it: the last character of all. */
const lastCharacter = '\u{10FFFF}';
const idSchema = z.uuid().toLowerCase();

/** Which users are meant. */
export interface UserFilter {
  /** Beginning of an e-mail address or a name, or a whole id. */
  readonly search?: string | undefined;
  readonly state?: 'active' | 'disabled' | undefined;
  readonly role?: UserRow['role'] | undefined;
  readonly kind: UserRow['kind'];
}

/** Where a list of users goes on: without a search in the order of ids, else by what was found. */
export type UserPosition =
  | { readonly by: 'id'; readonly id: string }
  | { readonly by: 'email' | 'name'; readonly key: string; readonly id: string };

/** A user in a list, and where the list goes on after them. */
export interface ListedUser {
  readonly row: UserRow;
  readonly position: UserPosition;
}

/** An organisation as one of its members sees it. */
export interface UserOrg {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly role: OrgRole;
}

/** An identity of a user: who they are at a provider. Times are milliseconds. */
export interface UserIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly created_at: number;
  readonly last_login_at: number;
}

type UserQuery = SelectQueryBuilder<Schema, 'users', UserRow>;

/** Reads users: one, many, and what belongs to one. Every list goes along an index, from where the page before ended. */
@Injectable()
export class UserDirectory {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Users in a stable order: new ones never shift what has been listed.
   * @param after of the last one of the page before.
   */
  async list(filter: UserFilter, limit: number, after?: UserPosition): Promise<ListedUser[]> {
    const { search } = filter;
    if (search === undefined) {
      return this.#listById(filter, limit, after?.id);
    }
    const id = idSchema.safeParse(search);
    if (id.success) {
      const rows = await this.#filtered(filter).where('id', '=', id.data).limit(limit).execute();
      return rows.map((row) => ({ row, position: { by: 'id', id: row.id } }));
    }
    const prefix = search.toLowerCase();
    const byEmail = after?.by === 'name' ? [] : await this.#listByKey('email', filter, prefix, limit, after);
    // Whoever is found by both is listed once, with the addresses.
    const byName =
      byEmail.length < limit
        ? await this.#listByKey(
            'name',
            filter,
            prefix,
            limit - byEmail.length,
            after?.by === 'name' ? after : undefined,
          )
        : [];
    return [...byEmail, ...byName];
  }

  /** @param id as a caller gave it. @throws {Problem} `not_found` */
  async require(id: unknown): Promise<UserRow> {
    const row = await this.#database.query
      .selectFrom('users')
      .selectAll()
      .where('id', '=', requireUserId(id))
      .executeTakeFirst();
    if (row === undefined) {
      throw unknownUser();
    }
    return row;
  }

  /** Whose this identity at a provider is. */
  async findByIdentity(issuer: string, subject: string): Promise<{ readonly id: string } | undefined> {
    return this.#database.query
      .selectFrom('identities')
      .select('user_id as id')
      .where('issuer', '=', issuer)
      .where('subject', '=', subject)
      .executeTakeFirst();
  }

  /** What users and organisations are called, by their ids; those that are gone are left out. */
  async namesOf(users: readonly string[], orgs: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { query } = this.#database;
    const [people, groups] = await Promise.all([
      users.length === 0
        ? []
        : query.selectFrom('users').select(['id', 'name', 'email']).where('id', 'in', users).execute(),
      orgs.length === 0
        ? []
        : query.selectFrom('orgs').select(['id', 'name']).where('id', 'in', orgs).execute(),
    ]);
    return new Map([
      ...people.flatMap(({ id, name, email }): (readonly [string, string])[] => {
        const known = name || email;
        return known ? [[id, known]] : [];
      }),
      ...groups.map(({ id, name }): readonly [string, string] => [id, name]),
    ]);
  }

  /** The person with this e-mail address; nothing where several have given it. @param email in lower case. */
  async findByEmail(email: string): Promise<{ readonly id: string } | undefined> {
    const rows = await this.#database.query
      .selectFrom('users')
      .select('id')
      .where('kind', '=', sql.lit('person'))
      .where('email_key', '=', email)
      .limit(2)
      .execute();
    return rows.length === 1 ? rows[0] : undefined;
  }

  /** People with this address, verified: two at most. @param email in lower case. */
  async listVerified(email: string): Promise<readonly { readonly id: string }[]> {
    return this.#database.query
      .selectFrom('users')
      .select('id')
      .where('kind', '=', sql.lit('person'))
      .where('email_key', '=', email)
      .where('email_verified', '=', 1)
      .limit(2)
      .execute();
  }

  /** Who the user is at providers, oldest first. */
  async identitiesOf(userId: string): Promise<UserIdentity[]> {
    return this.#database.query
      .selectFrom('identities')
      .select(['issuer', 'subject', 'created_at', 'last_login_at'])
      .where('user_id', '=', userId)
      .orderBy('created_at')
      .orderBy('subject')
      .execute();
  }

  /**
   * The organisations that the user is a member of, in the order of their ids.
   * @param after id of the last one of the page before.
   */
  async orgsOf(userId: string, limit: number, after?: string): Promise<UserOrg[]> {
    const memberships = this.#database.query
      .selectFrom('memberships')
      .innerJoin('orgs', 'orgs.id', 'memberships.org_id')
      .select(['orgs.id', 'orgs.slug', 'orgs.name', 'memberships.role'])
      .where('memberships.user_id', '=', userId)
      .where('memberships.state', '=', 'active')
      .orderBy('memberships.org_id')
      .limit(limit);
    return (
      after === undefined ? memberships : memberships.where('memberships.org_id', '>', after)
    ).execute();
  }

  async #listById(filter: UserFilter, limit: number, after: string | undefined): Promise<ListedUser[]> {
    const users = this.#filtered(filter).orderBy('id').limit(limit);
    const rows = await (after === undefined ? users : users.where('id', '>', after)).execute();
    return rows.map((row) => ({ row, position: { by: 'id', id: row.id } }));
  }

  async #listByKey(
    by: 'email' | 'name',
    filter: UserFilter,
    prefix: string,
    limit: number,
    after: UserPosition | undefined,
  ): Promise<ListedUser[]> {
    const column = by === 'email' ? 'email_key' : 'name_key';
    const end = prefix + lastCharacter;
    let users = this.#filtered(filter)
      .where(column, '>=', prefix)
      .where(column, '<', end)
      .orderBy(column)
      .orderBy('id')
      .limit(limit);
    if (by === 'name') {
      users = users.where((builder) =>
        builder.or([
          builder('email_key', 'is', null),
          builder('email_key', '<', prefix),
          builder('email_key', '>=', end),
        ]),
      );
    }
    if (after !== undefined && after.by === by) {
      const { key, id } = after;
      users = users.where((builder) => builder(builder.refTuple(column, 'id'), '>', builder.tuple(key, id)));
    }
    const rows = await users.execute();
    return rows.map((row) => ({ row, position: { by, key: row[column] ?? '', id: row.id } }));
  }

  /** Values as literals: the databases use a partial index only where they see its condition. */
  #filtered({ state, role, kind }: UserFilter): UserQuery {
    let users: UserQuery = this.#database.query.selectFrom('users').selectAll();
    users = users.where('kind', '=', sql.lit(kind));
    if (role !== undefined) {
      users = users.where('role', '=', sql.lit(role));
    }
    return state === undefined
      ? users
      : users.where('disabled_at', state === 'active' ? 'is' : 'is not', null);
  }
}

/** An id in a path, as a caller gave it. @throws {Problem} `not_found` for what can be nobody's. */
export function requireUserId(id: unknown): string {
  const parsed = idSchema.safeParse(id);
  if (!parsed.success) {
    throw unknownUser();
  }
  return parsed.data;
}

/** What everybody gets who asks for a user that isn't there. */
export function unknownUser(): Problem {
  return new Problem('not_found', { reason: 'user_unknown' });
}
