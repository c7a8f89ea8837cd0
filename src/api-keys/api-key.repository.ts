import { Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.service.js';
import { type ApiKeyRow, Database } from '../database/database.schema.js';

/** Stored API keys; secrets only ever as hashes. */
@Injectable()
export class ApiKeyRepository {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async insert(row: ApiKeyRow): Promise<void> {
    await this.#database.query.insertInto('api_keys').values(row).execute();
  }

  async find(id: string): Promise<ApiKeyRow | undefined> {
    return this.#database.query.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst();
  }

  /**
   * Keys that haven't been revoked, oldest first.
   * @param owner whose: a person's own, or an organisation's.
   * @param after id of the last key of the page before.
   */
  async list(
    owner: { readonly userId: string } | { readonly orgId: string },
    limit: number,
    after: string | undefined,
  ): Promise<ApiKeyRow[]> {
    const keys = this.#database.query
      .selectFrom('api_keys')
      .selectAll()
      .where('revoked_at', 'is', null)
      .where((builder) =>
        'userId' in owner
          ? builder.and([builder('user_id', '=', owner.userId), builder('org_id', 'is', null)])
          : builder('org_id', '=', owner.orgId),
      )
      .orderBy('id')
      .limit(limit);
    return (after === undefined ? keys : keys.where('id', '>', after)).execute();
  }

  /** @returns whether the key was live until now. */
  async revoke(id: string): Promise<boolean> {
    const result = await this.#database.query
      .updateTable('api_keys')
      .set({ revoked_at: this.#clock.now() })
      .where('id', '=', id)
      .where('revoked_at', 'is', null)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** Notes when keys were used last. @param uses key id → milliseconds since the epoch. */
  async markUsed(uses: ReadonlyMap<string, number>): Promise<void> {
    for (const [id, at] of uses) {
      await this.#database.query
        .updateTable('api_keys')
        .set({ last_used_at: at })
        .where('id', '=', id)
        .execute();
    }
  }
}
