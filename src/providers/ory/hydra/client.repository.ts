import { Injectable } from '@nestjs/common';
import { Database, type OauthClientKind } from '../../../platform/database/database.schema.js';
import type { TransactionPart } from '../../../platform/database/transaction-part.js';
import { Clock } from '../../../platform/time/clock.service.js';

/** Milliseconds that a registration takes at most. */
const registrationTime = 120_000;

/** A client as the index has it. Times are milliseconds since the epoch. */
export interface IndexedClient {
  readonly id: string;
  readonly kind: OauthClientKind;
  readonly orgId: string | null;
  readonly name: string;
  readonly isFirstParty: boolean;
  readonly createdAt: number;
  readonly usedAt?: number | null;
}

/**
 * An index of Hydra's clients. Hydra has them; but its lists grow with what others register, and neither a bound nor a name may cost
 * more than one look into the database.
 */
@Injectable()
export class ClientRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Adds a client, or takes over its name and what it belongs to. @param part what else belongs to the same transaction. */
  async put(client: IndexedClient, part?: TransactionPart): Promise<void> {
    const { id, kind, orgId, name, isFirstParty, createdAt, usedAt = null } = client;
    const changing = { kind, org_id: orgId, name, first_party: isFirstParty ? 1 : 0 };
    await this.database.query.transaction().execute(async (transaction) => {
      await part?.(transaction);
      await transaction
        .insertInto('oauth_clients')
        .values({ id, ...changing, created_at: createdAt, used_at: usedAt })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(changing))
        .execute();
    });
  }

  async remove(id: string): Promise<void> {
    await this.database.query.deleteFrom('oauth_clients').where('id', '=', id).execute();
  }

  /** Removes a client that Hydra doesn't have, unless it may be about to be registered there. */
  async forget(id: string): Promise<void> {
    await this.database.query
      .deleteFrom('oauth_clients')
      .where('id', '=', id)
      .where('created_at', '<', this.clock.now() - registrationTime)
      .execute();
  }

  /** Which of these clients the index has, and of which kind. */
  async known(ids: readonly string[]): Promise<ReadonlyMap<string, OauthClientKind>> {
    const rows =
      ids.length === 0
        ? []
        : await this.database.query
            .selectFrom('oauth_clients')
            .select(['id', 'kind'])
            .where('id', 'in', ids)
            .execute();
    return new Map(rows.map(({ id, kind }) => [id, kind]));
  }

  /** Whether a client is registered as an application. */
  async hasApplication(id: string): Promise<boolean> {
    return (await this.known([id])).get(id) === 'application';
  }

  /** Names, with ids, of what is part of the product. */
  async productNames(): Promise<{ id: string; name: string }[]> {
    return this.database.query
      .selectFrom('oauth_clients')
      .select(['id', 'name'])
      .where('first_party', '=', 1)
      .execute();
  }

  /** Ids of the applications whose organisation is gone. */
  async orphans(): Promise<string[]> {
    const rows = await this.database.query
      .selectFrom('oauth_clients')
      .select('id')
      .where('kind', '=', 'application')
      .where('org_id', 'is not', null)
      .where(({ not, exists, selectFrom }) =>
        not(exists(selectFrom('orgs').select('orgs.id').whereRef('orgs.id', '=', 'oauth_clients.org_id'))),
      )
      .execute();
    return rows.map(({ id }) => id);
  }

  /** How many clients of a kind no user has agreed to yet. */
  async countUnused(kind: OauthClientKind): Promise<number> {
    const { count } = await this.database.query
      .selectFrom('oauth_clients')
      .select(({ fn }) => fn.countAll().as('count'))
      .where('kind', '=', kind)
      .where('used_at', 'is', null)
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  /** The oldest client of a kind that no user has agreed to. @param createdBefore of those that were made before. */
  async oldestUnused(kind: OauthClientKind, createdBefore: number): Promise<string | undefined> {
    const row = await this.database.query
      .selectFrom('oauth_clients')
      .select('id')
      .where('kind', '=', kind)
      .where('used_at', 'is', null)
      .where('created_at', '<', createdBefore)
      .orderBy('created_at')
      .limit(1)
      .executeTakeFirst();
    return row?.id;
  }

  /** Notes that a user has agreed to a client. @param before a use that was noted after this time is enough. */
  async noteUse(id: string, now: number, before: number): Promise<void> {
    await this.database.query
      .updateTable('oauth_clients')
      .set({ used_at: now })
      .where('id', '=', id)
      .where((where) => where.or([where('used_at', 'is', null), where('used_at', '<', before)]))
      .execute();
  }

  /** Clients of a kind that are of no use any more, the oldest first. */
  async unused(kind: OauthClientKind, createdBefore: number, usedBefore: number): Promise<string[]> {
    const rows = await this.database.query
      .selectFrom('oauth_clients')
      .select('id')
      .where('kind', '=', kind)
      .where((where) =>
        where.or([
          where.and([where('used_at', 'is', null), where('created_at', '<', createdBefore)]),
          where('used_at', '<', usedBefore),
        ]),
      )
      // One that only refreshes its tokens is in use.
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('application_uses')
              .select('application_uses.client_id')
              .whereRef('application_uses.client_id', '=', 'oauth_clients.id')
              .where('application_uses.last_used_at', '>=', usedBefore),
          ),
        ),
      )
      .orderBy('created_at')
      .execute();
    return rows.map(({ id }) => id);
  }
}
