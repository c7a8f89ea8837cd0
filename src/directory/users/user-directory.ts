import { Injectable } from '@nestjs/common';
import { type SelectQueryBuilder, sql } from 'kysely';
import { Problem } from '../../platform/errors/problem.error.js';
import {
  Database,
  type OrgRole,
  type Schema,
  type UserRow,
} from '../../platform/database/database.schema.js';
import { givenIdSchema } from '../../platform/core/id.schema.js';
import { foldIdentifier } from '../../platform/core/account-identifier.js';
import type { IdentityKey } from './identity.js';
import { isNamed } from './org-reference.js';
import { orgsOwnedAlone, userOfIdentity } from './user.query.js';

/** The last character of all: a prefix with it sorts after every text that begins with the prefix. */
const lastCharacter = '\u{10FFFF}';

/** Selects users. */
export interface UserFilter {
  /** Beginning of an e-mail address or a name, or a whole id. */
  readonly search?: string | undefined;
  readonly state?: 'active' | 'disabled' | undefined;
  readonly role?: UserRow['role'] | undefined;
  readonly kind: UserRow['kind'];
}

/** The position at which a list of users continues: by id without a search, else by the value that was found. */
export type UserPosition =
  | { readonly by: 'id'; readonly id: string }
  | { readonly by: 'email' | 'name'; readonly key: string; readonly id: string };

/** A user in a list, and the position after them. */
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

/** An organisation as programs may compare it. */
export interface NamedOrg extends Omit<UserOrg, 'name'> {
  /** Whether an administrator of the deployment gave its slug. */
  readonly isByAdministrator: boolean;
}

/** An identity of a user at a provider. Times are milliseconds. */
export interface UserIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly created_at: number;
  readonly last_login_at: number;
}

type UserQuery = SelectQueryBuilder<Schema, 'users', UserRow>;

/** Reads users: one, many, and what belongs to one. Every list follows an index, from where the previous page ended. */
@Injectable()
export class UserDirectory {
  constructor(private readonly database: Database) {}

  /**
   * Users in a stable order: new users never shift what has been listed.
   * @param after position of the last one of the previous page.
   */
  async list(filter: UserFilter, limit: number, after?: UserPosition): Promise<ListedUser[]> {
    const { search } = filter;
    if (search === undefined) {
      return this.#listById(filter, limit, after?.id);
    }
    const id = givenIdSchema.safeParse(search);
    if (id.success) {
      const rows = await this.#filtered(filter).where('id', '=', id.data).limit(limit).execute();
      return rows.map((row) => ({ row, position: { by: 'id', id: row.id } }));
    }
    const byEmail =
      after?.by === 'name'
        ? []
        : await this.#listByKey('email', filter, foldIdentifier(search), limit, after);
    // A user who matches by both is listed once, among the matching addresses.
    const left = limit - byEmail.length;
    return left === 0
      ? byEmail
      : [...byEmail, ...(await this.#listByKey('name', filter, search.toLowerCase(), left, after))];
  }

  /** The user with this id. @param id as a caller gave it. @throws {Problem} `not_found` */
  async require(id: unknown): Promise<UserRow> {
    return this.database.query
      .selectFrom('users')
      .selectAll()
      .where('id', '=', requireUserId(id))
      .executeTakeFirstOrThrow(() => unknownUser());
  }

  /** The user of an identity at a provider. */
  async findByIdentity(issuer: string, subject: string): Promise<{ readonly id: string } | undefined> {
    return this.database.query
      .selectFrom('identities')
      .select('user_id as id')
      .where('issuer', '=', issuer)
      .where('subject', '=', subject)
      .executeTakeFirst();
  }

  /** The users of identities at a provider: subject → user id. Subjects without a user are left out. */
  async idsOf(
    subjects: readonly string[],
    isOurs: (issuer: string) => boolean,
  ): Promise<ReadonlyMap<string, string>> {
    if (subjects.length === 0) {
      return new Map();
    }
    const rows = await this.database.query
      .selectFrom('identities')
      .select(['issuer', 'subject', 'user_id'])
      .where('subject', 'in', subjects)
      .execute();
    return new Map(rows.filter(({ issuer }) => isOurs(issuer)).map((row) => [row.subject, row.user_id]));
  }

  /** The whole user of an identity at a provider. */
  async ofIdentity(identity: IdentityKey): Promise<UserRow | undefined> {
    return userOfIdentity(this.database.query, identity).selectAll('users').executeTakeFirst();
  }

  /** The names of users and organisations, by their ids; those that are gone are left out. */
  async namesOf(users: readonly string[], orgs: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { query } = this.database;
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

  /** The organisations whose only owner who can act is this user: they can neither leave them nor be deleted. */
  async orgsOwnedAlone(userId: string): Promise<readonly { readonly id: string; readonly name: string }[]> {
    return orgsOwnedAlone(this.database.query, userId).execute();
  }

  /** The person with this e-mail address; nothing if several users have it. @param email in lower case. */
  async findByEmail(email: string): Promise<{ readonly id: string } | undefined> {
    const rows = await this.database.query
      .selectFrom('users')
      .select('id')
      .where('kind', '=', sql.lit('person'))
      .where('email_key', '=', email)
      .limit(2)
      .execute();
    return rows.length === 1 ? rows[0] : undefined;
  }

  /** Persons with this verified address: two at most. @param email in lower case. */
  async listVerified(email: string): Promise<readonly { readonly id: string }[]> {
    return this.database.query
      .selectFrom('users')
      .select('id')
      .where('kind', '=', sql.lit('person'))
      .where('email_key', '=', email)
      .where('email_verified', '=', 1)
      .limit(2)
      .execute();
  }

  /** The verified addresses of these users that several active users have verified. */
  async sharedAmong(users: readonly UserRow[]): Promise<ReadonlySet<string>> {
    const addresses = users.flatMap((row) => (isActiveVerified(row) ? [row.email_key ?? ''] : []));
    if (addresses.length === 0) {
      return new Set();
    }
    const rows = await this.database.query
      .selectFrom('users')
      .select('email_key')
      .where('kind', '=', sql.lit('person'))
      .where('email_key', 'in', addresses)
      .where('email_verified', '=', 1)
      .where('disabled_at', 'is', null)
      .groupBy('email_key')
      .having((builder) => builder.fn.countAll(), '>', 1)
      .execute();
    return new Set(rows.flatMap(({ email_key: address }) => (address === null ? [] : [address])));
  }

  /** The user's identities at providers, oldest first. */
  async identitiesOf(userId: string): Promise<UserIdentity[]> {
    return this.database.query
      .selectFrom('identities')
      .select(['issuer', 'subject', 'created_at', 'last_login_at'])
      .where('user_id', '=', userId)
      .orderBy('created_at')
      .orderBy('subject')
      .execute();
  }

  /**
   * A user's organisations in the order of their ids.
   * @param after id of the last one of the previous page. @param only id of the one that counts; null for all.
   */
  async orgsOf(
    userId: string,
    limit: number,
    after?: string,
    only: string | null = null,
  ): Promise<UserOrg[]> {
    return this.database.query
      .selectFrom('memberships')
      .innerJoin('orgs', 'orgs.id', 'memberships.org_id')
      .select(['orgs.id', 'orgs.slug', 'orgs.name', 'memberships.role'])
      .where('memberships.user_id', '=', userId)
      .where('memberships.state', '=', 'active')
      .$if(after !== undefined, (query) => query.where('memberships.org_id', '>', after ?? ''))
      .$if(only !== null, (query) => query.where('memberships.org_id', '=', only ?? ''))
      .orderBy('memberships.org_id')
      .limit(limit)
      .execute();
  }

  /**
   * A user's organisations as programs may compare them.
   * @param only ids of those that count; undefined for all.
   */
  async groupsOf(userId: string, limit: number, only: readonly string[] | undefined): Promise<NamedOrg[]> {
    const memberships = this.database.query
      .selectFrom('memberships')
      .innerJoin('orgs', 'orgs.id', 'memberships.org_id')
      .leftJoin('org_slugs', (join) =>
        join.onRef('org_slugs.slug', '=', 'orgs.slug').onRef('org_slugs.org_id', '=', 'orgs.id'),
      )
      .select(['orgs.id', 'orgs.slug', 'memberships.role', 'org_slugs.by_administrator'])
      .where('memberships.user_id', '=', userId)
      .where('memberships.state', '=', 'active')
      .orderBy('memberships.org_id')
      .limit(limit);
    const rows = await (
      only === undefined ? memberships : memberships.where('memberships.org_id', 'in', [...only, ''])
    ).execute();
    return rows.map(({ by_administrator: by, ...org }) => ({ ...org, isByAdministrator: by === 1 }));
  }

  /**
   * The ids of organisations that are named by id or slug, in the same order; undefined for unknown ones.
   * @param memberId only organisations of this user count; undefined for all.
   */
  async orgIdsOf(
    names: readonly string[],
    memberId: string | undefined,
  ): Promise<readonly (string | undefined)[]> {
    if (names.length === 0) {
      return [];
    }
    const known = names.map((name) => name.toLowerCase());
    let orgs = this.database.query
      .selectFrom('orgs')
      .select(['orgs.id', 'orgs.slug'])
      .where(({ or, eb }) => or([eb('orgs.id', 'in', known), eb('orgs.slug', 'in', known)]));
    if (memberId !== undefined) {
      orgs = orgs
        .innerJoin('memberships', 'memberships.org_id', 'orgs.id')
        .where('memberships.user_id', '=', memberId)
        .where('memberships.state', '=', 'active');
    }
    const rows = await orgs.execute();
    return known.map((name) => rows.find((org) => isNamed(org, name))?.id);
  }

  /** Whether there is an organisation of this id. */
  async hasOrg(orgId: string): Promise<boolean> {
    const found = await this.database.query
      .selectFrom('orgs')
      .select('id')
      .where('id', '=', orgId)
      .executeTakeFirst();
    return found !== undefined;
  }

  /** A user's role in an organisation; undefined if they aren't an active member, or are disabled. */
  async orgRoleOf(userId: string, orgId: string): Promise<OrgRole | undefined> {
    const found = await this.database.query
      .selectFrom('memberships')
      .innerJoin('users', 'users.id', 'memberships.user_id')
      .select('memberships.role')
      .where('memberships.user_id', '=', userId)
      .where('memberships.org_id', '=', orgId)
      .where('memberships.state', '=', 'active')
      .where('users.disabled_at', 'is', null)
      .executeTakeFirst();
    return found?.role;
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

  /** Filters users. Values are literals: the databases use a partial index only if they see its condition. */
  #filtered({ state, role, kind }: UserFilter): UserQuery {
    let users: UserQuery = this.database.query.selectFrom('users').selectAll();
    users = users.where('kind', '=', sql.lit(kind));
    if (role !== undefined) {
      users = users.where('role', '=', sql.lit(role));
    }
    return state === undefined
      ? users
      : users.where('disabled_at', state === 'active' ? 'is' : 'is not', null);
  }
}

/** Whether a user is active and has a verified address. */
export function isActiveVerified(row: UserRow): boolean {
  return row.email_key !== null && row.email_verified === 1 && row.disabled_at === null;
}

/** An id in a path, as a caller gave it. @throws {Problem} `not_found` if it can't be a user's id. */
export function requireUserId(id: unknown): string {
  const parsed = givenIdSchema.safeParse(id);
  if (!parsed.success) {
    throw unknownUser();
  }
  return parsed.data;
}

/** The refusal when a user doesn't exist. */
export function unknownUser(): Problem {
  return new Problem('not_found', { reason: 'user_unknown' });
}
