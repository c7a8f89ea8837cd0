/** A line: so many may go on at a time, others wait for their turn, and a bounded number of them. */
export class RequestLine {
  readonly #atOnce: number;
  readonly #longest: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(atOnce: number, longest: number) {
    this.#atOnce = atOnce;
    this.#longest = longest;
  }

  /**
   * Waits for a turn, which {@link leave} ends.
   * @param isFirst goes before the others, however many wait. @returns false, at once, if the line is full.
   */
  async enter(isFirst: boolean): Promise<boolean> {
    if (this.#running < this.#atOnce) {
      this.#running += 1;
      return true;
    }
    if (!isFirst && this.#waiting.length >= this.#longest) {
      return false;
    }
    await new Promise<void>((resolve) => {
      this.#waiting[isFirst ? 'unshift' : 'push'](resolve);
    });
    return true;
  }

  /** Ends a turn. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#running -= 1;
    } else {
      // The turn is theirs now.
      next();
    }
  }
}
