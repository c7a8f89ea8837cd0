import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import type { IdentityKey } from '../../../directory/users/identity.js';
import { Database } from '../../../platform/database/database.schema.js';
import { LazyCache } from '../../../platform/hot-path/lazy-cache.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { ApplicationLogins } from './application-logins.js';

/** Milliseconds for which one recorded use stands for all that follow. */
const precision = 60_000;
/** Pairs of a person and an application whose latest record is cached. */
const rememberedPairs = 10_000;

/** Records when people used applications, which Hydra doesn't. */
@Injectable()
export class ApplicationUses implements BeforeApplicationShutdown {
  readonly #logger = new Logger(ApplicationUses.name);
  /** Person and application → when this process last recorded a use, in milliseconds since the epoch. */
  readonly #recorded = new LazyCache<string, number>(rememberedPairs);
  readonly #underWay = new Set<Promise<void>>();

  constructor(
    private readonly database: Database,
    private readonly logins: ApplicationLogins,
    private readonly clock: Clock,
  ) {}

  /**
   * Records that a person uses an application now, beside what the caller does: it neither waits nor fails. Further uses within a
   * minute aren't recorded.
   * @param isConsent whether the person has just agreed, which is always recorded.
   */
  note({ issuer, subject }: IdentityKey, clientId: string, { isConsent = false } = {}): void {
    const now = this.clock.now();
    const key = keyOf(subject, clientId);
    if (!isConsent && Math.abs(now - (this.#recorded.get(key) ?? 0)) < precision) {
      return;
    }
    this.#recorded.set(key, now);
    const writing = this.#write({ issuer, subject }, clientId, now)
      .catch((error: unknown) => {
        this.#recorded.delete(key);
        this.#logger.warn('the use of an application could not be recorded', {
          reason: 'application_use_not_recorded',
          err: error,
        });
      })
      .finally(() => this.#underWay.delete(writing));
    this.#underWay.add(writing);
  }

  /** Removes what is recorded about a person. @param clientId about this application only. */
  async removeOf(subject: string, clientId?: string): Promise<void> {
    await this.settled();
    await this.logins.forget(subject, clientId);
    const uses = this.database.query.deleteFrom('application_uses').where('subject', '=', subject);
    await (clientId === undefined ? uses : uses.where('client_id', '=', clientId)).execute();
    const isRemoved = (key: string): boolean =>
      clientId === undefined ? key.startsWith(keyOf(subject, '')) : key === keyOf(subject, clientId);
    for (const key of [...this.#recorded.keys()].filter(isRemoved)) {
      this.#recorded.delete(key);
    }
  }

  /** Removes what is recorded about an application. */
  async removeAll(clientId: string): Promise<void> {
    await this.database.query.deleteFrom('application_uses').where('client_id', '=', clientId).execute();
  }

  /** Resolves when all that was noted so far is stored. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.settled();
  }

  async #write({ issuer, subject }: IdentityKey, clientId: string, now: number): Promise<void> {
    await this.database.query
      .insertInto('application_uses')
      .values({ issuer, subject, client_id: clientId, first_used_at: now, last_used_at: now })
      .onConflict((conflict) =>
        conflict
          .columns(['subject', 'client_id'])
          .doUpdateSet({ last_used_at: now })
          // Another replica may have recorded a later use.
          .where('application_uses.last_used_at', '<', now),
      )
      .execute();
  }
}

function keyOf(subject: string, clientId: string): string {
  return `${subject} ${clientId}`;
}
