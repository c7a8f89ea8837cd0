import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { CONFIGURATION } from '../config/config.module.js';
import { parseJson } from '../config/json.parser.js';
import type { Configuration } from '../config/configuration.js';
import { SecretBox } from '../core/secret.box.js';
import { Database } from '../database/database.schema.js';

const grantSchema = z.strictObject({ accessToken: z.string(), refreshToken: z.string().optional() });

/** What a provider gave with a login, and tells about the person for. */
export type ProviderGrant = z.output<typeof grantSchema>;

/** A grant as it is stored: what it is replaced by depends on nobody having replaced it meanwhile. */
export interface StoredGrant {
  readonly grant: ProviderGrant;
  readonly sealed: string;
}

/** The grants of live sessions, encrypted in SQL. They end with their session. */
@Injectable()
export class ProviderGrants {
  readonly #database: Database;
  readonly #box: SecretBox;

  constructor(database: Database, @Inject(CONFIGURATION) { SECRETS }: Configuration) {
    this.#database = database;
    this.#box = new SecretBox(SECRETS, 'provider-grant');
  }

  /** Keeps the grant of a session. */
  async keep(sessionId: string, grant: ProviderGrant): Promise<void> {
    await this.#database.query
      .insertInto('provider_grants')
      .values({ session_id: sessionId, sealed: this.#box.seal(JSON.stringify(grant)) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /** @returns nothing where there is none, or it was sealed by secrets that are gone. */
  async find(sessionId: string): Promise<StoredGrant | undefined> {
    const row = await this.#database.query
      .selectFrom('provider_grants')
      .select('sealed')
      .where('session_id', '=', sessionId)
      .executeTakeFirst();
    const grant = grantSchema.safeParse(parseJson(this.#box.open(row?.sealed ?? '') ?? ''));
    return row === undefined || !grant.success ? undefined : { grant: grant.data, sealed: row.sealed };
  }

  /** Takes a grant away for good, or to use up its refresh token. @returns whether it was still there: one caller gets it. */
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
