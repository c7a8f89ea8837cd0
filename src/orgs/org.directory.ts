import { Injectable } from '@nestjs/common';
import { type SelectQueryBuilder } from 'kysely';
import { z } from 'zod';
import { Database, type OrgRole, type OrgRow, type Schema } from '../database/database.schema.js';
import type { OrgOf } from './org.repository.js';

/** Sorts behind every text that begins with what is before it: the last character of all. */
const lastCharacter = '\u{10FFFF}';
const idSchema = z.uuid().toLowerCase();

/** Where a list of organisations goes on: without a search in the order of ids, else by what was found. */
export type OrgPosition =
  | { readonly by: 'id'; readonly id: string }
  | { readonly by: 'slug' | 'name'; readonly key: string; readonly id: string };

/** An organisation in a list, and where the list goes on after it. */
export interface ListedOrg {
  readonly found: OrgOf;
  readonly position: OrgPosition;
}

type OrgQuery = SelectQueryBuilder<Schema, 'orgs', OrgRow & { caller_role: OrgRole | null }>;

/** Finds organisations, whoever is in them. Every list goes along an index, from where the page before ended. */
@Injectable()
export class OrgDirectory {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Organisations in a stable order: new ones never shift what has been listed.
   * @param userId whose role in each is told.
   * @param search beginning of a slug or a name, or a whole id.
   * @param after of the last one of the page before.
   */
  async list(
    userId: string,
    search: string | undefined,
    limit: number,
    after?: OrgPosition,
  ): Promise<ListedOrg[]> {
    const id = idSchema.safeParse(search);
    if (search === undefined || id.success) {
      return this.#listById(userId, limit, after?.id, id.data);
    }
    const prefix = search.toLowerCase();
    const bySlug = after?.by === 'name' ? [] : await this.#listByKey('slug', userId, prefix, limit, after);
    // Whichever is found by both is listed once, with the slugs.
    const byName =
      bySlug.length < limit
        ? await this.#listByKey(
            'name',
            userId,
            prefix,
            limit - bySlug.length,
            after?.by === 'name' ? after : undefined,
          )
        : [];
    return [...bySlug, ...byName];
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
    return this.#database.query
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
