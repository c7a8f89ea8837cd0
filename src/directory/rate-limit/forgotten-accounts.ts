import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Database } from '../../platform/database/database.schema.js';
import { Clock } from '../../platform/time/clock.service.js';
import { browserKnownFor } from './device-cookie.js';

/** Milliseconds between attempts while the database is away. */
const retryMilliseconds = 1000;

/**
 * Remembers from when on the networks and browsers count from which an account has logged in. It is in the database, because cookies of
 * browsers outlive a restart, and what Redis keeps.
 */
@Injectable()
export class ForgottenAccounts implements OnApplicationShutdown {
  readonly #logger = new Logger(ForgottenAccounts.name);
  /** What the database doesn't have yet: keyed hash → when it was forgotten, in milliseconds since the epoch. */
  readonly #waiting = new Map<string, number>();
  #isAway = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Notes that nothing counts that was known before now. @param ids keyed hashes of the accounts. */
  async note(ids: readonly string[]): Promise<void> {
    const now = this.clock.now();
    await this.#store(ids.map((id) => [id, now] as const));
  }

  /**
   * The same after a change that can't be undone, whose answer must not fail for it. While the database is away, it counts in this process
   * alone, and is stored once the database is back. If the process is killed before, what was known stays known: that spares a guesser
   * there the count of the account from everywhere, not the others.
   */
  async noteDone(ids: readonly string[]): Promise<void> {
    const now = this.clock.now();
    ids.forEach((id) => this.#waiting.set(id, now));
    await this.#storeWaiting();
  }

  /** Milliseconds since the epoch from which on something counts; 0: from ever. @param ids of one account, under each of the secrets. */
  async since(ids: readonly string[]): Promise<number> {
    // Before the question: what is stored meanwhile waits no more.
    const waiting = ids.map((id) => this.#waiting.get(id) ?? 0);
    const { latest } = await this.database.query
      .selectFrom('forgotten_accounts')
      .select(({ fn }) => fn.max('forgotten_at').as('latest'))
      .where('id', 'in', ids)
      .executeTakeFirstOrThrow();
    return Math.max(Number(latest ?? 0), ...waiting);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#storeWaiting();
    clearTimeout(this.#timer);
  }

  /** Never rejects. */
  async #storeWaiting(): Promise<void> {
    const entries = [...this.#waiting];
    try {
      await this.#store(entries);
      for (const [id, at] of entries) {
        if (this.#waiting.get(id) === at) {
          this.#waiting.delete(id);
        }
      }
      this.#isAway = false;
    } catch (error) {
      if (!this.#isAway) {
        this.#isAway = true;
        this.#logger.warn('forgotten networks and browsers wait for the database', {
          reason: 'forgotten_accounts_waiting',
          err: error,
        });
      }
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#storeWaiting(), retryMilliseconds).unref();
    }
  }

  async #store(entries: readonly (readonly [id: string, at: number])[]): Promise<void> {
    if (entries.length === 0) {
      return;
    }
    const { query } = this.database;
    await query
      .deleteFrom('forgotten_accounts')
      .where('forgotten_at', '<', this.clock.now() - browserKnownFor * 1000)
      .execute();
    for (const [id, at] of entries) {
      await query
        .insertInto('forgotten_accounts')
        .values({ id, forgotten_at: at })
        .onConflict((conflict) =>
          conflict
            .column('id')
            .doUpdateSet({ forgotten_at: at })
            .where('forgotten_accounts.forgotten_at', '<', at),
        )
        .execute();
    }
  }
}
