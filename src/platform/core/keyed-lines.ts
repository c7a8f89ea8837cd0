/**
 * Queues by key: of the operations with the same key only one runs at a time. Callers who would wait for the same row wait here
 * instead, where they hold no connection that others could use.
 */
export class KeyedLines {
  /** Resolves when the last operation in the queue has ended, whatever its outcome. */
  readonly #last = new Map<string, Promise<void>>();

  /** Runs an operation in turn. @returns its result; if it throws, the operations behind it still run. */
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

  /** The number of keys that have a queue now. */
  get size(): number {
    return this.#last.size;
  }
}
