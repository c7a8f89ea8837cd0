/** Number of 32-bit words, and of names after which all are cleared. At that point, a sixteenth of new names count as known. */
const words = 2 ** 17;
const mostNames = 2 ** 18;

/**
 * Tells names that come again from those that come for the first time, so that a cache isn't filled with values that are used
 * once. It exists only for speed: it's the doorkeeper of TinyLFU (Einziger, Friedman, Manes: TinyLFU, 2017). It sometimes errs,
 * in either direction, which costs its caller one entry or one computation.
 *
 * No figure is on record for it alone. Together with other steps, it raised a cold cookie from 0.37 to 0.55 of its unguarded
 * route's rate (docs/adr/0015). The ADR names no Node version for that; docs/internals/performance.md measures the gateway, this included,
 * with Node 20.20.2 and 24.21.0.
 */
export class TinyLfuDoorkeeper {
  readonly #seen = new Uint32Array(words);
  #names = 0;

  /** Whether this name is known. From this call on, it is. @param name 32 random bits. */
  knows(name: number): boolean {
    const bit = name % (words * 32);
    const [word, mask] = [bit >>> 5, 1 << (bit & 31)];
    const before = this.#seen[word] ?? 0;
    if ((before & mask) !== 0) {
      return true;
    }
    if (this.#names === mostNames) {
      this.#seen.fill(0);
      this.#names = 0;
    }
    this.#names += 1;
    this.#seen[word] = (this.#seen[word] ?? 0) | mask;
    return false;
  }
}
