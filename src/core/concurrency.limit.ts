/** Lets only so many tasks run at once; the others wait in line, first come, first served. */
export class ConcurrencyLimit {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param limit tasks at once. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs the task when its turn has come. @returns what it returns; also its rejection. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limit) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    } else {
      this.#running += 1;
    }
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) {
        this.#running -= 1;
      } else {
        // The place goes straight to the next in line.
        next();
      }
    }
  }
}
