import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/time/clock.service.js';
import { ResourceDatabase } from './grant-key.schema.js';

/** Milliseconds for which a key that isn't used is known: longer than any refresh token lives. */
const kept = 400 * 86_400_000;

/** Stores to which key the refresh tokens of a grant are bound. */
@Injectable()
export class GrantKeyRepository {
  constructor(
    private readonly database: ResourceDatabase,
    private readonly clock: Clock,
  ) {}

  /** The thumbprint of the key of a grant; undefined if it is bound to none. */
  async find(grantId: string): Promise<string | undefined> {
    const row = await this.database.query
      .selectFrom('resource_grant_keys')
      .select('jkt')
      .where('grant_id', '=', grantId)
      .executeTakeFirst();
    return row?.jkt;
  }

  /** Binds a grant to its first key, or notes that it is used; and removes grants that aren't. */
  async note(grantId: string, jkt: string): Promise<void> {
    const now = this.clock.now();
    await this.database.query
      .deleteFrom('resource_grant_keys')
      .where('used_at', '<', now - kept)
      .execute();
    await this.database.query
      .insertInto('resource_grant_keys')
      .values({ grant_id: grantId, jkt, used_at: now })
      .onConflict((conflict) => conflict.column('grant_id').doUpdateSet({ used_at: now }))
      .execute();
  }
}
