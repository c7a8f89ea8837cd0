/** The time. A class of its own so that tests can step it; nothing else reads `Date.now()`. */
export class Clock {
  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now();
  }

  /** Whole seconds since the epoch, as in JWT claims (RFC 7519 NumericDate). */
  seconds(): number {
    return Math.floor(this.now() / 1000);
  }

  date(): Date {
    return new Date(this.now());
  }
}
