import type { Abstract, FactoryProvider } from '@nestjs/common';
import type { CircuitBreaker } from '../platform/upstream/circuit-breaker.js';
import { CircuitRegistry } from '../platform/upstream/circuit-registry.js';
import { UpstreamCalls } from '../platform/upstream/upstream-calls.js';

/** Provides a part that is made of other parts. */
export function partOf<T, P extends readonly object[]>(
  part: Abstract<T>,
  inject: { [K in keyof P]: Abstract<P[K]> },
  create: (...parts: P) => T,
): FactoryProvider<T> {
  return { provide: part, inject: [...inject], useFactory: create };
}

/** Provides a client of an upstream, whose calls go through that upstream's circuit and are observed. */
export function clientOf<T>(
  upstream: 'kratos' | 'hydra' | 'provider',
  client: Abstract<T>,
  create: (breaker: CircuitBreaker, calls: UpstreamCalls) => T,
): FactoryProvider<T> {
  return partOf(client, [CircuitRegistry, UpstreamCalls], (circuits: CircuitRegistry, calls: UpstreamCalls) =>
    create(circuits.of(upstream), calls),
  );
}
