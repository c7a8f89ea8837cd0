import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import { parseJson } from '../../platform/config/json.parser.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { PurposeCipher } from '../../platform/crypto/purpose.cipher.js';
import { Database } from '../../platform/database/database.schema.js';

const grantSchema = z.strictObject({ accessToken: z.string(), refreshToken: z.string().optional() });

/** What a provider issued with a login: it answers questions about the person in return for it. */
export type ProviderGrant = z.output<typeof grantSchema>;

/** A grant as it is stored. It is replaced only if no other caller has replaced it in the meantime. */
export interface StoredGrant {
  readonly grant: ProviderGrant;
  readonly sealed: string;
}

/** The grants of live sessions, encrypted in SQL. A grant ends with its session. */
@Injectable()
export class ProviderGrants {
  readonly #database: Database;
  readonly #cipher: PurposeCipher;

  constructor(database: Database, @Inject(CONFIGURATION) { SECRETS }: Configuration) {
    this.#database = database;
    this.#cipher = new PurposeCipher(SECRETS, 'provider-grant');
  }

  /** Stores the grant of a session. */
  async keep(sessionId: string, grant: ProviderGrant): Promise<void> {
    await this.#database.query
      .insertInto('provider_grants')
      .values({ session_id: sessionId, sealed: this.#cipher.encrypt(JSON.stringify(grant)) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /** Finds the grant of a session. @returns undefined if there is none, or if it was encrypted with secrets that are gone. */
  async find(sessionId: string): Promise<StoredGrant | undefined> {
    const row = await this.#database.query
      .selectFrom('provider_grants')
      .select('sealed')
      .where('session_id', '=', sessionId)
      .executeTakeFirst();
    const grant = grantSchema.safeParse(parseJson(this.#cipher.decrypt(row?.sealed ?? '') ?? ''));
    return row === undefined || !grant.success ? undefined : { grant: grant.data, sealed: row.sealed };
  }

  /** Removes a grant, for good or to use its refresh token. @returns whether it was still there: only one caller gets it. */
  async take(sessionId: string, { sealed }: StoredGrant): Promise<boolean> {
    const taken = await this.#database.query
      .deleteFrom('provider_grants')
      .where('session_id', '=', sessionId)
      .where('sealed', '=', sealed)
      .returning('session_id')
      .executeTakeFirst();
    return taken !== undefined;
  }
}
