import { inTime } from '../time/deadline.js';
import { busyVendorTimeout, isVendorAway, unavailable, vendorTimeout } from './vendor-call.js';

/** The state of a circuit. `closed`: calls go through. `open`: they fail at once. `half_open`: one call tests the upstream. */
export type CircuitStateName = 'closed' | 'open' | 'half_open';

/** Failures in a row, without a success between them, after which the circuit opens. */
const failuresInARow = 4;
/** Milliseconds until the next call may test the upstream. */
const halfOpenAfter = 1000;

/** The options in which a breaker differs from that of a provider's HTTP API. */
export interface CircuitOptions {
  /** Which failures, or answers, mean that the upstream is unavailable. */
  readonly isAway?: (outcome: unknown) => boolean;
  /** Makes the error that is thrown while the circuit is open. */
  readonly refuse?: (reason: string) => Error;
}

/** Reports the outcome of a call that was let through: nothing for success, else the failure. */
export type Settle = (failure?: unknown) => void;

/**
 * A circuit breaker: calls to an upstream that doesn't answer fail at once, instead of each waiting for its time-out.
 *
 * Only silence opens it: no connection, no answer in time, or a gateway's 502 to 504. Any other answer may have been caused by a
 * caller, and counts as an answer.
 */
export class CircuitBreaker {
  /** The upstream, for reasons and metrics. */
  readonly name: string;
  readonly #isAway: (outcome: unknown) => boolean;
  readonly #refuse: (reason: string) => Error;
  #state: CircuitStateName = 'closed';
  #failures = 0;
  /** Answers so far to calls that have their time-out here, and to the question for when one is late. */
  #answers = 0;
  #question: (() => Promise<unknown>) | undefined;
  #isAsking = false;
  /** By the monotonic clock: the wall clock may be set back while a circuit is open. */
  #openedAt = 0;

  constructor(name: string, { isAway = isVendorAway, refuse = unavailable }: CircuitOptions = {}) {
    this.name = name;
    this.#isAway = isAway;
    this.#refuse = refuse;
  }

  get state(): CircuitStateName {
    return this.#state;
  }

  /** Sets what an upstream is asked while a call to it is late, one question at a time: its answer shows that it's busy, not away. */
  askWhenLate(question: () => Promise<unknown>): void {
    this.#question = question;
  }

  /** Makes one call. @throws {Problem} `provider_unavailable` while the circuit is open; else what the call throws. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    const settle = this.begin();
    try {
      const result = await call();
      settle(this.#isAway(result) ? result : undefined);
      return result;
    } catch (error) {
      settle(error);
      throw error;
    }
  }

  /**
   * The same for a call that has no time-out of its own, or may wait in line for a connection: it ends after {@link vendorTimeout}
   * without an answer of the upstream to any such call or to the question of {@link askWhenLate}, at most {@link busyVendorTimeout}, and
   * `signal` is aborted. Answers to requests that are passed on, such as for public metadata, don't show that the upstream is well: anyone
   * may cause them.
   */
  async runInTime<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.run(async () => {
      try {
        const result = await this.limit(call);
        this.#answers += 1;
        return result;
      } catch (error) {
        // A refusal is an answer too.
        this.#answers += this.#isAway(error) ? 0 : 1;
        throw error;
      }
    });
  }

  /** Gives a call the time that one of {@link runInTime} has, but counts neither it nor its answer: for requests that are passed on. */
  async limit<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const asking = setInterval(() => void this.#ask(), vendorTimeout / 2);
    try {
      return await inTime(vendorTimeout, call, { answers: () => this.#answers, atMost: busyVendorTimeout });
    } finally {
      clearInterval(asking);
    }
  }

  async #ask(): Promise<void> {
    if (this.#question === undefined || this.#isAsking) {
      return;
    }
    this.#isAsking = true;
    try {
      await this.#question();
      this.#answers += 1;
    } catch {
      // It stays silent.
    } finally {
      this.#isAsking = false;
    }
  }

  /**
   * Runs a health check. While the circuit is closed, the check bypasses it, because its success proves nothing about other calls.
   * While it is open, the check may be the call that closes it, so that an upstream without traffic recovers too.
   */
  async probe(check: () => Promise<void>): Promise<void> {
    await (this.#state === 'closed' ? check() : this.run(check));
  }

  /**
   * Begins an operation that isn't one call, unless the circuit is open.
   * @returns a function to call once, in any case, with the outcome.
   * @throws {Problem} `provider_unavailable`
   */
  begin(): Settle {
    if (this.#state === 'closed') {
      return (failure) => this.#count(failure);
    }
    // One call tests the upstream; the others don't wait for it.
    if (this.#state === 'half_open' || performance.now() - this.#openedAt < halfOpenAfter) {
      throw this.#refuse(`${this.name}_circuit_open`);
    }
    this.#state = 'half_open';
    return (failure) => (this.#isAway(failure) ? this.#open() : this.#close());
  }

  /** Counts the outcome of a call that began while the circuit was closed. A failure that says nothing of the upstream counts as nothing. */
  #count(failure: unknown): void {
    if (failure === undefined) {
      this.#failures = 0;
    } else if (this.#isAway(failure)) {
      this.#failures += 1;
    }
    if (this.#state === 'closed' && this.#failures >= failuresInARow) {
      this.#open();
    }
  }

  #open(): void {
    this.#state = 'open';
    this.#openedAt = performance.now();
  }

  #close(): void {
    this.#state = 'closed';
    this.#failures = 0;
  }
}
