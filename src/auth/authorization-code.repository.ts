import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Insertable, Selectable } from 'kysely';
import { Clock } from '../core/clock.service.js';
import { type AuthorizationCodesTable, Database } from '../database/database.schema.js';

type Grant = Omit<Insertable<AuthorizationCodesTable>, 'code_hash' | 'expires_at'>;

/** One-time codes, only ever stored as hashes. */
@Injectable()
export class AuthorizationCodeRepository {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Makes a code; codes that are over are forgotten on the way. @param life in milliseconds. */
  async issue(grant: Grant, life: number): Promise<string> {
    const now = this.#clock.now();
    const code = randomBytes(32).toString('base64url');
    await this.#database.query.deleteFrom('authorization_codes').where('expires_at', '<=', now).execute();
    await this.#database.query
      .insertInto('authorization_codes')
      .values({ ...grant, code_hash: hash(code), expires_at: now + life })
      .execute();
    return code;
  }

  /** Takes a code away, whoever asks first, on whichever replica. @returns what it was for, unless it's over. */
  async take(code: string): Promise<Selectable<AuthorizationCodesTable> | undefined> {
    const row = await this.#database.query
      .deleteFrom('authorization_codes')
      .where('code_hash', '=', hash(code))
      .returningAll()
      .executeTakeFirst();
    return row !== undefined && row.expires_at > this.#clock.now() ? row : undefined;
  }
}

/** 256 random bits need no slow hash. */
function hash(code: string): string {
  return createHash('sha256').update(code).digest('hex');
}
