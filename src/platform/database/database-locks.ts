import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { KeyedLines } from '../core/keyed-lines.js';
import { Problem } from '../errors/problem.error.js';
import { Clock } from '../time/clock.service.js';
import { Database } from './database.schema.js';

/** Milliseconds after which a lock is free although its holder hasn't released it: the process has ended, or hangs. */
const life = 120_000;
/** Milliseconds that an operation waits for its turn. */
const longestWait = 20_000;
/** Milliseconds between two looks at a lock that another process holds. */
const pause = 50;
/** Milliseconds between two attempts to release a lock, while the database is away. */
const releasePause = 1000;

/**
 * Locks by name that hold across replicas, for operations that call other systems meanwhile. A transaction would hold a connection for
 * all that time, and on SQLite everyone else's writes.
 */
@Injectable()
export class DatabaseLocks {
  readonly #lines = new KeyedLines();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /**
   * Runs an operation while no other one of this name runs, in this process or another. What it has done stays done if the lock can't be
   * released at once.
   * @throws {Problem} `overloaded` if its turn doesn't come; whatever it throws.
   */
  async run<T>(name: string, act: () => Promise<T>): Promise<T> {
    const since = performance.now();
    return this.#lines.run(name, async () => {
      const holder = randomUUID();
      const isLate = (): boolean => performance.now() - since > longestWait;
      while (isLate() || !(await this.#take(name, holder))) {
        if (isLate()) {
          throw new Problem('overloaded', { reason: 'lock_busy', headers: { 'retry-after': '5' } });
        }
        await delay(pause);
      }
      try {
        return await act();
      } finally {
        await this.#release(name, holder).catch(() => void this.#releaseLater(name, holder));
      }
    });
  }

  async #release(name: string, holder: string): Promise<void> {
    await this.database.query
      .deleteFrom('locks')
      .where('name', '=', name)
      .where('holder', '=', holder)
      .execute();
  }

  /** Releases a lock as soon as the database is back, or leaves it until it's free by itself. */
  async #releaseLater(name: string, holder: string): Promise<void> {
    for (let waited = 0; waited < life; waited += releasePause) {
      await delay(releasePause, undefined, { ref: false });
      try {
        return await this.#release(name, holder);
      } catch {
        // It is still away.
      }
    }
  }

  async #take(name: string, holder: string): Promise<boolean> {
    const now = this.clock.now();
    const taken = await this.database.query
      .insertInto('locks')
      .values({ name, holder, expires_at: now + life })
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet({ holder, expires_at: now + life })
          // A statement that is repeated after a lost connection may have succeeded the first time.
          .where((where) =>
            where.or([where('locks.expires_at', '<=', now), where('locks.holder', '=', holder)]),
          ),
      )
      .returning('holder')
      .executeTakeFirst();
    return taken !== undefined;
  }
}
