import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { codeHash } from '../../../platform/crypto/one-time-code.js';
import { PurposeCipher } from '../../../platform/crypto/purpose-cipher.js';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { Database } from '../../../platform/database/database.schema.js';
import { Clock } from '../../../platform/time/clock.service.js';

/** Marks a secret as such, for scanners that look for leaked ones. */
const prefix = 'vsc_';

/**
 * The secrets of applications. Hydra knows one secret of a client, and replaces it at once. So that an application can change over,
 * the one before it is kept as a hash, and stands for the current one until it expires.
 */
@Injectable()
export class ApplicationSecretRepository {
  readonly #cipher: PurposeCipher;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { SECRETS }: Configuration,
  ) {
    this.#cipher = new PurposeCipher(SECRETS, 'application-secret');
  }

  /** A new secret; it isn't stored yet. */
  make(): string {
    return prefix + randomBytes(32).toString('base64url');
  }

  /**
   * Stores a secret as the current one.
   * @param previousUntil until when the one that was current is accepted, in milliseconds since the epoch.
   */
  async store(applicationId: string, secret: string, previousUntil: number): Promise<void> {
    await this.database.query.transaction().execute(async (transaction) => {
      // What was kept before is no longer accepted: two secrets at a time.
      await transaction
        .deleteFrom('application_secrets')
        .where('application_id', '=', applicationId)
        .where('expires_at', 'is not', null)
        .execute();
      await transaction
        .updateTable('application_secrets')
        .set({ expires_at: previousUntil })
        .where('application_id', '=', applicationId)
        .execute();
      await transaction
        .insertInto('application_secrets')
        .values({
          application_id: applicationId,
          secret_hash: codeHash(secret),
          sealed: this.#cipher.encrypt(secret),
          expires_at: null,
        })
        .execute();
    });
  }

  /** Removes all secrets of an application. */
  async remove(applicationId: string): Promise<void> {
    await this.database.query
      .deleteFrom('application_secrets')
      .where('application_id', '=', applicationId)
      .execute();
  }

  /** An application's current secret; undefined if it has none that is known here. */
  async current(applicationId: string): Promise<string | undefined> {
    const row = await this.database.query
      .selectFrom('application_secrets')
      .select('sealed')
      .where('application_id', '=', applicationId)
      .where('expires_at', 'is', null)
      .executeTakeFirst();
    return row && this.#cipher.decrypt(row.sealed);
  }

  /** Whether this is an application's current secret; undefined if it has none that is known here. */
  async isCurrent(applicationId: string, secret: string): Promise<boolean | undefined> {
    const row = await this.database.query
      .selectFrom('application_secrets')
      .select('secret_hash')
      .where('application_id', '=', applicationId)
      .where('expires_at', 'is', null)
      .executeTakeFirst();
    return row && row.secret_hash === codeHash(secret);
  }

  /** The current secret of an application that states it, or the one before, which hasn't expired; undefined if it states neither. */
  async currentFor(applicationId: string, stated: string): Promise<string | undefined> {
    const row = await this.database.query
      .selectFrom('application_secrets as stated')
      .innerJoin('application_secrets as current', 'current.application_id', 'stated.application_id')
      .select('current.sealed')
      .where('stated.application_id', '=', applicationId)
      .where('stated.secret_hash', '=', codeHash(stated))
      .where((where) =>
        where.or([where('stated.expires_at', 'is', null), where('stated.expires_at', '>', this.clock.now())]),
      )
      .where('current.expires_at', 'is', null)
      .executeTakeFirst();
    return row === undefined ? undefined : this.#cipher.decrypt(row.sealed);
  }

  /** Until when the previous secrets of these applications are accepted, in milliseconds since the epoch. */
  async previousOf(applicationIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (applicationIds.length === 0) {
      return new Map();
    }
    const rows = await this.database.query
      .selectFrom('application_secrets')
      .select(['application_id', 'expires_at'])
      .where('application_id', 'in', applicationIds)
      .where('expires_at', '>', this.clock.now())
      .execute();
    return new Map(rows.map((row) => [row.application_id, Number(row.expires_at)]));
  }
}
