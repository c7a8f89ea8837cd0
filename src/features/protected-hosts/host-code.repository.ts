import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import { codeHash, newCode } from '../../platform/crypto/one-time-code.js';
import { Clock } from '../../platform/time/clock.service.js';
import { type HostCodesTable, HostDatabase } from './host.schema.js';

/** Milliseconds for which a code can be redeemed: it takes one redirect. */
const life = 30_000;

/** What a code is bound to. */
export type HostGrant = Omit<Selectable<HostCodesTable>, 'code_hash' | 'expires_at'>;

/** Stores the one-time codes of logins on protected hosts, only ever as hashes. */
@Injectable()
export class HostCodeRepository {
  constructor(
    private readonly database: HostDatabase,
    private readonly clock: Clock,
  ) {}

  /** Creates a code that can be redeemed for 30 seconds, and removes expired ones. */
  async issue(grant: HostGrant): Promise<string> {
    const now = this.clock.now();
    const code = newCode();
    await this.database.query.deleteFrom('host_codes').where('expires_at', '<=', now).execute();
    await this.database.query
      .insertInto('host_codes')
      .values({ ...grant, code_hash: codeHash(code), expires_at: now + life })
      .execute();
    return code;
  }

  /** Takes a code, for the first caller on any replica. @returns what it is bound to, unless it has expired. */
  async take(code: string): Promise<HostGrant | undefined> {
    const row = await this.database.query
      .deleteFrom('host_codes')
      .where('code_hash', '=', codeHash(code))
      .returningAll()
      .executeTakeFirst();
    return row !== undefined && row.expires_at > this.clock.now() ? row : undefined;
  }
}
