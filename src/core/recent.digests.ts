import { Injectable } from '@nestjs/common';
import { digestOf } from './secret.text.js';

/** Milliseconds until nothing is left of a text. */
const keptFor = 1000;
const mostTexts = 1000;
/** Characters that a text is found by: of a cookie its tag, of a token the end of its signature, 128 bits and more. */
const endLength = 22;

interface Recent {
  readonly text: string;
  readonly digest: string;
}

/**
 * {@link digestOf} for credentials, which come several times a second from whoever is there: for a second at most it keeps what came,
 * whole, and compares instead of computing (docs/adr/0015).
 */
@Injectable()
export class RecentDigests {
  readonly #byEnd = new Map<string, Recent>();

  /** How many texts are kept. */
  get size(): number {
    return this.#byEnd.size;
  }

  /** The same as `digestOf(text)`. */
  of(text: string): string {
    const end = text.slice(-endLength);
    const known = this.#byEnd.get(end);
    if (known?.text === text) {
      return known.digest;
    }
    const digest = digestOf(text);
    if (known === undefined && this.#byEnd.size < mostTexts) {
      this.#keep(text, digest);
    }
    return digest;
  }

  #keep(text: string, digest: string): void {
    if (this.#byEnd.size === 0) {
      setTimeout(() => this.#byEnd.clear(), keptFor).unref();
    }
    // A part of a header holds on to all of it, and to the cookies of others in it.
    const copy = Buffer.from(text).toString();
    this.#byEnd.set(Buffer.from(copy.slice(-endLength)).toString(), { text: copy, digest });
  }
}
