import { Injectable } from '@nestjs/common';
import { digestOf } from './secret-text.js';

/** Milliseconds until nothing of a text is kept. */
const keptFor = 1000;
const mostTexts = 1000;
const endLength = 22;

/** The key by which a credential is found, its last 22 characters: a cookie's tag or the end of a token's signature, 128 bits and more. */
export function endOf(text: string): string {
  return text.slice(-endLength);
}

/** A copy of a text: a substring keeps the whole text in memory. */
export function copyOf(text: string): string {
  return Buffer.from(text).toString();
}

interface Recent {
  readonly text: string;
  readonly digest: string;
}

/**
 * {@link digestOf} for credentials, which active users send several times a second. It keeps each whole credential for a second at
 * most, and compares instead of computing (docs/adr/0015).
 */
@Injectable()
export class RecentDigests {
  readonly #byEnd = new Map<string, Recent>();

  /** The number of texts that are kept. */
  get size(): number {
    return this.#byEnd.size;
  }

  /** The same as `digestOf(text)`. */
  of(text: string): string {
    const end = endOf(text);
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
    // Not the header that it came in, which has other cookies too.
    this.#byEnd.set(copyOf(endOf(text)), { text: copyOf(text), digest });
  }
}
