import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import pLimit from 'p-limit';
import { AuthStrategy } from '../auth-strategy/auth.strategy.js';
import { UserChanges } from '../directory/users/user-changes.js';
import { allDone, allInTurn } from '../platform/core/settled.js';
import { DatabaseLocks } from '../platform/database/database-locks.js';
import type { TransactionPart } from '../platform/database/transaction-part.js';
import { Clock } from '../platform/time/clock.service.js';
import { PeriodicTask } from '../platform/time/periodic-task.js';
import { SessionService } from '../session/session.service.js';
import {
  type Everywhere,
  type ProviderLogout,
  ProviderLogoutRepository,
} from './provider-logout.repository.js';

/** Milliseconds for which the end of sessions waits for the provider: a few are ended by then, many go on behind the answer. */
const longestWait = 3000;
/** Sessions that are ended at the provider between two looks at what is noted. */
const sessionsAtOnce = 50;
/** Concurrent calls for one user: logins wait for the same provider. */
const callsAtOnce = 2;
/** Milliseconds by which the provider's clock may differ. */
const clockTolerance = 60_000;

const failure = {
  message: 'the sessions of a user could not be ended at the provider',
  reason: 'provider_logout_failed',
};

/**
 * Ends at the provider what has ended here of a user, also of one with very many sessions. It is noted in SQL first, and done again, by any
 * replica, until it is done. Providers without an API for it are left alone.
 */
@Injectable()
export class ProviderLogouts extends PeriodicTask {
  readonly #logger = new Logger(ProviderLogouts.name);
  readonly #running = new Map<string, Promise<void>>();

  constructor(
    private readonly strategy: AuthStrategy,
    private readonly repository: ProviderLogoutRepository,
    private readonly sessions: SessionService,
    private readonly changes: UserChanges,
    private readonly locks: DatabaseLocks,
    private readonly clock: Clock,
  ) {
    super({ ...failure, every: 60_000, level: 'error' });
  }

  /**
   * Ends sessions of a user here, and then at the provider. Resolves when they are ended here, and a few seconds later at the latest if it
   * takes the provider longer.
   * @param end ends them here; what it gets belongs to its transaction. @param everywhere if all other logins of the user there end too.
   * @returns what `end` returned. @throws what it throws.
   */
  async endWith<T>(
    userId: string,
    end: (note: TransactionPart) => Promise<T>,
    everywhere?: Everywhere,
  ): Promise<T> {
    if (this.strategy.identities === undefined) {
      return end(async () => undefined);
    }
    const ended = await end(async (transaction) => this.repository.note(transaction, userId, everywhere));
    await Promise.race([this.#run(userId), delay(longestWait, undefined, { ref: false })]);
    return ended;
  }

  /** Does what is left of all users. */
  async finish(): Promise<void> {
    let last = '';
    for (;;) {
      const ids = await this.repository.list(last);
      for (const id of ids) {
        await this.#run(id);
      }
      const end = ids.at(-1);
      if (end === undefined || this.isOver) {
        return;
      }
      last = end;
    }
  }

  protected override run(): Promise<void> {
    return this.finish();
  }

  /** One run of a user at a time: what is noted meanwhile, it does too. Never throws. */
  async #run(userId: string): Promise<void> {
    const running =
      this.#running.get(userId) ??
      this.#untilDone(userId)
        .catch((error: unknown) => {
          this.#logger.error(failure.message, { reason: failure.reason, userId, err: error });
        })
        .finally(() => this.#running.delete(userId));
    this.#running.set(userId, running);
    return running;
  }

  async #untilDone(userId: string): Promise<void> {
    let isDone = false;
    while (!isDone && !this.isOver) {
      isDone = await this.locks.run(`provider logout ${userId}`, async () => this.#next(userId));
    }
  }

  /** Ends some. @returns whether nothing is left. */
  async #next(userId: string): Promise<boolean> {
    const due = await this.repository.find(userId);
    if (due === undefined) {
      return true;
    }
    const { since, ended_to: after } = due;
    const rows = await this.sessions.listEnded(userId, since, sessionsAtOnce, after ?? '');
    const limit = pLimit(callsAtOnce);
    await allInTurn([
      async () => this.#endEverywhere(due),
      async () => allDone(rows.map(async (row) => limit(async () => this.strategy.endSession(row)))),
    ]);
    const last = rows.at(-1);
    if (last !== undefined) {
      await this.repository.advance(due, { ended_to: last.id });
      return false;
    }
    await this.repository.remove(due);
    return (await this.repository.find(userId)) === undefined;
  }

  /** Ends all logins of the user but the one that stays. Those that began after the user asked for it stay, too. */
  async #endEverywhere(due: ProviderLogout): Promise<void> {
    const { user_id: userId, noted_at: notedAt, staying } = due;
    const { identities: administration } = this.strategy;
    if (due.everywhere === 0 || administration === undefined) {
      return;
    }
    const asked = notedAt + clockTolerance;
    const begunAfter = this.clock.now() < asked ? undefined : asked;
    const identities = await this.changes.identitiesOf(userId);
    const administered = identities.filter(({ issuer }) => administration.has(issuer));
    await allInTurn(
      administered.map(
        ({ subject }) =>
          async () =>
            administration.endSessions(subject, staying ?? undefined, begunAfter),
      ),
    );
    await this.repository.advance(due, { everywhere: 0 });
  }
}
