import { Injectable } from '@nestjs/common';
import { CircuitBreaker } from './circuit-breaker.js';

/** The part of a circuit that is visible to others. */
export type CircuitView = Pick<CircuitBreaker, 'name' | 'state'>;

/** The circuit breakers of this process, one per upstream: `kratos`, `hydra`, `provider`, `database`. */
@Injectable()
export class CircuitRegistry {
  readonly #breakers = new Map<string, CircuitBreaker>();

  /** The breaker of an upstream; all its callers share one. */
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
