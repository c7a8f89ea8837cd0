import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { codeHash, newCode } from '../../platform/crypto/one-time-code.js';
import { PurposeCipher } from '../../platform/crypto/purpose-cipher.js';
import { Clock } from '../../platform/time/clock.service.js';
import { PushedRequestDatabase } from './pushed-request.schema.js';

/** Seconds for which a pushed request can be used. */
export const requestLife = 60;

/** Stores authorization requests that were pushed. */
@Injectable()
export class PushedRequestRepository {
  readonly #cipher: PurposeCipher;

  constructor(
    private readonly database: PushedRequestDatabase,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { SECRETS }: Configuration,
  ) {
    this.#cipher = new PurposeCipher(SECRETS, 'pushed-request');
  }

  /** Stores the query of a request, and removes those that have expired. @returns its reference. */
  async put(clientId: string, query: string): Promise<string> {
    const now = this.clock.now();
    const reference = newCode();
    await this.database.query.deleteFrom('pushed_requests').where('expires_at', '<=', now).execute();
    await this.database.query
      .insertInto('pushed_requests')
      .values({
        reference_hash: codeHash(reference),
        client_id: clientId,
        sealed: this.#cipher.encrypt(query),
        expires_at: now + requestLife * 1000,
      })
      .execute();
    return reference;
  }

  /** Takes a request of a client, for the first caller on any replica. @returns its query; undefined if there is none. */
  async take(reference: string, clientId: string): Promise<string | undefined> {
    const row = await this.database.query
      .deleteFrom('pushed_requests')
      .where('reference_hash', '=', codeHash(reference))
      .where('client_id', '=', clientId)
      .returning(['sealed', 'expires_at'])
      .executeTakeFirst();
    return row !== undefined && row.expires_at > this.clock.now()
      ? this.#cipher.decrypt(row.sealed)
      : undefined;
  }
}
