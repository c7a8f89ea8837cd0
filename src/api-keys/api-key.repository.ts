import { Injectable } from '@nestjs/common';
import type { ExpressionBuilder, ExpressionWrapper, SqlBool, Transaction } from 'kysely';
import { Clock } from '../core/clock.service.js';
import { KeyedLines } from '../core/keyed.lines.js';
import { type ApiKeyRow, Database, type Schema } from '../database/database.schema.js';

/** Whose keys: a person's own, or an organisation's. */
export type KeyOwner = { readonly userId: string } | { readonly orgId: string };

/**
 * `full`: the owner has as many live keys as they may have; `not_a_person`: a service account; `unverified`: they have an address
 * and haven't verified it; `gone`: no such owner.
 */
export type InsertOutcome = 'inserted' | 'full' | 'not_a_person' | 'unverified' | 'gone' | 'session_over';

/** Stored API keys; secrets only ever as hashes. */
@Injectable()
export class ApiKeyRepository {
  readonly #database: Database;
  readonly #clock: Clock;
  /** Those who make keys of one owner, who would wait for each other at the owner's row. */
  readonly #makers = new KeyedLines();

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /**
   * Stores a person's own key.
   * @param limit how many live keys they may have.
   * @param session that makes it, where one does: it must not have ended meanwhile.
   */
  async insertOwn(row: ApiKeyRow, limit: number, session?: string): Promise<InsertOutcome> {
    return this.#inTurn(row.user_id, async (transaction) => {
      // Writing the row locks it: of many insertions at once each counts what those before it have stored.
      const owner = await transaction
        .updateTable('users')
        .set((builder) => ({ kind: builder.ref('kind') }))
        .where('id', '=', row.user_id)
        .returning('kind')
        .executeTakeFirst();
      if (owner === undefined) {
        return 'gone';
      }
      if (await isUnverified(transaction, row.user_id)) {
        return 'unverified';
      }
      if (session !== undefined && (await hasEnded(transaction, session))) {
        return 'session_over';
      }
      if (owner.kind !== 'person') {
        return 'not_a_person';
      }
      if ((await this.#countLive(transaction, { userId: row.user_id })) >= limit) {
        return 'full';
      }
      await transaction.insertInto('api_keys').values(row).execute();
      return 'inserted';
    });
  }

  /**
   * Stores a key of an organisation, together with the service account that it acts as.
   * @param row its `user_id` becomes the service account's.
   * @param place.role of the service account in the organisation.
   * @param place.requireMaker refuses a caller who may not make it.
   */
  async insertForOrg(
    row: ApiKeyRow & { readonly org_id: string },
    {
      role,
      requireMaker,
    }: {
      readonly role: 'admin' | 'member';
      readonly requireMaker: (transaction: Transaction<Schema>) => Promise<void>;
    },
    limit: number,
  ): Promise<InsertOutcome> {
    const { user_id: userId, org_id: orgId, name, created_at: now } = row;
    return this.#inTurn(orgId, async (transaction) => {
      const org = await transaction
        .updateTable('orgs')
        .set((builder) => ({ version: builder.ref('version') }))
        .where('id', '=', orgId)
        .returning('id')
        .executeTakeFirst();
      if (org === undefined) {
        return 'gone';
      }
      await requireMaker(transaction);
      if (await isUnverified(transaction, row.created_by)) {
        return 'unverified';
      }
      if ((await this.#countLive(transaction, { orgId })) >= limit) {
        return 'full';
      }
      await transaction
        .insertInto('users')
        .values({
          id: userId,
          email: null,
          email_key: null,
          email_verified: 0,
          name,
          name_key: name.toLowerCase(),
          picture: null,
          role: 'user',
          kind: 'service',
          version: 1,
          disabled_at: null,
          created_at: now,
          updated_at: now,
          last_login_at: null,
        })
        .execute();
      await transaction
        .insertInto('memberships')
        .values({ org_id: orgId, user_id: userId, role, state: 'active', created_at: now })
        .execute();
      await transaction.insertInto('api_keys').values(row).execute();
      return 'inserted';
    });
  }

  async find(id: string): Promise<ApiKeyRow | undefined> {
    return this.#database.query.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst();
  }

  /**
   * Keys that haven't been revoked, oldest first.
   * @param after id of the last key of the page before.
   */
  async list(owner: KeyOwner, limit: number, after: string | undefined): Promise<ApiKeyRow[]> {
    const keys = this.#database.query
      .selectFrom('api_keys')
      .selectAll()
      .where('revoked_at', 'is', null)
      .where(belongsTo(owner))
      .orderBy('id')
      .limit(limit);
    return (after === undefined ? keys : keys.where('id', '>', after)).execute();
  }

  /**
   * Revokes a key; with one of an organisation its service account goes out of use too.
   * @returns the row when the key was this owner's and live until now.
   */
  async revoke(owner: KeyOwner, id: string): Promise<ApiKeyRow | undefined> {
    const now = this.#clock.now();
    return this.#database.query.transaction().execute(async (transaction) => {
      const row = await transaction
        .updateTable('api_keys')
        .set({ revoked_at: now })
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .where(belongsTo(owner))
        .returningAll()
        .executeTakeFirst();
      if (row !== undefined && 'orgId' in owner) {
        await transaction
          .deleteFrom('memberships')
          .where('org_id', '=', owner.orgId)
          .where('user_id', '=', row.user_id)
          .execute();
        await transaction
          .updateTable('users')
          .set({ disabled_at: now, updated_at: now })
          .where('id', '=', row.user_id)
          .where('kind', '=', 'service')
          .execute();
      }
      return row;
    });
  }

  /**
   * Revokes whatever a person has made: their own keys, and those of organisations.
   * @param before only what is older, in milliseconds since the epoch.
   * @returns the keys that were live until now.
   */
  async revokeMadeBy(userId: string, before: number): Promise<ApiKeyRow[]> {
    const made = await this.#database.query
      .selectFrom('api_keys')
      .select(['id', 'org_id', 'user_id'])
      .where('created_by', '=', userId)
      .where('created_at', '<', before)
      .where('revoked_at', 'is', null)
      .execute();
    const revoked: ApiKeyRow[] = [];
    for (const { id, org_id: orgId, user_id: owner } of made) {
      const row = await this.revoke(orgId === null ? { userId: owner } : { orgId }, id);
      revoked.push(...(row === undefined ? [] : [row]));
    }
    return revoked;
  }

  /** Roles of service accounts in their organisation. @returns user id → role. */
  async rolesIn(orgId: string, userIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (userIds.length === 0) {
      return new Map();
    }
    const rows = await this.#database.query
      .selectFrom('memberships')
      .select(['user_id', 'role'])
      .where('org_id', '=', orgId)
      .where('user_id', 'in', userIds)
      .execute();
    return new Map(rows.map(({ user_id: userId, role }) => [userId, role]));
  }

  /** Notes when keys were used last. @param uses key id → milliseconds since the epoch. */
  async markUsed(uses: ReadonlyMap<string, number>): Promise<void> {
    for (const [id, at] of uses) {
      await this.#database.query
        .updateTable('api_keys')
        .set({ last_used_at: at })
        .where('id', '=', id)
        .where((builder) =>
          // Another replica may have noted a later use.
          builder.or([builder('last_used_at', 'is', null), builder('last_used_at', '<', at)]),
        )
        .execute();
    }
  }

  async #inTurn(
    ownerId: string,
    insert: (transaction: Transaction<Schema>) => Promise<InsertOutcome>,
  ): Promise<InsertOutcome> {
    return this.#makers.run(ownerId, () => this.#database.query.transaction().execute(insert));
  }

  async #countLive(transaction: Transaction<Schema>, owner: KeyOwner): Promise<number> {
    const { count } = await transaction
      .selectFrom('api_keys')
      .select(({ fn }) => fn.countAll().as('count'))
      .where('revoked_at', 'is', null)
      .where((builder) =>
        builder.or([builder('expires_at', 'is', null), builder('expires_at', '>', this.#clock.now())]),
      )
      .where(belongsTo(owner))
      .executeTakeFirstOrThrow();
    return Number(count);
  }
}

function belongsTo(owner: KeyOwner) {
  return (builder: ExpressionBuilder<Schema, 'api_keys'>): ExpressionWrapper<Schema, 'api_keys', SqlBool> =>
    'userId' in owner
      ? builder.and([builder('user_id', '=', owner.userId), builder('org_id', 'is', null)])
      : builder('org_id', '=', owner.orgId);
}

/** Whether somebody has an address and hasn't verified it. */
async function isUnverified(transaction: Transaction<Schema>, userId: string): Promise<boolean> {
  const row = await transaction
    .selectFrom('users')
    .select(['email', 'email_verified'])
    .where('id', '=', userId)
    .executeTakeFirst();
  return row !== undefined && row.email !== null && row.email_verified !== 1;
}

async function hasEnded(transaction: Transaction<Schema>, session: string): Promise<boolean> {
  const row = await transaction
    .selectFrom('sessions')
    .select('ended_at')
    .where('id', '=', session)
    .executeTakeFirst();
  return row === undefined || row.ended_at !== null;
}
