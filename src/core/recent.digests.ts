import { Injectable } from '@nestjs/common';
import { digestOf } from './secret.text.js';

/** Milliseconds until nothing is left of a text. */
const keptFor = 1000;
const mostTexts = 1000;
const endLength = 22;

/** What a credential is found by, its last 22 characters: of a cookie its tag, of a token the end of its signature, 128 bits and more. */
export function endOf(text: string): string {
  return text.slice(-endLength);
}

/** The same text by itself: a part of another one holds on to all of it. */
export function copyOf(text: string): string {
  return Buffer.from(text).toString();
}

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
    // Not the header that it came in, with the cookies of others.
    this.#byEnd.set(copyOf(endOf(text)), { text: copyOf(text), digest });
  }
}
