import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/time/clock.service.js';
import { Database } from '../../platform/database/database.schema.js';

/** Records what may be used only once, on any replica: foreign tokens, and forms. */
@Injectable()
export class UsedTokenRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Whether a token was used. */
  async isUsed(issuer: string, jti: string): Promise<boolean> {
    const row = await this.database.query
      .selectFrom('used_tokens')
      .select('id')
      .where('id', '=', idOf(issuer, jti))
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Takes back that something was used, because nothing came of it. */
  async release(issuer: string, jti: string): Promise<void> {
    await this.database.query.deleteFrom('used_tokens').where('id', '=', idOf(issuer, jti)).execute();
  }

  /**
   * Marks a token as used, and removes expired records.
   * @param expiresAt milliseconds; from then on the token must be refused for its age.
   * @returns false when another request marked it first.
   */
  async use(issuer: string, jti: string, expiresAt: number): Promise<boolean> {
    await this.database.query.deleteFrom('used_tokens').where('expires_at', '<', this.clock.now()).execute();
    const result = await this.database.query
      .insertInto('used_tokens')
      .values({ id: idOf(issuer, jti), expires_at: expiresAt })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
  }
}

/** A record's id, of the same length for every issuer; an issuer is a URL and contains no space. */
function idOf(issuer: string, jti: string): string {
  return createHash('sha256').update(`${issuer} ${jti}`).digest('base64url');
}
