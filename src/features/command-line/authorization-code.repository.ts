import { Injectable } from '@nestjs/common';
import type { Insertable, Selectable } from 'kysely';
import { requireActiveUser } from '../../directory/users/user-rules.js';
import { codeHash, newCode } from '../../platform/crypto/one-time-code.js';
import { Clock } from '../../platform/time/clock.service.js';
import { type AuthorizationCodesTable, CommandLineDatabase } from './authorization-code.schema.js';

type Grant = Omit<Insertable<AuthorizationCodesTable>, 'code_hash' | 'expires_at'>;

/** Stores one-time codes, only ever as hashes. */
@Injectable()
export class AuthorizationCodeRepository {
  constructor(
    private readonly database: CommandLineDatabase,
    private readonly clock: Clock,
  ) {}

  /**
   * Creates a code, and removes expired ones.
   * @param life in milliseconds.
   * @throws {Problem} `unauthenticated` if the user was disabled or deleted in the meantime.
   */
  async issue(grant: Grant, life: number): Promise<string> {
    const now = this.clock.now();
    const code = newCode();
    await this.database.query.deleteFrom('authorization_codes').where('expires_at', '<=', now).execute();
    await this.database.query.transaction().execute(async (transaction) => {
      await requireActiveUser(transaction, grant.user_id);
      await transaction
        .insertInto('authorization_codes')
        .values({ ...grant, code_hash: codeHash(code), expires_at: now + life })
        .execute();
    });
    return code;
  }

  /** Takes a code, for the first caller on any replica. @returns its grant, unless it has expired. */
  async take(code: string): Promise<Selectable<AuthorizationCodesTable> | undefined> {
    const row = await this.database.query
      .deleteFrom('authorization_codes')
      .where('code_hash', '=', codeHash(code))
      .returningAll()
      .executeTakeFirst();
    return row !== undefined && row.expires_at > this.clock.now() ? row : undefined;
  }
}
