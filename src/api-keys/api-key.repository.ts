import { Injectable } from '@nestjs/common';
import type { ExpressionBuilder, ExpressionWrapper, SqlBool, Transaction } from 'kysely';
import { Clock } from '../platform/time/clock.service.js';
import { KeyedLines } from '../platform/core/keyed-lines.js';
import { type ApiKeyRow, Database, type Schema } from '../platform/database/database.schema.js';
import { needsRowLocks } from '../platform/database/dialect.js';
import {
  disableServiceAccount,
  insertServiceAccount,
  isUnverified,
  lockUser,
} from '../directory/users/user-rows.js';
import type { Principal } from '../session/principal.js';
import { vouchingOrgOfCaller } from '../session/vouching.query.js';
import { KeyAccounts } from './key-accounts.port.js';
import { withMadeKeys } from './made-keys.query.js';

/** The owner of keys: a person, or an organisation. */
export type KeyOwner = { readonly userId: string } | { readonly orgId: string };

/**
 * The outcome of an insertion. `full`: the owner has as many live keys as allowed; `not_a_person`: a service account; `unverified`:
 * they have an unverified address; `gone`: no such owner.
 */
export type InsertOutcome = 'inserted' | 'full' | 'not_a_person' | 'unverified' | 'gone';

/** What a revocation does within its transaction. */
export interface RevocationParts {
  /** Throws unless this key may end the keys that it made in another organisation than its owner, which is locked. */
  readonly requireMay?: (transaction: Transaction<Schema>, orgId: string) => Promise<void>;
  /** Stores something for each key that was live. */
  readonly record: (transaction: Transaction<Schema>, id: string) => Promise<void>;
}

/** Stored API keys; secrets are stored only as hashes. */
@Injectable()
export class ApiKeyRepository {
  /** Queues of callers who make keys of one owner: they would block each other at the owner's row. */
  readonly #makers = new KeyedLines();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly accounts: KeyAccounts,
  ) {}

  /**
   * Stores a person's own key, with who vouches for them.
   * @param limit how many live keys they may have.
   * @param maker whose session, or key, makes it.
   * @throws {Problem} `unauthenticated` if that has ended in the meantime.
   */
  async insertOwn(
    row: Omit<ApiKeyRow, 'vouched_org_id'>,
    limit: number,
    maker: Pick<Principal, 'claims'>,
  ): Promise<InsertOutcome> {
    return this.#inTurn(row.user_id, async (transaction) => {
      const owner = await lockUser(transaction, row.user_id);
      if (owner === undefined) {
        return 'gone';
      }
      if (await isUnverified(transaction, row.user_id)) {
        return 'unverified';
      }
      const vouching = await requireLiveMaker(transaction, row.made_by_key, maker);
      if (owner.kind !== 'person') {
        return 'not_a_person';
      }
      if ((await this.#countLive(transaction, { userId: row.user_id })) >= limit) {
        return 'full';
      }
      await transaction
        .insertInto('api_keys')
        .values({ ...row, vouched_org_id: vouching })
        .execute();
      return 'inserted';
    });
  }

  /**
   * Stores a key of an organisation, together with the service account that it acts as.
   * @param row its `user_id` becomes the service account's.
   * @param place.role of the service account in the organisation.
   * @param place.requireMaker refuses a caller who may not make it.
   * @param place.maker whose session, or key, makes it.
   * @throws {Problem} `unauthenticated` if that has ended in the meantime.
   */
  async insertForOrg(
    row: Omit<ApiKeyRow, 'vouched_org_id'> & { readonly org_id: string },
    {
      role,
      requireMaker,
      maker,
    }: {
      readonly role: 'admin' | 'member';
      readonly requireMaker: (transaction: Transaction<Schema>) => Promise<void>;
      readonly maker: Pick<Principal, 'claims'>;
    },
    limit: number,
  ): Promise<InsertOutcome> {
    const { user_id: userId, org_id: orgId, name, created_at: now } = row;
    return this.#inTurn(orgId, async (transaction) => {
      if (!(await this.accounts.lockOrg(transaction, orgId))) {
        return 'gone';
      }
      // Locked, so that a maker who loses the right meanwhile finds the key, and lowers it.
      await lockUser(transaction, row.created_by);
      await requireLiveMaker(transaction, row.made_by_key, maker);
      await requireMaker(transaction);
      if (await isUnverified(transaction, row.created_by)) {
        return 'unverified';
      }
      if ((await this.#countLive(transaction, { orgId })) >= limit) {
        return 'full';
      }
      await insertServiceAccount(transaction, { id: userId, name }, now);
      await this.accounts.join(transaction, { orgId, userId, role, createdAt: now });
      await transaction
        .insertInto('api_keys')
        .values({ ...row, vouched_org_id: null })
        .execute();
      return 'inserted';
    });
  }

  /** Who vouched for a caller's login, as {@link vouchingOrgOfCaller} reads it. */
  async vouchingOrgOf(principal: Pick<Principal, 'claims'>): Promise<string | null> {
    return vouchingOrgOfCaller(this.database.query, principal);
  }

  async find(id: string): Promise<ApiKeyRow | undefined> {
    return this.database.query.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst();
  }

  /** Keys that haven't been revoked, oldest first. @param after id of the last key of the previous page. */
  async list(owner: KeyOwner, limit: number, after: string | undefined): Promise<ApiKeyRow[]> {
    const keys = this.database.query
      .selectFrom('api_keys')
      .selectAll()
      .where('revoked_at', 'is', null)
      .where(belongsTo(owner))
      .orderBy('id')
      .limit(limit);
    return (after === undefined ? keys : keys.where('id', '>', after)).execute();
  }

  /**
   * Revokes a key, and with it the keys that it made, and theirs. The service accounts of organisations' keys among them are disabled.
   * @returns the key, then those that it made; nothing unless it was this owner's and live until now.
   */
  async revoke(
    owner: KeyOwner,
    id: string,
    { requireMay, record }: RevocationParts,
  ): Promise<readonly ApiKeyRow[]> {
    const { query } = this.database;
    for (;;) {
      const ended = await query.transaction().execute(async (transaction) => {
        const made = await this.#lockMade(transaction, owner, id);
        if (made === undefined) {
          return undefined;
        }
        for (const orgId of orgsOf(made)) {
          if (!('orgId' in owner && owner.orgId === orgId)) {
            await requireMay?.(transaction, orgId);
          }
        }
        return this.#end(transaction, made, record);
      });
      if (ended !== undefined) {
        return ended;
      }
    }
  }

  /**
   * The keys that a person has made and that haven't been revoked: their own, and those of organisations.
   * @param before only older ones, in milliseconds since the epoch.
   */
  async listMadeBy(userId: string, before: number): Promise<{ id: string; owner: KeyOwner }[]> {
    const made = await this.database.query
      .selectFrom('api_keys')
      .select(['id', 'org_id', 'user_id'])
      .where('created_by', '=', userId)
      .where('created_at', '<', before)
      .where('revoked_at', 'is', null)
      .execute();
    return made.map(({ id, org_id: orgId, user_id: owner }) => ({
      id,
      owner: orgId === null ? { userId: owner } : { orgId },
    }));
  }

  /** Roles of service accounts in their organisation. @returns user id → role. */
  async rolesIn(orgId: string, userIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (userIds.length === 0) {
      return new Map();
    }
    const rows = await this.database.query
      .selectFrom('memberships')
      .select(['user_id', 'role'])
      .where('org_id', '=', orgId)
      .where('user_id', 'in', userIds)
      .execute();
    return new Map(rows.map(({ user_id: userId, role }) => [userId, role]));
  }

  /** Records when keys were last used. @param uses key id → milliseconds since the epoch. */
  async markUsed(uses: ReadonlyMap<string, number>): Promise<void> {
    for (const [id, at] of uses) {
      await this.database.query
        .updateTable('api_keys')
        .set({ last_used_at: at })
        .where('id', '=', id)
        .where((builder) =>
          // Another replica may have recorded a later use.
          builder.or([builder('last_used_at', 'is', null), builder('last_used_at', '<', at)]),
        )
        .execute();
    }
  }

  /**
   * Locks a live key, those that it made, and their organisations first, as their deletion does: in another order they would deadlock.
   * @returns makers first; nothing if a key for another organisation came in between.
   */
  async #lockMade(
    transaction: Transaction<Schema>,
    owner: KeyOwner,
    id: string,
  ): Promise<readonly MadeKey[] | undefined> {
    if (!needsRowLocks(transaction)) {
      // SQLite: a transaction that reads first and writes later fails if another process writes in between.
      const key = transaction.updateTable('api_keys').set((builder) => ({ name: builder.ref('name') }));
      await key.where('id', '=', id).execute();
    }
    const made = liveMadeBy(transaction, owner, id);
    const orgIds = orgsOf(await made.execute());
    for (const orgId of orgIds) {
      await this.accounts.lockOrg(transaction, orgId);
    }
    const locking = needsRowLocks(transaction) ? made.forUpdate() : made;
    let known = await locking.execute();
    // Until none has come that was made while this transaction waited for its maker.
    for (let before = -1; known.length !== before; known = await locking.execute()) {
      before = known.length;
    }
    return orgsOf(known).every((orgId) => orgIds.includes(orgId)) ? known : undefined;
  }

  async #end(
    transaction: Transaction<Schema>,
    made: readonly MadeKey[],
    record: RevocationParts['record'],
  ): Promise<readonly ApiKeyRow[]> {
    const now = this.clock.now();
    const ended: ApiKeyRow[] = [];
    for (const { id } of made) {
      const row = await transaction
        .updateTable('api_keys')
        .set({ revoked_at: now })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirstOrThrow();
      if (row.org_id !== null) {
        await this.accounts.leave(transaction, row.org_id, row.user_id);
        await disableServiceAccount(transaction, row.user_id, now);
      }
      await record(transaction, id);
      ended.push(row);
    }
    return ended;
  }

  async #inTurn(
    ownerId: string,
    insert: (transaction: Transaction<Schema>) => Promise<InsertOutcome>,
  ): Promise<InsertOutcome> {
    return this.#makers.run(ownerId, () => this.database.query.transaction().execute(insert));
  }

  async #countLive(transaction: Transaction<Schema>, owner: KeyOwner): Promise<number> {
    const { count } = await transaction
      .selectFrom('api_keys')
      .select(({ fn }) => fn.countAll().as('count'))
      .where('revoked_at', 'is', null)
      .where((builder) =>
        builder.or([builder('expires_at', 'is', null), builder('expires_at', '>', this.clock.now())]),
      )
      .where(belongsTo(owner))
      .executeTakeFirstOrThrow();
    return Number(count);
  }
}

type MadeKey = Pick<ApiKeyRow, 'id' | 'org_id'>;

/** The organisations of keys, in the order in which they are locked: two revocations would deadlock otherwise. */
function orgsOf(keys: readonly MadeKey[]): readonly string[] {
  return [...new Set(keys.flatMap(({ org_id: orgId }) => orgId ?? []))].toSorted();
}

/** A live key of an owner and the live ones that it made. Ids grow with time, so that makers come first. */
function liveMadeBy(transaction: Transaction<Schema>, owner: KeyOwner, id: string) {
  return withMadeKeys(transaction, (key) =>
    key.and([key('id', '=', id), key('revoked_at', 'is', null), belongsTo(owner)(key)]),
  )
    .selectFrom('api_keys')
    .select(['id', 'org_id'])
    .where('revoked_at', 'is', null)
    .where('id', 'in', (query) => query.selectFrom('made').select('made.id'))
    .orderBy('id');
}

/**
 * Locks the key that makes another one, so that its revocation finds what it made.
 * @throws {Problem} `unauthenticated` if the maker's session or key has ended.
 */
async function requireLiveMaker(
  transaction: Transaction<Schema>,
  keyId: string | null,
  maker: Pick<Principal, 'claims'>,
): Promise<string | null> {
  if (keyId !== null) {
    const key = transaction.selectFrom('api_keys').select('id').where('id', '=', keyId);
    await (needsRowLocks(transaction) ? key.forUpdate() : key).execute();
  }
  return vouchingOrgOfCaller(transaction, maker);
}

function belongsTo(owner: KeyOwner) {
  return (builder: ExpressionBuilder<Schema, 'api_keys'>): ExpressionWrapper<Schema, 'api_keys', SqlBool> =>
    'userId' in owner
      ? builder.and([builder('user_id', '=', owner.userId), builder('org_id', 'is', null)])
      : builder('org_id', '=', owner.orgId);
}
