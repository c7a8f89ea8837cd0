import { BoundedMap } from './bounded.map.js';
import type { Claims } from './claims.js';

interface Remembered {
  readonly claims: Claims;
  /** The key that signed it. */
  readonly kid: string;
}

/** Characters at a token's end by which it is found: a part of its signature, cheaper to hash than all of it. */
const endLength = 32;

/** The tokens that were verified last: a token that comes again isn't verified again until it expires. */
export class TokenMemory {
  readonly #byEnd: BoundedMap<Remembered & { readonly token: string }>;

  /** @param most tokens that are kept. */
  constructor(most: number) {
    this.#byEnd = new BoundedMap(most);
  }

  /** What is remembered of exactly this token. */
  find(token: string): Remembered | undefined {
    const found = this.#byEnd.get(token.slice(-endLength));
    return found?.token === token ? found : undefined;
  }

  add(token: string, remembered: Remembered): void {
    this.#byEnd.set(token.slice(-endLength), { ...remembered, token });
  }

  delete(token: string): void {
    this.#byEnd.delete(token.slice(-endLength));
  }
}
