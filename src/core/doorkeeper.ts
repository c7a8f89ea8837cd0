/** Words of 32 bits that are kept, and names after which they are all cleared: of what is new then, a sixteenth passes for known. */
const words = 2 ** 17;
const mostNames = 2 ** 18;

/**
 * Tells what comes again from what comes for the first time, so that a cache isn't filled with what comes once: the doorkeeper of TinyLFU
 * (Einziger, Friedman, Manes: TinyLFU, 2017). It errs now and then, to either side, which costs its caller one entry or one computation.
 */
export class Doorkeeper {
  readonly #seen = new Uint32Array(words);
  #names = 0;

  /**
   * Whether this name was here before. From now on it was.
   * @param name 32 random bits.
   */
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
