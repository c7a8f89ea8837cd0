import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
} from 'cockatiel';
import { inTime } from './deadline.js';
import { isVendorAway, unavailable, vendorTimeout } from './vendor.call.js';

/** `closed`: calls go through. `open`: they fail at once. `half_open`: one is under way to see whether it's there again. */
export type CircuitStateName = 'closed' | 'open' | 'half_open';

/** Failures in a row, without a success between them, after which nobody is asked any more. */
const failuresInARow = 4;
/** Milliseconds until the next call may try again. */
const halfOpenAfter = 1000;
/**
 * cockatiel measures by the wall clock, which may be set back while a circuit is open: so it lets through whatever comes, and
 * what may come is measured here, by the monotonic one.
 */
const decidedHere = Number.NEGATIVE_INFINITY;

/** How an upstream's breaker differs from that of a provider's HTTP API. */
export interface CircuitOptions {
  /** Which failures, or answers, mean that the upstream is away. */
  readonly isAway?: (outcome: unknown) => boolean;
  /** What is thrown while the circuit is open. */
  readonly refuse?: (reason: string) => Error;
}

/** What became of something that was let through: nothing for success, else the failure. */
export type Settle = (failure?: unknown) => void;

/**
 * Keeps calls from one upstream that doesn't answer: they fail at once instead of each waiting for its time-out.
 *
 * Only silence opens it: no connection, no answer in time, or a gateway's 502 to 504. Whatever else an upstream answers may have been
 * caused by a caller, and counts as an answer.
 */
export class CircuitBreaker {
  /** The upstream, for reasons and metrics. */
  readonly name: string;
  readonly #circuit: CircuitBreakerPolicy;
  readonly #refuse: (reason: string) => Error;
  #openedAt = 0;

  constructor(name: string, { isAway = isVendorAway, refuse = unavailable }: CircuitOptions = {}) {
    this.name = name;
    this.#refuse = refuse;
    this.#circuit = circuitBreaker(
      handleWhen(isAway).orWhenResult((result) => isAway(result)),
      { halfOpenAfter: decidedHere, breaker: new ConsecutiveBreaker(failuresInARow) },
    );
    this.#circuit.onBreak(() => {
      this.#openedAt = performance.now();
    });
  }

  get state(): CircuitStateName {
    switch (this.#circuit.state) {
      case CircuitState.Closed:
        return 'closed';
      case CircuitState.HalfOpen:
        return 'half_open';
      default:
        return 'open';
    }
  }

  /**
   * Makes one call, unless the circuit is open.
   * @throws {Problem} `provider_unavailable` when it is; else whatever the call throws.
   */
  async run<T>(call: () => Promise<T>): Promise<T> {
    this.#requirePassage();
    try {
      return await this.#circuit.execute(call);
    } catch (error) {
      throw error instanceof BrokenCircuitError ? this.#refusal() : error;
    }
  }

  /**
   * The same for a call that has no time-out of its own, or may wait in line for a connection: it's over after
   * {@link vendorTimeout}, and `signal` aborted.
   */
  async runInTime<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.run(async () => inTime(vendorTimeout, call));
  }

  /**
   * A health check: beside the circuit while that is closed, for its success says nothing about other calls; while it's open, it
   * may be the call that closes it, so that an upstream without visitors is found again too.
   */
  async probe(check: () => Promise<void>): Promise<void> {
    await (this.#circuit.state === CircuitState.Closed ? check() : this.run(check));
  }

  /**
   * For what isn't one call: lets it begin, unless the circuit is open.
   * @returns to be called once, in any case, with what became of it.
   * @throws {Problem} `provider_unavailable`
   */
  begin(): Settle {
    this.#requirePassage();
    let settle: Settle = () => undefined;
    const outcome = new Promise<void>((resolve, reject) => {
      settle = (failure) => (failure === undefined ? resolve() : reject(failure));
    });
    this.#circuit.execute(() => outcome).catch(() => undefined);
    return settle;
  }

  /** Of the calls that come while one tries, none waits for it: cockatiel would let them. */
  #requirePassage(): void {
    const state = this.state;
    if (state === 'half_open' || (state === 'open' && performance.now() - this.#openedAt < halfOpenAfter)) {
      throw this.#refusal();
    }
  }

  #refusal(): Error {
    return this.#refuse(`${this.name}_circuit_open`);
  }
}
