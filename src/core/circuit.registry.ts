import { Injectable } from '@nestjs/common';
import { CircuitBreaker, type CircuitStateName } from './circuit.breaker.js';

/** What of the circuits others may see. */
export interface CircuitView {
  readonly name: string;
  readonly state: CircuitStateName;
}

/** The circuit breakers of this process, one an upstream: `kratos`, `hydra`, `provider`, `database`. */
@Injectable()
export class CircuitRegistry {
  readonly #breakers = new Map<string, CircuitBreaker>();

  /** The breaker of an upstream; all that call it share one. */
  of(name: string): CircuitBreaker {
    const known = this.#breakers.get(name) ?? new CircuitBreaker(name);
    this.#breakers.set(name, known);
    return known;
  }

  /** Adds a breaker that was made elsewhere. */
  add(breaker: CircuitBreaker): void {
    this.#breakers.set(breaker.name, breaker);
  }

  /** Each circuit's state now; for metrics and readiness. */
  states(): readonly CircuitView[] {
    return [...this.#breakers.values()].map(({ name, state }) => ({ name, state }));
  }
}
