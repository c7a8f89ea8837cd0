import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import { parseJson } from '../../platform/config/json.parser.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { PurposeCipher } from '../../platform/crypto/purpose-cipher.js';
import { needsRowLocks } from '../../platform/database/dialect.js';
import { Database } from '../../platform/database/database.schema.js';
import { Clock } from '../../platform/time/clock.service.js';
import type { GrantState, GrantStore } from './grant-uses.js';

const grantSchema = z.object({
  accessToken: z.string(),
  refreshToken: z.string().optional(),
  expiresAt: z.number().optional(),
});

/** What a provider issued with a login: it answers questions about the person in return for it. */
export interface ProviderGrant {
  readonly accessToken: string;
  readonly refreshToken?: string | undefined;
  /** End of the access token in milliseconds since the epoch, if the provider states it. */
  readonly expiresAt?: number | undefined;
}

/** A grant as it is stored, and its state. */
export interface StoredGrant extends GrantState {
  readonly grant: ProviderGrant;
  readonly sealed: string;
}

/** The grants of live sessions, encrypted in SQL. A grant ends with its session. */
@Injectable()
export class ProviderGrants implements GrantStore {
  readonly #cipher: PurposeCipher;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { SECRETS }: Configuration,
  ) {
    this.#cipher = new PurposeCipher(SECRETS, 'provider-grant');
  }

  /** Stores the grant of a session that has begun; of one that ends meanwhile, on any replica, nothing is left. */
  async keep(sessionId: string, grant: ProviderGrant): Promise<void> {
    const { query } = this.database;
    const ofLive = query
      .selectFrom('sessions')
      .where('id', '=', sessionId)
      .where('ended_at', 'is', null)
      .select(({ ref, val }) => [
        ref('id').as('session_id'),
        val(this.#seal(grant)).as('sealed'),
        val(this.clock.now()).as('checked_at'),
      ]);
    await query
      .insertInto('provider_grants')
      .columns(['session_id', 'sealed', 'checked_at'])
      .expression(needsRowLocks(query) ? ofLive.forShare() : ofLive)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /** Replaces the grant of a session that hasn't ended. */
  async replace(sessionId: string, grant: ProviderGrant): Promise<void> {
    await this.database.query
      .updateTable('provider_grants')
      .set({ sealed: this.#seal(grant) })
      .where('session_id', '=', sessionId)
      .execute();
  }

  /** Finds the grant of a session. @returns undefined if there is none, or if it was encrypted with secrets that are gone. */
  async find(sessionId: string): Promise<StoredGrant | undefined> {
    const row = await this.database.query
      .selectFrom('provider_grants')
      .selectAll()
      .where('session_id', '=', sessionId)
      .executeTakeFirst();
    const grant = grantSchema.safeParse(parseJson(this.#cipher.decrypt(row?.sealed ?? '') ?? ''));
    return row === undefined || !grant.success ? undefined : { ...row, grant: grant.data };
  }

  async stateOf(sessionId: string): Promise<GrantState | undefined> {
    return this.database.query
      .selectFrom('provider_grants')
      .select(['checked_at', 'checking_until'])
      .where('session_id', '=', sessionId)
      .executeTakeFirst();
  }

  async take(sessionId: string, sealed: string, until: number): Promise<boolean> {
    const result = await this.database.query
      .updateTable('provider_grants')
      .set({ checking_until: until })
      .where('session_id', '=', sessionId)
      .where('sealed', '=', sealed)
      .where((where) =>
        where.or([where('checking_until', 'is', null), where('checking_until', '<', this.clock.now())]),
      )
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  async giveBack(sessionId: string, until: number, isAccepted: boolean): Promise<void> {
    await this.database.query
      .updateTable('provider_grants')
      .set({ checking_until: null, ...(isAccepted ? { checked_at: this.clock.now() } : {}) })
      .where('session_id', '=', sessionId)
      .where('checking_until', '=', until)
      .execute();
  }

  #seal(grant: ProviderGrant): string {
    return this.#cipher.encrypt(JSON.stringify(grant));
  }
}
