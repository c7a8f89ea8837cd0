import { Injectable } from '@nestjs/common';
import { type SelectQueryBuilder } from 'kysely';
import { Database, type OrgRole, type OrgRow, type Schema } from '../../platform/database/database.schema.js';
import type { OrgOf } from '../../orgs/org-access.js';
import { givenIdSchema } from '../../platform/core/id.schema.js';

/** The highest code point: a prefix followed by it sorts after every text that begins with the prefix. */
const lastCharacter = '\u{10FFFF}';

/** The position at which a list of organisations continues: an id, or, in a search, also the slug or name that was found. */
export type OrgPosition =
  | { readonly by: 'id'; readonly id: string }
  | { readonly by: 'slug' | 'name'; readonly key: string; readonly id: string };

/** An organisation in a list, and the position at which the list continues after it. */
export interface ListedOrg {
  readonly found: OrgOf;
  readonly position: OrgPosition;
}

type OrgQuery = SelectQueryBuilder<Schema, 'orgs', OrgRow & { caller_role: OrgRole | null }>;

/** Lists and searches all organisations, independent of membership. Each list reads an index from where the last page ended. */
@Injectable()
export class OrgDirectory {
  constructor(private readonly database: Database) {}

  /**
   * Organisations in a stable order: new ones never shift those that have been listed.
   * @param userId the user whose role in each organisation is returned.
   * @param search the beginning of a slug or a name, or a whole id.
   * @param after the position of the last one of the previous page.
   */
  async list(
    userId: string,
    search: string | undefined,
    limit: number,
    after?: OrgPosition,
  ): Promise<ListedOrg[]> {
    const id = givenIdSchema.safeParse(search);
    if (search === undefined || id.success) {
      return this.#listById(userId, limit, after?.id, id.data);
    }
    const prefix = search.toLowerCase();
    const bySlug = after?.by === 'name' ? [] : await this.#listByKey('slug', userId, prefix, limit, after);
    // An organisation that matches by both slug and name is listed once, among the slugs.
    const left = limit - bySlug.length;
    return left === 0 ? bySlug : [...bySlug, ...(await this.#listByKey('name', userId, prefix, left, after))];
  }

  async #listById(
    userId: string,
    limit: number,
    after: string | undefined,
    only: string | undefined,
  ): Promise<ListedOrg[]> {
    let orgs = this.#orgs(userId).orderBy('orgs.id').limit(limit);
    orgs = after === undefined ? orgs : orgs.where('orgs.id', '>', after);
    const rows = await (only === undefined ? orgs : orgs.where('orgs.id', '=', only)).execute();
    return rows.map((row) => ({ found: toOrgOf(row), position: { by: 'id', id: row.id } }));
  }

  async #listByKey(
    by: 'slug' | 'name',
    userId: string,
    prefix: string,
    limit: number,
    after: OrgPosition | undefined,
  ): Promise<ListedOrg[]> {
    const column = by === 'slug' ? 'orgs.slug' : 'orgs.name_key';
    const end = prefix + lastCharacter;
    let orgs = this.#orgs(userId)
      .where(column, '>=', prefix)
      .where(column, '<', end)
      .orderBy(column)
      .orderBy('orgs.id')
      .limit(limit);
    if (by === 'name') {
      orgs = orgs.where((builder) =>
        builder.or([builder('orgs.slug', '<', prefix), builder('orgs.slug', '>=', end)]),
      );
    }
    if (after !== undefined && after.by === by) {
      const { key, id } = after;
      orgs = orgs.where((builder) =>
        builder(builder.refTuple(column, 'orgs.id'), '>', builder.tuple(key, id)),
      );
    }
    const rows = await orgs.execute();
    return rows.map((row) => ({
      found: toOrgOf(row),
      position: { by, key: (by === 'slug' ? row.slug : row.name_key) ?? '', id: row.id },
    }));
  }

  #orgs(userId: string): OrgQuery {
    return this.database.query
      .selectFrom('orgs')
      .selectAll('orgs')
      .select((builder) =>
        builder
          .selectFrom('memberships')
          .select('memberships.role')
          .whereRef('memberships.org_id', '=', 'orgs.id')
          .where('memberships.user_id', '=', userId)
          .where('memberships.state', '=', 'active')
          .as('caller_role'),
      );
  }
}

function toOrgOf({ caller_role: role, ...org }: OrgRow & { caller_role: OrgRole | null }): OrgOf {
  return { org, role };
}
