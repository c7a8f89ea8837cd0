import pg from 'pg';
import { waitUntil } from './stack.js';

/** Another replica on PostgreSQL, which changes rows while a gateway is at them. */
export class RowRace {
  readonly #other: pg.Client;

  private constructor(other: pg.Client) {
    this.#other = other;
  }

  static async at(url: string): Promise<RowRace> {
    const other = new pg.Client(url);
    await other.connect();
    return new RowRace(other);
  }

  /** Does something that comes to a row while this replica changes it in a transaction of its own. @param values of the statement. */
  async during<T>(change: string, values: readonly string[], act: () => Promise<T>): Promise<T> {
    await this.#other.query('begin');
    try {
      await this.#other.query(change, [...values]);
      const outcome = act();
      // Anyone who waits for it hears of a failure.
      outcome.catch(() => undefined);
      await waitUntil(async () => {
        const { rows } = await this.#other.query(
          "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
        );
        return rows.length > 0;
      }, 'somebody to wait for the row');
      await this.#other.query('commit');
      return await outcome;
    } finally {
      await this.#other.query('rollback');
    }
  }

  async stop(): Promise<void> {
    await this.#other.end();
  }
}
