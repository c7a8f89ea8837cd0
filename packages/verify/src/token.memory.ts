import type { Claims } from './claims.js';

interface Remembered {
  readonly claims: Claims;
  /** The key that signed it. */
  readonly kid: string;
}

/** The tokens that were verified last: a token that comes again isn't verified again until it expires. */
export class TokenMemory {
  readonly #most: number;
  readonly #tokens = new Map<string, Remembered>();

  /** @param most tokens that are kept. */
  constructor(most: number) {
    this.#most = most;
  }

  find(token: string): Remembered | undefined {
    return this.#tokens.get(token);
  }

  add(token: string, remembered: Remembered): void {
    this.#tokens.set(token, remembered);
    if (this.#tokens.size > this.#most) {
      // The oldest: a map keeps the order in which its members came.
      for (const oldest of this.#tokens.keys()) {
        this.#tokens.delete(oldest);
        break;
      }
    }
  }

  delete(token: string): void {
    this.#tokens.delete(token);
  }
}
