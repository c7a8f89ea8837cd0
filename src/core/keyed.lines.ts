/**
 * Lines, one for each key: of what has the same key only one runs at a time. Callers who would wait for the same row wait here
 * instead, where they hold no connection that others could use.
 */
export class KeyedLines {
  /** Ends when the last in line has, whatever became of it. */
  readonly #last = new Map<string, Promise<void>>();

  /** Runs in turn. @returns what it returns; what it throws doesn't hold up those behind it. */
  async run<T>(key: string, act: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const own = before === undefined ? act() : before.then(act);
    const end = own.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(key, end);
    try {
      return await own;
    } finally {
      if (this.#last.get(key) === end) {
        this.#last.delete(key);
      }
    }
  }

  /** How many keys have a line now. */
  get size(): number {
    return this.#last.size;
  }
}
